"""A workspace that is ready to be retrained, and what a retraining leaves in it."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from firstline.bundle.promotions import champions
from firstline.bundle.registry import list_models
from firstline.evaluation.held_out import find_held_out
from firstline.store.workspace import Workspace
from firstline.training.runs import list_runs
from tests.commands import run_here
from tests.unit.store.filling import texts

NEW_CLASS = [f"как взять ипотеку на {what}" for what in ("квартиру", "дом", "участок", "гараж", "студию", "дачу")]
ASKED = "хочу ипотеку на дом"


def ready_to_retrain(trained: Path, folder: Path) -> Path:
    """A copy of a workspace with a champion, with labels of a new class, and masks that have changed."""
    shutil.copytree(trained, folder)
    settings = folder / "firstline.toml"
    text = settings.read_text("utf-8").replace('candidates = ["auto"]', 'candidates = ["linear.v1"]\nfolds = 3')
    rows = "".join(f"{text},Ипотека\n" for text in NEW_CLASS)
    (folder / "new.csv").write_text(f"text,label\n{rows}", "utf-8")
    assert run_here("import", folder / "new.csv", "-w", folder).returncode == 0
    patterns = '[{ kind = "PLACE", pattern = "вокзале" }]'
    settings.write_text(text.replace("patterns = []", f"patterns = {patterns}"), "utf-8")
    return folder


@dataclass(frozen=True)
class End:
    """What a retraining leaves: the same, however often it was disturbed.

    `n_arrays` counts the saved folds and held-out answers of the run that made `model`.
    """

    champions: list[str]
    models: list[str]
    model: str
    n_arrays: int
    reports: list[str]
    texts: list[tuple[str, str | None]]

    @classmethod
    def of(cls, folder: Path) -> "End":
        place = Workspace.find(folder)
        found, problems = list_models(place.models)
        assert not problems
        run, _ = list_runs(place.runs)
        for model in champions(place.models):
            assert find_held_out(place.runs, model).model == model
        try:
            stored = texts(place.database)
        finally:
            place.database.dispose()
        return cls(
            champions(place.models),
            sorted(model.id for model in found),
            run.model,
            len(list((place.runs / run.id).rglob("*.npz"))),
            sorted(path.name for path in place.reports.glob("*.html")),
            stored,
        )
