"""The contract that every candidate keeps; one test runs over them all."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from firstline.bundle.files import PartSource
from firstline.settings.model import EncoderSettings, Settings
from firstline.steps import Stage
from firstline.store.private import temporary_folder
from firstline.text.masks import Masker
from firstline.text.rules import TextRules
from firstline.training.candidates import checked
from firstline.types import Label, Message

if TYPE_CHECKING:
    from firstline.training.candidates.estimate import Eligible, Estimate, Workload


@dataclass(frozen=True)
class Context:
    """What a workspace gives its candidates.

    `folder` keeps what is expensive to compute and does not depend on who has which label; without one it is made anew.
    `report` is told how far a fit has come. Relative paths in settings begin at `workspace`. `chosen` is what
    the workspace sets of each candidate. `cluster` opens a client of a Dask cluster for a candidate
    that `spreads`; None: this machine. `has_many_labels`: the workspace has more than `regression.FEW_LABELS`, so that
    regressions over n-grams are solved in steps, also those of folds that have fewer. `has_class_names`: candidates
    learn the names of classes as well, with `mask` put over them as over messages.
    """

    rules: TextRules
    seed: int = 0
    language: str = "ru"
    folder: Path | None = None
    report: Callable[[Stage], None] = lambda stage: None
    encoder: EncoderSettings = field(default_factory=EncoderSettings)
    workspace: Path | None = None
    chosen: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    cluster: Callable[[], AbstractContextManager[Any]] | None = None
    has_many_labels: bool = False
    has_class_names: bool = True
    mask: Masker = field(default_factory=Masker)

    @classmethod
    def of(
        cls,
        settings: Settings,
        seed: int,
        folder: Path | None = None,
        workspace: Path | None = None,
        report: Callable[[Stage], None] = lambda stage: None,
    ) -> Self:
        """What the settings say. Raises `SettingsInvalid` if they set what a candidate does not have."""
        return cls(
            TextRules.of_language(settings.language),
            seed,
            settings.language,
            folder,
            report,
            settings.encoder,
            workspace,
            checked(settings.candidates),
            has_class_names=settings.classes.names_teach,
            mask=Masker(tuple((item.kind, item.pattern) for item in settings.masking.patterns)),
        )

    def chosen_for(self, candidate: str) -> dict[str, Any]:
        """The settings of a candidate, as arguments for its constructor."""
        return dict(self.chosen.get(candidate, {}))

    @contextmanager
    def working_folder(self) -> Iterator[Path]:
        """An empty folder that is deleted at the end. It is in the workspace, since it may hold n-grams of messages.

        Without a workspace on this machine, as on a worker of a cluster, it is a private folder of the system.
        """
        if self.workspace is not None and self.workspace.is_dir():
            with temporary_folder(self.workspace / "tmp") as folder:
                yield folder
        else:
            with TemporaryDirectory(prefix="firstline-", ignore_cleanup_errors=True) as name:
                yield Path(name)

    @property
    def vectors(self) -> Path | None:
        """The folder that keeps sentence vectors."""
        return self.folder / "vectors" if self.folder else None

    @property
    def encoders(self) -> Path | None:
        """The folder that keeps encoders as serving runs them."""
        return self.folder / "encoders" if self.folder else None


class Fitted(Protocol):
    """A model that was trained. Learned state ends in `_`."""

    labels_: list[Label]
    """The classes of the training labels, sorted: the columns of `predict_proba`."""

    borrowed_s: float
    """Seconds of earlier trainings that `fit` took something over from, and would have spent without."""

    def predict_proba(self, messages: Sequence[Message]) -> NDArray[np.float32]:
        """Uncalibrated probabilities, (n_messages, n_labels); rows sum to 1."""

    def parts(self) -> Sequence[PartSource]:
        """What writes the files that serving needs."""

    def describe(self) -> dict[str, object]:
        """The settings, for the manifest: plain data, as JSON has it."""


class Learner(Protocol):
    """A model that can be trained."""

    def fit(self, messages: Sequence[Message], labels: Sequence[Label], unlabelled: Sequence[Message]) -> Fitted:
        """Learn from labelled messages, and from unlabelled ones if the method can."""


@dataclass(frozen=True)
class NoSettings:
    """Settings of a candidate that has none."""


class Candidate(ABC):
    """A way to learn classes. The constructor stores settings; `fit` returns the candidate, which is a `Fitted`.

    To add one: a file (or folder) with a class that derives from this one, and a line in `candidates.CLASSES`.
    """

    name: ClassVar[str]
    """The same as in `candidates.CLASSES`. It carries a version, since bundles store it."""

    extra: ClassVar[str] = "train"
    """The extra of the package that installs what it needs."""

    settings_type: ClassVar[type] = NoSettings
    """A frozen dataclass with its settings, see `ranges`."""

    spreads: ClassVar[bool] = False
    """Whether one training by itself uses the whole `Context.cluster`."""

    settings: Any
    labels_: list[Label]
    borrowed_s: float = 0.0

    @classmethod
    @abstractmethod
    def eligible(cls, workload: "Workload") -> "Eligible":
        """Whether it makes sense on this data, and why; measures nothing. Raises why it cannot be trained."""

    @classmethod
    @abstractmethod
    def estimate(cls, workload: "Workload") -> "Estimate":
        """What it would take, measured on a sample in seconds. Raises why it cannot be trained."""

    @classmethod
    @abstractmethod
    def prepare(cls, context: Context, messages: Sequence[Message]) -> Generator[Stage, None, Callable[[], Self]]:
        """Make what all trainings share from all messages, labelled or not; returns how to make a candidate."""

    @classmethod
    def settings_for(cls, context: Context) -> Any:
        """Its settings, a `settings_type`, with what the workspace has chosen."""
        return cls.settings_type(**context.chosen_for(cls.name))

    @classmethod
    def encoders(cls, context: Context) -> tuple[str, ...]:
        """The names of the sentence encoders that it reads with, see `encoders.find_encoder`."""
        return ()

    @classmethod
    def starts_from(cls, context: Context) -> str:
        """The hash of what the workspace keeps and trainings start from, such as a language model; empty: nothing."""
        return ""

    @classmethod  # noqa: B027 (most leave nothing)
    def forget_kept(cls, context: Context) -> None:
        """Remove what earlier trainings have left in the workspace for later ones: `firstline train --fresh`."""

    @abstractmethod
    def fit(self, messages: Sequence[Message], labels: Sequence[Label], unlabelled: Sequence[Message]) -> Self:
        """Learn from labelled messages, and from unlabelled ones if the method can."""

    @abstractmethod
    def predict_proba(self, messages: Sequence[Message]) -> NDArray[np.float32]:
        """Uncalibrated probabilities, (n_messages, n_labels); rows sum to 1."""

    @abstractmethod
    def export(self, folder: Path) -> str:
        """Write the files that serving needs into `folder`; returns the kind of part, see `bundle.parts`."""

    def parts(self) -> list[PartSource]:
        """The one part that it serves from."""
        return [PartSource(self.export)]

    def describe(self) -> dict[str, object]:
        """The settings, for the manifest: plain data, as JSON has it."""
        found = asdict(self.settings)
        return {name: list(value) if isinstance(value, tuple) else value for name, value in found.items()}


class Standalone(Candidate):
    """For candidates that read ruled texts, and whose trainings share nothing."""

    def __init__(self, rules: TextRules, seed: int = 0, settings: Any = None, *, has_many_labels: bool = False) -> None:
        self.rules = rules
        self.seed = seed
        self.settings = settings or self.settings_type()
        self.has_many_labels = has_many_labels

    @classmethod
    def prepare(cls, context: Context, messages: Sequence[Message]) -> Generator[Stage, None, Callable[[], Self]]:
        """Nothing is shared: held-out messages must not shape what they are judged with."""
        yield from ()
        settings = cls.settings_for(context)
        return lambda: cls(context.rules, context.seed, settings, has_many_labels=context.has_many_labels)

    def _texts(self, messages: Sequence[Message]) -> list[str]:
        return [self.rules.with_segment(message.text, message.segment) for message in messages]
