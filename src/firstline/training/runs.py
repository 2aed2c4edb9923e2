"""Runs of `firstline train`, saved in `runs/`: every fold as it is trained, then the table.

A run is identified by what decides about its figures: data, settings, seed, code, versions. The same training
resumes the last such run, whether that was killed or is finished and compared other candidates.
"""

from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from firstline.errors import ExtraMissing, FirstlineError, RunUnwritable
from firstline.evaluation.held_out import HeldOut, held_out_file
from firstline.language_models.installed import installed_versions
from firstline.settings import Settings
from firstline.store.messages import Labelled, StoredMessage
from firstline.training.candidates import find_candidate
from firstline.training.candidates.base import Candidate, Context
from firstline.training.encoders import find_encoder
from firstline.training.folds import Folds
from firstline.training.provenance import code_digest, fingerprint, installed, key_of
from firstline.training.saved_folds import SavedFolds, written_whole

FILE_NAME = "run.json"
_MESSAGES_FILE = "messages.keys"
_KEY_BYTES = 16
_KEY_LETTERS = 4
_OWN_LETTERS = 8
_NOT_DECISIVE = {"database", "columns", "serving", "training", "retraining", "search", "candidates", "decisions"}
"""Settings that decide about no figure, or only about those of one candidate, see `Run.of`."""


class RunRow(msgspec.Struct, frozen=True):
    """A row of the table; a candidate that was skipped has a `problem` and no figures.

    All folds were trained `repeats` times. A blend has the `weights` of its parts, and the names of those that were
    `dropped`, or `too_slow` beside its parts.
    """

    candidate: str
    accuracy: float | None = None
    macro_f1: float | None = None
    macro_precision: float | None = None
    intervals: dict[str, tuple[float, float]] = {}
    training_s: float = 0.0
    latency_ms: dict[str, float] = {}
    memory_bytes: int = 0
    size_bytes: int = 0
    problem: str = ""
    weights: dict[str, float] = {}
    dropped: tuple[str, ...] = ()
    too_slow: tuple[str, ...] = ()
    repeats: int = 1


class RunCard(msgspec.Struct, frozen=True):
    """`run.json`. `key` names what determines the figures; `finished_at` and `model` are empty until the end.

    `Run.begin` fills in `id` and `started_at`.
    """

    id: str
    key: str
    started_at: str
    n_messages: int
    n_unlabelled: int
    n_classes: int
    folds: int
    seed: int
    rows: tuple[RunRow, ...] = ()
    finished_at: str = ""
    model: str = ""


class Run:
    """One run's folder. All writing raises `RunUnwritable`."""

    def __init__(self, folder: Path, card: RunCard, is_old: bool) -> None:
        self.folder = folder
        self.card = card
        self.is_old = is_old

    @classmethod
    def begin(cls, runs: Path, draft: RunCard, is_fresh: bool = False) -> "Run":
        """Resume the last run of the same key, or begin one; `is_fresh` begins one in any case."""
        same = [] if is_fresh else [card for card in list_runs(runs) if card.key == draft.key]
        if same:
            return cls(runs / same[0].id, same[0], True)
        begun = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{draft.key[:_KEY_LETTERS]}"
        names = (begun, *(f"{begun}-{number}" for number in range(2, 100)))
        run_id = next(name for name in names if not (runs / name).exists())
        run = cls(runs / run_id, msgspec.structs.replace(draft, id=run_id, started_at=now()), False)
        run._save_card()
        return run

    def save_messages(self, keys: Iterable[bytes]) -> None:
        """Save the keys of all messages that are read, 16 bytes each, so that it is known who learned from what."""
        file = self.folder / _MESSAGES_FILE
        if not file.exists():
            with written_whole(file) as unfinished:
                unfinished.touch(mode=0o600)
                unfinished.write_bytes(b"".join(keys))

    def of(self, candidate: str, chosen: Mapping[str, object] | None = None, origin: str = "") -> SavedFolds:
        """The folds of a candidate with the settings `chosen` for it, that starts from `origin`.

        Folds of other settings, or that started from something else, are in other folders.
        """
        own = {"chosen": chosen or None, "starts_from": origin or None}
        name = f"{candidate}-{key_of(own)[:_OWN_LETTERS]}" if any(own.values()) else candidate
        return SavedFolds(self.folder / name, self.reopen)

    def save_row(self, row: RunRow, is_withdrawn: bool = False) -> None:
        """Save a row; a problem does not replace figures of the same candidate.

        It does replace those of a blend, whose parts differ each time, and those of a candidate that `is_withdrawn`.
        """
        known = next((known for known in self.card.rows if known.candidate == row.candidate), None)
        if row.problem and known and not (known.problem or known.weights or is_withdrawn):
            return
        rows = [known for known in self.card.rows if known.candidate != row.candidate]
        self.card = msgspec.structs.replace(self.card, rows=(*rows, row))
        self._save_card()

    def reopen(self) -> None:
        """Mark a finished run as unfinished."""
        if self.card.finished_at:
            self.card = msgspec.structs.replace(self.card, finished_at="", model="")
            self._save_card()

    def finish(self, held_out: HeldOut) -> None:
        """Save what the written model answered out of fold, then mark the run as finished with that model."""
        with written_whole(held_out_file(self.folder, held_out.model)) as unfinished:
            held_out.save(unfinished)
        self.card = msgspec.structs.replace(self.card, model=held_out.model, finished_at=now())
        self._save_card()

    def _save_card(self) -> None:
        with written_whole(self.folder / FILE_NAME) as unfinished:
            unfinished.write_bytes(msgspec.json.format(msgspec.json.encode(self.card), indent=1))


