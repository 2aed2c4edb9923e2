"""Everything that Firstline raises on purpose.

FirstlineError
├── UsageError              the command line or the call is wrong          exit code 2
├── WorkspaceError          the workspace is absent, taken, or of another version
│   ├── WorkspaceMissing
│   ├── WorkspaceExists
│   ├── WorkspaceBusy
│   ├── SettingsInvalid
│   ├── StoreUnusable
│   └── KeyUnusable
├── InputError              a file that came in cannot be used
│   ├── FileUnreadable
│   ├── FormatUnknown
│   ├── FileUnwritable
│   │   └── RunUnwritable
│   ├── ColumnMissing
│   ├── SourceUnclear
│   └── CorpusUnusable
├── BundleError             a model cannot be used
│   ├── BundleMissing
│   ├── BundleDamaged
│   ├── BundleVersionUnknown
│   └── BundleUnwritable
├── TrainingError           training cannot start or go on
│   ├── ClusterLost
│   ├── LabelsTooFew
│   ├── PoolTooSmall
│   ├── LanguageModelUnusable
│   ├── EncoderUnusable
│   ├── CheckpointUnusable
│   ├── CandidateUnknown
│   └── ExtraMissing
├── AddressUnusable         the service cannot listen there
└── RequestError            an HTTP request that cannot be answered        its `status`

Each has a stable `code`, a sentence that says what, got and expected, and the next step.
"""

import traceback
from pathlib import Path
from typing import ClassVar


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


class WorkspaceError(FirstlineError):
    code = "workspace"


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
    """The workspace's key is missing, damaged, or of another workspace."""

    code = "key_unusable"


class InputError(FirstlineError):
    code = "input"


class FileUnreadable(InputError):
    code = "file_unreadable"


class FormatUnknown(InputError):
    code = "format_unknown"


class FileUnwritable(InputError):
    code = "file_unwritable"


class RunUnwritable(FileUnwritable):
    """What a training has found cannot be kept, so it makes no sense to go on."""


class ColumnMissing(InputError):
    code = "column_missing"


class SourceUnclear(InputError):
    """Ids that are known bring unrelated texts, as those of another system do."""

    code = "source_unclear"


class CorpusUnusable(InputError):
    code = "corpus_unusable"


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


class TrainingError(FirstlineError):
    code = "training"


class ClusterLost(TrainingError):
    code = "cluster_lost"


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


class CandidateUnknown(TrainingError):
    code = "candidate_unknown"
    exit_code = 2


class ExtraMissing(TrainingError):
    code = "extra_missing"

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(
            f"{what} needs the extra '{extra}', which is not installed.",
            f"Run: pip install 'firstline[{extra}]'",
        )
        self.extra = extra


class AddressUnusable(FirstlineError):
    code = "address_unusable"


class RequestError(FirstlineError):
    """A request that is answered with a 4xx; `status` is its HTTP status."""

    code = "request"

    def __init__(self, code: str, message: str, next_step: str, status: int = 400) -> None:
        super().__init__(message, next_step)
        self.code = code  # type: ignore[misc]
        self.status = status


class OldSetting(FutureWarning):
    """A warning: a setting has its old name, or is one that has gone; the command line shows it as a note."""


def kind_of(error: BaseException) -> str:
    """`ValueError in forest.py, line 31`: what happened and where.

    The error's own text is left out: a library may quote a message in it. A module that is missing is named.
    """
    name = type(error).__name__
    if isinstance(error, ModuleNotFoundError) and error.name:
        name += f" (No module named '{error.name}')"
    frames = traceback.extract_tb(error.__traceback__)
    return f"{name} in {Path(frames[-1].filename).name}, line {frames[-1].lineno}" if frames else name


def trace_of(error: BaseException) -> str:
    """The stack of an error and of those that led to it, without their texts, which may quote a message."""
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
