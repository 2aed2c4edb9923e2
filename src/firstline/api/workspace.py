"""A workspace, for Python programs and notebooks: what the commands do with `--workspace`."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from firstline.api.model import Asked, Model
from firstline.api.models import Models
from firstline.errors import UsageError
from firstline.messages.reading import reading_options, said_columns
from firstline.serving.source import Signature, Source
from firstline.settings import Settings
from firstline.steps import Note, run_to_end
from firstline.store.workspace import Workspace as Place
from firstline.types import Label

if TYPE_CHECKING:
    from firstline.evaluation.held_out import HeldOut
    from firstline.evaluation.labelled_file import Evaluation
    from firstline.messages.importing import ImportProgress, ImportReport
    from firstline.retraining.retrain import Choice, Retrained
    from firstline.serving.schemas import BatchAnswer
    from firstline.store.messages import Labelled
    from firstline.training.request import TrainingRequest
    from firstline.training.results import TrainEvent
    from firstline.training.train import TrainReport

_CHOICES = ("gates", "never", "always")


def _quiet(step: object) -> None:
    pass


class Workspace:
    """An open workspace.

    `folder` is that of `firstline init`; without it, the nearest one at or above the current folder is opened. The
    settings are read once. Methods that write lock the workspace as the commands do, and raise `WorkspaceBusy` if
    another program holds it. Raises `WorkspaceMissing` or `SettingsInvalid`.
    """

    def __init__(self, folder: str | Path | None = None) -> None:
        self._place = Place.find(None if folder is None else Path(folder))
        self._served: tuple[Signature, Model] | None = None

    @classmethod
    def create(cls, folder: str | Path, language: str = "ru") -> "Workspace":
        """Create a workspace, as `firstline init` does, and open it.

        `language` is that of most messages, two or three letters. Raises `WorkspaceExists`, `WorkspaceError`, or
        `SettingsInvalid` for a language that is not one.
        """
        Place.create(Path(folder), language)
        return cls(folder)

    def __repr__(self) -> str:
        return f"Workspace({str(self.folder)!r})"

    @property
    def folder(self) -> Path:
        return self._place.folder

    @property
    def settings(self) -> Settings:
        """What `firstline.toml` said when the workspace was opened."""
        return self._place.settings

    @property
    def classes(self) -> Mapping[Label, int]:
        """The classes with their numbers of labels, largest first. Raises `StoreUnusable`."""
        from firstline.labelling.overview import overview

        return overview(self._place).classes

    @property
    def models(self) -> Models:
        """The models, newest first; `models.champion` is the one that serves."""
        return Models(self._place)

    def labelled(self) -> "Labelled":
        """The data for training: `messages` and their `labels`, (n,) each, and `unlabelled` messages.

        Texts are masked. Raises `StoreUnusable`.
        """
        from firstline.store.messages import read_for_training

        return read_for_training(self._place.database, self._place.none_classes)

    def import_file(
        self,
        file: str | Path,
        *,
        text: str | None = None,
        id: str | None = None,  # noqa: A002 (the name of the role, as of the option)
        label: str | None = None,
        labelled_by: str | None = None,
        segment: str | None = None,
        sent_at: str | None = None,
        conversation: str | None = None,
        author: str | None = None,
        agent_values: Sequence[str] = (),
        day_first: bool | None = None,
        source: str | None = None,
        relabel: bool = False,
        random: bool = False,
        dry_run: bool = False,
        encoding: str | None = None,
        delimiter: str | None = None,
        sheet: str | None = None,
        header_row: int | None = None,
        no_header: bool = False,
        on_step: "Callable[[ImportProgress], object]" = _quiet,
    ) -> "ImportReport":
        """Import a file, as `firstline import` does, whole or not at all; personal data is masked before it is stored.

        `text` to `author` name columns; those that are None are found by their usual names. They are saved in
        `firstline.toml`. The other arguments are the options of the command. `on_step` gets progress. Raises
        `InputError` or `UsageError` if the file cannot be used, `WorkspaceBusy`, and `StoreUnusable`.
        """
        from firstline.messages.into_workspace import ImportRequest, date_order, import_into, remember

        said = said_columns(
            text=text,
            id=id,
            label=label,
            labelled_by=labelled_by,
            segment=segment,
            sent_at=sent_at,
            conversation=conversation,
            author=author,
        )
        options = reading_options(self.settings, text, encoding, delimiter, sheet, header_row, no_header)
        days = date_order(day_first)
        request = ImportRequest(said, tuple(agent_values), options, relabel, random, source, dry_run, days)
        with self._place.hold("messages", "import"):
            report = run_to_end(import_into(self._place, Path(file), request), on_step)
            if remember(self._place, request):
                self._place.database.dispose()
                self._place = Place.find(self.folder)
        return report

    def train(
        self,
        candidates: str | Sequence[str] | None = None,
        *,
        folds: int | None = None,
        seed: int | None = None,
        repeats: int | None = None,
        minutes: float | None = None,
        latency_ms: float | None = None,
        fresh: bool = False,
        on_step: "Callable[[TrainEvent], None]" = _quiet,
    ) -> "TrainReport":
        """Compare candidates by cross-validation and save the best, trained on all labels, as `firstline train` does.

        What is None is as in the settings; see `firstline train --help`. `on_step` gets notes, progress and each
        candidate's result. Interrupted, it resumes when called again. Raises `LabelsTooFew`, `CandidateUnknown` and
        other `TrainingError`, `ExtraMissing` without the extra `train`, `WorkspaceBusy`, or `StoreUnusable`.
        """
        request = self._request(candidates, folds, seed, repeats, minutes, latency_ms, fresh)
        from firstline.retraining.in_workspace import in_workspace
        from firstline.training.train import train

        place = self._place
        return run_to_end(
            in_workspace(
                place,
                request,
                lambda data, context, where: train(
                    data, place.settings, place.models, place.runs, request, context, where
                ),
                "train",
                on_step,
            ),
            on_step,
        )

    def retrain(
        self,
        promote: "Choice" = "gates",
        candidates: str | Sequence[str] | None = None,
        *,
        folds: int | None = None,
        seed: int | None = None,
        repeats: int | None = None,
        minutes: float | None = None,
        latency_ms: float | None = None,
        fresh: bool = False,
        on_step: "Callable[[TrainEvent], None]" = _quiet,
    ) -> "Retrained":
        """Train as `train` does, compare with the champion, and promote by `promote`, as `firstline retrain` does.

        "gates": if the new model passes all gates; "never": only compare; "always". Without a champion the new model
        becomes it in any case. The result has `gates`, `is_promoted`, `reason`, and the `report` of the training.
        Raises what `train` raises.
        """
        if promote not in _CHOICES:
            raise UsageError(f"promote is one of {', '.join(_CHOICES)}, got {promote!r}.", "See docs/retraining.md.")
        request = self._request(candidates, folds, seed, repeats, minutes, latency_ms, fresh)
        from firstline.retraining.in_workspace import in_workspace
        from firstline.retraining.retrain import retrain

        place = self._place
        return run_to_end(
            in_workspace(
                place,
                request,
                lambda data, context, where: retrain(place, data, request, context, promote, where),
                "retrain",
                on_step,
            ),
            on_step,
        )

    def held_out(self, model: str | None = None) -> "HeldOut":
        """What a model, by default the champion, answered to the labelled messages that its folds had not learned.

        Raises `InputError` if its run is gone, or `BundleMissing`.
        """
        from firstline.bundle.registry import model_folder
        from firstline.evaluation.held_out import find_held_out

        return find_held_out(self._place.runs, model_folder(self._place.models, model).name)

    def model(self, model: str | None = None) -> Model:
        """Load a model, by default the champion. Raises `BundleError`."""
        return Model.of(Source(self._place.models, self._place.settings_file, model))

    def predict(self, messages: Sequence[Asked]) -> "list[BatchAnswer]":
        """The champion's answers, as `Model.predict` gives them. A new champion is loaded when it is promoted.

        Raises `BundleError`, `UsageError`, or `SettingsInvalid`.
        """
        signature = Source(self._place.models, self._place.settings_file).signature()
        if self._served is None or self._served[0] != signature:
            self._served = signature, self.model()
        return self._served[1].predict(messages)

    def evaluate(
        self,
        file: str | Path,
        *,
        model: str | None = None,
        unknown: str | Path | None = None,
        text: str | None = None,
        label: str | None = None,
        segment: str | None = None,
        encoding: str | None = None,
        delimiter: str | None = None,
        sheet: str | None = None,
        header_row: int | None = None,
        no_header: bool = False,
        on_step: "Callable[[float | Note], object]" = _quiet,
    ) -> "Evaluation":
        """Measure a model, by default the champion, on a labelled file, as `firstline evaluate` does.

        `unknown` is a second file, of messages of none of the classes. `on_step` gets the part that is done, 0 to 1,
        and notes. Raises `InputError` or `BundleError`.
        """
        from firstline.evaluation.in_workspace import evaluate_in

        options = reading_options(self.settings, text, encoding, delimiter, sheet, header_row, no_header)
        said = said_columns(text=text, label=label, segment=segment)
        predictor = Source(self._place.models, self._place.settings_file, model).load()
        others = None if unknown is None else Path(unknown)
        return run_to_end(evaluate_in(self._place, predictor, Path(file), said, options, others), on_step)

    def _request(
        self,
        candidates: str | Sequence[str] | None,
        folds: int | None,
        seed: int | None,
        repeats: int | None,
        minutes: float | None,
        latency_ms: float | None,
        fresh: bool,
    ) -> "TrainingRequest":
        """Raises `ExtraMissing` if the training libraries are not installed."""
        from firstline.training import require_training

        require_training()
        from firstline.retraining.request import request_of

        names = (candidates,) if isinstance(candidates, str) else tuple(candidates or ())
        return request_of(self.settings, names, folds, seed, repeats, minutes, latency_ms, is_fresh=fresh)