def open_run(runs: Path, folds: Folds, settings: Settings, is_fresh: bool) -> Run:
    """The run of these folds: the last one of the same data, settings, code and versions, or a new one."""
    data = folds.data
    card = RunCard(
        id="",
        key=run_key(data, settings, folds.n_folds, folds.seed),
        started_at="",
        n_messages=len(data.messages),
        n_unlabelled=len(data.unlabelled),
        n_classes=len(folds.names),
        folds=folds.n_folds,
        seed=folds.seed,
    )
    run = Run.begin(runs, card, is_fresh)
    read = (*data.learned[0], *data.unlabelled)
    run.save_messages(StoredMessage(message.text, message.segment).key for message in read)
    return run


def run_key(data: Labelled, settings: Settings, folds: int, seed: int) -> str:
    """A hash of what determines the figures of a run: data, settings, seed, code, installed versions.

    What decides about those of one candidate alone is in its `origin`.
    """
    return key_of(
        {
            "data": fingerprint(*data.learned, data.unlabelled),
            "folds": folds,
            "seed": seed,
            "settings": settings.model_dump(mode="json", exclude=_NOT_DECISIVE),
            "libraries": installed(),
            "languages": installed_versions(),
            "code": code_digest(),
        }
    )


def origin(name: str, context: Context) -> str:
    """A hash of what a candidate starts from: what the workspace keeps for it, and encoders; empty for nothing.

    Empty, too, if what the candidate needs is not installed.
    """
    try:
        kind = find_candidate(name)
        parts = {"kept": kind.starts_from(context), "encoders": encoders_of(kind, context)}
    except ExtraMissing:
        return ""
    return key_of(parts) if any(parts.values()) else ""


def encoders_of(kind: type[Candidate], context: Context) -> list[str]:
    """Of each encoder that a candidate reads with and that can be used, what its weights are known by."""
    found = []
    for name in kind.encoders(context):
        with suppress(FirstlineError):
            encoder = find_encoder(name, context.workspace, context.encoders)
            found.append(encoder.id if encoder else "")
    return found


def list_runs(runs: Path) -> list[RunCard]:
    """The runs that can be read, newest first. Raises `RunUnwritable` if `runs` is not a folder."""
    found = []
    if runs.exists() and not runs.is_dir():
        raise RunUnwritable(f"{runs} is not a folder.", "Move it away.")
    for folder in runs.iterdir() if runs.exists() else []:
        with suppress(OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            card = msgspec.json.decode((folder / FILE_NAME).read_bytes(), type=RunCard)
            if card.id == folder.name:
                found.append(card)
    return sorted(found, key=lambda card: (card.started_at, card.id), reverse=True)


def runs_that_read(runs: Path, keys: Collection[bytes]) -> dict[str, int]:
    """How many of the messages with these keys each run has read, by its id; runs from before keys were saved: -1."""
    found = {}
    for card in list_runs(runs):
        try:
            content = (runs / card.id / _MESSAGES_FILE).read_bytes()
        except OSError:
            found[card.id] = -1
            continue
        read = {content[place : place + _KEY_BYTES] for place in range(0, len(content), _KEY_BYTES)}
        found[card.id] = len(read & set(keys))
    return found


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
