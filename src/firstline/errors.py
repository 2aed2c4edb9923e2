"""Everything that Firstline raises on purpose: class, code, and what is wrong.

FirstlineError                     error                    exit code 1 unless another stands here
├── UsageError                     usage                    the command line or the call is wrong; exit code 2
│   └── UserRefused                user_refused             a user of the console cannot be added or changed so
├── WorkspaceError                 workspace                the workspace cannot be used
│   ├── WorkspaceMissing           workspace_missing
│   ├── WorkspaceExists            workspace_exists
│   ├── WorkspaceBusy              workspace_busy           another command is writing to it
│   ├── SettingsInvalid            settings_invalid
│   ├── StoreUnusable              store_unusable           the database is unreachable, damaged, or of another version
│   ├── LeaseLost                  lease_lost               a label comes from somebody who does not have the message
│   ├── CaseChanged                case_changed             what a lead decides about is not as they saw it
│   └── KeyUnusable                key_unusable
├── InputError                     input                    a file cannot be used
│   ├── FileUnreadable             file_unreadable
│   ├── FormatUnknown              format_unknown
│   ├── FileUnwritable             file_unwritable
│   │   └── RunUnwritable          run_unwritable
│   ├── EarlierRunDiffers          earlier_run_differs      rows are kept that were made from something else
│   ├── ColumnMissing              column_missing
│   ├── UnusableCell               cell_unusable            one cell; the import rejects its row and continues
│   ├── SourceUnclear              source_unclear
│   ├── DatesUnclear               dates_unclear
│   ├── CorpusUnusable             corpus_unusable
│   └── BackupUnusable             backup_unusable          damaged, of a later version, or not a backup
├── BundleError                    bundle                   a model cannot be used
│   ├── BundleMissing              bundle_missing
│   ├── BundleDamaged              bundle_damaged
│   ├── BundleVersionUnknown       bundle_version_unknown
│   ├── BundleUnwritable           bundle_unwritable
│   └── ScoresNotFinite            scores_not_finite        the model gives no probabilities
├── TrainingError                  training                 training cannot start or continue
│   ├── ClusterLost                cluster_lost
│   ├── MachineDiffers             machine_differs          other versions there, so training gives other results
│   ├── LabelsTooFew               labels_too_few
│   ├── PoolTooSmall               pool_too_small           too few unlabelled messages
│   ├── LanguageModelUnusable      language_model_unusable
│   ├── EncoderUnusable            encoder_unusable
│   ├── CheckpointUnusable         checkpoint_unusable
│   ├── NotebookFailed             notebook_failed          a cell failed, its kernel died, or it made no model
│   ├── CandidateUnknown           candidate_unknown        exit code 2
│   └── ExtraMissing               extra_missing
├── AddressUnusable                address_unusable         the service cannot listen there
├── ApiKeysUnusable                api_keys_unusable        the file of API keys
├── CertificateUnusable            certificate_unusable     the files for TLS
├── ServiceUnusable                service_unusable         the service of a load test does not answer
└── RequestError                   request                  an HTTP request that cannot be answered; each has its own
                                                            code and `status`

Each has a sentence that says what, got and expected, and the next step. A code never changes once it is released.

Some exceptions are not in the tree, because users never see them: their callers translate them. `UnfitGraph` and
`UnfitFile` say which file of a part is invalid, and `PatternRefused` why RE2 cannot run a mask pattern. `LongNumber`,
`TooDeep`, `TooManyKeys` and `TooManyBackslashes` stop the reading of JSON, and `Refused` that of a request.
`NotWanted` cancels a task on a worker. `OldSetting` is a warning.
"""

import traceback
from pathlib import Path
from typing import ClassVar


def install_hint(what: str) -> str:
    """How to install what is missing where there may be no network."""
    return f"Run: pip install --no-index --find-links DIR {what}, where DIR is the folder with the wheels"


class FirstlineError(Exception):
    """The root: `message` says what is wrong, `next_step` what to do about it."""

    code: ClassVar[str] = "error"
    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, next_step: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.next_step = next_step


class UsageError(FirstlineError):
    code = "usage"
    exit_code = 2


class UserRefused(UsageError):
    """A name, a password or a change of a user that is not allowed; `reason` is a stable word for which it is."""

    code = "user_refused"

    def __init__(self, reason: str, message: str, next_step: str) -> None:
        super().__init__(message, next_step)
        self.reason = reason


class WorkspaceError(FirstlineError):
    code = "workspace"


class LeaseLost(WorkspaceError):
    code = "lease_lost"


class CaseChanged(WorkspaceError):
    """A decision of a lead that cannot be saved or undone; `reason` is a stable word for why."""

    code = "case_changed"

    def __init__(self, reason: str, message: str, next_step: str) -> None:
        super().__init__(message, next_step)
        self.reason = reason


class WorkspaceMissing(WorkspaceError):
    code = "workspace_missing"


class WorkspaceExists(WorkspaceError):
    code = "workspace_exists"


