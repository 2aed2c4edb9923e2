"""Retrains with the workspace's own training notebook, and judges the model that it makes as `retrain` does."""

from collections.abc import Generator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from firstline.bundle.files import read_manifest
from firstline.bundle.registry import champion_id
from firstline.errors import FileUnreadable, FileUnwritable, NotebookFailed
from firstline.files import whole_file
from firstline.retraining.kernel import INJECTED, run_cells
from firstline.retraining.retrain import Before, Choice, Judged, judge
from firstline.steps import Step
from firstline.store.messages import read_for_training
from firstline.store.private import make_private
from firstline.store.workspace import Workspace
from firstline.training import require_training
from firstline.training.runs import RunCard, list_runs

if TYPE_CHECKING:
    from nbformat import NotebookNode

_SHIPPED = "training.ipynb"
_VERSION = 4
_PARAMETERS = "parameters"


@dataclass(frozen=True)
class NotebookRun(Judged):
    """What became of the model that a notebook made. `executed` is the notebook with its outputs, in `reports`."""

    executed: Path = field(kw_only=True)


def retrain_by_notebook(
    place: Workspace, choice: Choice = "gates", file: Path | None = None
) -> Generator[Step, None, NotebookRun]:
    """Run the notebook `file`, by default that of the workspace, then decide by `choice` about the model it made.

    The kernel takes the locks that its training needs, so the caller holds none. The model is that of the run that
    finished last while the notebook ran. The executed notebook is saved whether or not it fails. Raises
    `ExtraMissing`, `FileUnreadable`, `FileUnwritable`, `NotebookFailed`, `BundleError` or `WorkspaceBusy`.
    """
    require_training("nbclient", "nbformat", "ipykernel")
    notebook = read_notebook(file or own_notebook(place))
    set_parameters(notebook, parameters_of(place))
    began = f"{datetime.now(UTC):%Y%m%d-%H%M%S}"
    before, finished = Before.of(place), _finished(place)
    executed = place.reports / f"notebook-{began}.ipynb"
    try:
        yield from run_cells(notebook, place.folder, place.temporary)
    except NotebookFailed as error:
        _save(executed, notebook)
        error.next_step = f"{error.next_step}\nThe notebook with its outputs: {executed}".strip()
        raise
    _save(executed, notebook)
    made = [card for id_, card in _finished(place).items() if card != finished.get(id_)]
    if not made:
        raise NotebookFailed(
            "The notebook ran to its end, but no training finished in it, so there is no new model.",
            f"It should call train or retrain of this workspace. Its outputs: {executed}",
        )
    run = max(made, key=lambda card: card.finished_at)
    return NotebookRun(**vars(_judged(place, before, run, choice)), executed=executed)


def own_notebook(place: Workspace) -> Path:
    """The workspace's notebook, which the team may change; copied from Firstline's the first time.

    Raises `FileUnwritable`.
    """
    file = place.notebooks / _SHIPPED
    if not file.exists():
        content = files("firstline.retraining").joinpath(_SHIPPED).read_bytes()
        try:
            with whole_file(file) as unfinished:
                make_private(unfinished)
                unfinished.write_bytes(content)
        except OSError as error:
            raise _unwritable(file, error) from None
    return file


def read_notebook(file: Path) -> "NotebookNode":
    """The notebook in a file, in today's format. Raises `FileUnreadable`."""
    import nbformat

    try:
        notebook: NotebookNode = nbformat.read(file, as_version=_VERSION)
        nbformat.validate(notebook)
    except OSError as error:
        raise FileUnreadable(f"{file} cannot be read: {error.strerror}.", "Name a notebook: --notebook FILE") from None
    except Exception:
        # The reader's errors quote the file.
        raise FileUnreadable(f"{file} is not a Jupyter notebook.", "Name a notebook: --notebook FILE") from None
    return notebook


def parameters_of(place: Workspace) -> dict[str, object]:
    """What the notebook is given, by name: the workspace, and how the settings say to train."""
    training = place.settings.training
    return {
        "workspace": str(place.folder.resolve()),
        "candidates": list(training.candidates),
        "folds": training.folds,
        "seed": training.seed,
        "minutes": training.minutes,
    }


def set_parameters(notebook: "NotebookNode", parameters: dict[str, object]) -> None:
    """Add a cell that sets them after the one with the tag `parameters`; without such a cell, at the start.

    The form of papermill: the cell has the tag `injected-parameters` and replaces an earlier one.
    """
    import nbformat

    lines = ["# Set by firstline retrain --notebook.", *(f"{name} = {value!r}" for name, value in parameters.items())]
    cell = nbformat.v4.new_code_cell("\n".join(lines), metadata={"tags": [INJECTED]})
    cells = [one for one in notebook.cells if INJECTED not in one.metadata.get("tags", ())]
    tagged = [number for number, one in enumerate(cells) if _PARAMETERS in one.metadata.get("tags", ())]
    cells.insert(tagged[0] + 1 if tagged else 0, cell)
    notebook.cells = cells


def _finished(place: Workspace) -> dict[str, RunCard]:
    """The runs that are finished, by id."""
    return {card.id: card for card in list_runs(place.runs) if card.finished_at}


def _judged(place: Workspace, before: Before, run: RunCard, choice: Choice) -> Judged:
    with place.hold("models", "retrain"):
        model = read_manifest(place.models / run.model)
        now = champion_id(place.models)
        if now not in (before.champion, model.id):
            # Somebody promoted another model while the notebook ran.
            before = Before.of(place)
        data = read_for_training(place.database, place.none_classes)
        judged = judge(place, data, before, model, run.id, choice, run.seed)
        has_champion = before.champion is not None and (place.models / before.champion).is_dir()
        if now == model.id != before.champion and has_champion:
            return replace(judged, reason="the notebook itself promoted it")
        return judged


def _save(file: Path, notebook: "NotebookNode") -> None:
    """Write the executed notebook, which may quote messages, for its owner alone. Raises `FileUnwritable`."""
    import nbformat

    try:
        file.parent.mkdir(mode=0o700, exist_ok=True)
        with whole_file(file) as unfinished:
            make_private(unfinished)
            unfinished.write_text(nbformat.writes(notebook), encoding="utf-8")
    except OSError as error:
        raise _unwritable(file, error) from None


def _unwritable(file: Path, error: OSError) -> FileUnwritable:
    return FileUnwritable(
        f"{file} cannot be written: {error.strerror}.", "Check the folder, its permissions and the free space."
    )
