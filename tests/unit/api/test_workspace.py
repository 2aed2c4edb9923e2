from pathlib import Path

import pytest

from firstline import Workspace
from firstline.errors import LabelsTooFew, UsageError, WorkspaceBusy, WorkspaceExists, WorkspaceMissing
from firstline.messages.importing import ImportProgress
from firstline.steps import Step
from firstline.training.results import Result, TrainEvent
from tests.examples import write_examples


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """24 labelled messages of three classes and six without a label."""
    monkeypatch.setenv("FIRSTLINE_TRAINING__LEARNING_CURVE", "false")
    made = Workspace.create(tmp_path / "bank")
    write_examples(tmp_path / "history.csv")
    made.import_file(tmp_path / "history.csv")
    return made


def test_a_folder_that_is_no_workspace_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceMissing):
        Workspace(tmp_path)


def test_a_workspace_is_created_once(tmp_path: Path) -> None:
    assert Workspace.create(tmp_path / "bank", language="en").settings.language == "en"
    with pytest.raises(WorkspaceExists):
        Workspace.create(str(tmp_path / "bank"))


def test_the_nearest_workspace_is_opened(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(workspace.folder / "models")
    assert Workspace().folder == workspace.folder


def test_an_import_reports_and_names_its_columns_for_the_next(workspace: Workspace, tmp_path: Path) -> None:
    file = tmp_path / "more.csv"
    file.write_text("суть;класс\nмоя карта;Карта\n", "utf-8")
    steps: list[ImportProgress] = []
    report = workspace.import_file(file, text="суть", label="класс", delimiter=";", on_step=steps.append)
    assert (report.n_new, report.n_labelled, report.file) == (1, 1, str(file))
    assert steps[-1].n_rows == 1
    assert workspace.settings.columns.text == "суть"
    assert workspace.classes == {"Банкомат": 8, "Вход": 8, "Перевод": 8, "Карта": 1}


def test_a_rehearsal_stores_nothing(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "more.csv").write_text("text\nмоя карта\n", "utf-8")
    assert workspace.import_file(tmp_path / "more.csv", text="text", dry_run=True).sample[0].text == "моя карта"
    assert len(workspace.labelled().unlabelled) == 6
    assert workspace.settings.columns.text == ""


def test_the_data_for_training_is_read(workspace: Workspace) -> None:
    data = workspace.labelled()
    assert (len(data.messages), len(data.labels), len(data.unlabelled)) == (24, 24, 6)


def test_a_training_saves_a_model_and_tells_how_far_it_is(workspace: Workspace) -> None:
    events: list[TrainEvent] = []
    report = workspace.train("linear.v1", folds=3, seed=1, on_step=events.append)
    assert [result.candidate for result in report.results] == ["linear.v1"]
    assert (report.folds.n_folds, report.folds.seed) == (3, 1)
    assert {Step, Result} <= {type(event) for event in events}
    assert [model.id for model in workspace.models] == [report.model.id]
    assert workspace.models.champion == workspace.models[0]
    assert workspace.held_out().truth.shape == (24,)


def test_the_champion_answers_and_a_new_one_at_once(workspace: Workspace) -> None:
    first = workspace.train(["linear.v1"], folds=3).model.id
    assert workspace.predict(["банкомат съел карту"])[0].label == "Банкомат"
    assert workspace.model().id == first
    second = workspace.train(["lsa.v1"], folds=3, seed=1).model.id
    assert workspace.models.champion != workspace.models[0]
    assert workspace.models.promote(second[:-2], why="newer") == second
    assert workspace.predict(["банкомат"])[0].label == "Банкомат"
    assert workspace._served is not None
    assert workspace._served[1].id == second
    assert workspace.models.history[0].why == "newer"
    assert workspace.models.rollback(why="older is better") == first
    assert workspace.models.history[0].is_rollback


def test_retraining_compares_with_the_champion(workspace: Workspace, tmp_path: Path) -> None:
    first = workspace.train(["linear.v1"], folds=3).model.id
    rows = [
        f"как взять ипотеку на {what},Ипотека" for what in ("квартиру", "дом", "участок", "гараж", "студию", "дачу")
    ]
    (tmp_path / "more.csv").write_text("text,label\n" + "\n".join(rows), "utf-8")
    workspace.import_file(tmp_path / "more.csv")
    compared = workspace.retrain("never", ["linear.v1"], folds=3)
    assert (compared.champion, compared.is_promoted) == (first, False)
    assert "macro_f1" in [gate.name for gate in compared.gates]
    promoted = workspace.retrain("always", ["linear.v1"], folds=3)
    assert promoted.is_promoted
    assert promoted.report.model.id == promoted.challenger == workspace.models.champion.id  # type: ignore[union-attr]


def test_a_choice_that_is_none_is_refused(workspace: Workspace) -> None:
    with pytest.raises(UsageError, match="gates, never, always"):
        workspace.retrain("sometimes")  # type: ignore[arg-type]


def test_a_file_is_evaluated(workspace: Workspace, tmp_path: Path) -> None:
    workspace.train(["linear.v1"], folds=3)
    steps: list[object] = []
    found = workspace.evaluate(tmp_path / "history.csv", on_step=steps.append)
    assert found.figures.n_messages == found.n_learned == 24
    assert steps


def test_a_workspace_that_is_locked_is_busy(workspace: Workspace, tmp_path: Path) -> None:
    with workspace._place.hold("messages", "import"), pytest.raises(WorkspaceBusy):
        workspace.import_file(tmp_path / "history.csv")
    with workspace._place.hold("models", "train"), pytest.raises(WorkspaceBusy):
        workspace.train(["linear.v1"])


def test_too_few_labels_are_told(tmp_path: Path) -> None:
    with pytest.raises(LabelsTooFew) as raised:
        Workspace.create(tmp_path / "bank").train()
    assert raised.value.message
    assert raised.value.next_step