class WorkspaceBusy(WorkspaceError):
    code = "workspace_busy"


class SettingsInvalid(WorkspaceError):
    code = "settings_invalid"


class StoreUnusable(WorkspaceError):
    code = "store_unusable"


class KeyUnusable(WorkspaceError):
    """The workspace's key is missing, damaged, or belongs to another workspace."""

    code = "key_unusable"


class InputError(FirstlineError):
    code = "input"


class FileUnreadable(InputError):
    code = "file_unreadable"


class FormatUnknown(InputError):
    code = "format_unknown"


class FileUnwritable(InputError):
    code = "file_unwritable"


class EarlierRunDiffers(InputError):
    """The rows of an earlier run are kept, and this one would write others in their place."""

    code = "earlier_run_differs"


class RunUnwritable(FileUnwritable):
    """Results cannot be saved, so there is no point in continuing."""

    code = "run_unwritable"


class ColumnMissing(InputError):
    code = "column_missing"


class UnusableCell(InputError):
    """A cell that cannot be used. The message, which never quotes the cell, is the reason for the reject."""

    code = "cell_unusable"


class SourceUnclear(InputError):
    """Known ids come with unrelated texts, so they are probably the ids of another system."""

    code = "source_unclear"


class DatesUnclear(InputError):
    """Whether 01/02/2026 is in January or in February cannot be told."""

    code = "dates_unclear"


class CorpusUnusable(InputError):
    code = "corpus_unusable"


class BackupUnusable(InputError):
    """A file that `firstline restore` refuses; nothing of it is restored."""

    code = "backup_unusable"


class BundleError(FirstlineError):
    code = "bundle"


class BundleMissing(BundleError):
    code = "bundle_missing"


class BundleDamaged(BundleError):
    code = "bundle_damaged"


class BundleVersionUnknown(BundleError):
    code = "bundle_version_unknown"


class BundleUnwritable(BundleError):
    code = "bundle_unwritable"


class ScoresNotFinite(BundleError):
    """What a model gives for a message are not probabilities: there is no answer."""

    code = "scores_not_finite"


class TrainingError(FirstlineError):
    code = "training"


class ClusterLost(TrainingError):
    code = "cluster_lost"


class MachineDiffers(TrainingError):
    """Another machine has other versions of something, so it would not train the same model."""

    code = "machine_differs"


class LabelsTooFew(TrainingError):
    code = "labels_too_few"


class PoolTooSmall(TrainingError):
    code = "pool_too_small"


class LanguageModelUnusable(TrainingError):
    code = "language_model_unusable"


class EncoderUnusable(TrainingError):
    code = "encoder_unusable"


class CheckpointUnusable(TrainingError):
    code = "checkpoint_unusable"


class NotebookFailed(TrainingError):
    """The training notebook did not run to its end, or no model came of it."""

    code = "notebook_failed"


class CandidateUnknown(TrainingError):
    code = "candidate_unknown"
    exit_code = 2


class ExtraMissing(TrainingError):
    code = "extra_missing"

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(
            f"{what} needs the extra '{extra}', which is not installed.",
            install_hint(f"'firstline[{extra}]'"),
        )
        self.extra = extra


class AddressUnusable(FirstlineError):
    code = "address_unusable"


class ApiKeysUnusable(FirstlineError):
    code = "api_keys_unusable"


class CertificateUnusable(FirstlineError):
    code = "certificate_unusable"


class ServiceUnusable(FirstlineError):
    code = "service_unusable"


class RequestError(FirstlineError):
    """A request that is refused: `status` is its HTTP status, `retry_after_s` when to try again, if that helps."""

    code = "request"

    def __init__(
        self, code: str, message: str, next_step: str, status: int = 400, retry_after_s: int | None = None
    ) -> None:
        super().__init__(message, next_step)
        self.code = code  # type: ignore[misc]
        self.status = status
        self.retry_after_s = retry_after_s


class OldSetting(FutureWarning):
    """A warning: a setting has its old name, or is one that has gone; the command line shows it as a note."""


def kind_of(error: BaseException) -> str:
    """`ValueError in forest.py, line 31`: what happened and where.

    The error's own text is left out, since a library may quote a message in it. The name of a missing module stays.
    """
    name = type(error).__name__
    if isinstance(error, ModuleNotFoundError) and error.name:
        name += f" (No module named '{error.name}')"
    frames = traceback.extract_tb(error.__traceback__)
    return f"{name} in {Path(frames[-1].filename).name}, line {frames[-1].lineno}" if frames else name


def trace_of(error: BaseException) -> str:
    """The stack of an error and of its causes, without their texts, which may quote a message."""
    parts: list[str] = []
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        told = f": {current.message}" if isinstance(current, FirstlineError) else ""
        frames = "".join(traceback.format_list(traceback.extract_tb(current.__traceback__)))
        parts.append(f"Traceback (most recent call last):\n{frames}{type(current).__name__}{told}\n")
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    return "\nwhich led to:\n\n".join(reversed(parts))
