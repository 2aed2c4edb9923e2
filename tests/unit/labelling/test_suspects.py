"""Suspect labels: how they are ranked, which are left out, and the sheet that a person corrects."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from firstline.labelling.suspects import Suspects, find_suspects, label_scores, write_suspects
from firstline.store.messages import StoredMessage
from firstline.store.workspace import Workspace
from firstline.types import Label
from tests.postgres import NewDatabase, workspace_on
from tests.unit.messages.reading import read
from tests.unit.store.filling import take_in

LABELS = ("Вход", "Карта", "Перевод")


@pytest.fixture
def workspace(new_database: NewDatabase, tmp_path: Path) -> Iterator[Workspace]:
    made = workspace_on(new_database(), tmp_path / "workspace")
    yield made
    made.database.dispose()


def found(
    workspace: Workspace, answered: list[tuple[StoredMessage, Label, tuple[float, float, float]]], n: int | None = None
) -> Suspects:
    """The suspects among messages, each with the label that the training read and the probabilities of `LABELS`."""
    keys = np.frombuffer(b"".join(item.key for item, _, _ in answered), np.uint8).reshape(-1, 16)
    truth = np.array([LABELS.index(label) for _, label, _ in answered])
    probabilities = np.array([row for _, _, row in answered], np.float32)
    return find_suspects(workspace.database, LABELS, keys, truth, probabilities, n)


def message(text: str, label: Label = "Карта", **more: str) -> StoredMessage:
    return StoredMessage(text, label=label, **more)  # type: ignore[arg-type]


def test_the_score_is_the_probability_of_the_label() -> None:
    probabilities: NDArray[np.float32] = np.array([[0.5, 0.25, 0.25], [0, 1, 0]], np.float32)
    assert label_scores(probabilities, np.array([1, 1])).tolist() == [0.25, 1]


def test_the_least_likely_label_comes_first(workspace: Workspace) -> None:
    items = [message(text) for text in ("верно", "сомнительно", "неверно")]
    take_in(workspace.database, *items)
    rows = [(0.1, 0.9, 0.0), (0.6, 0.3, 0.1), (0.1, 0.0, 0.9)]
    answer = found(workspace, [(item, "Карта", row) for item, row in zip(items, rows, strict=True)], n=10)
    assert [(one.text, one.suggested_label) for one in answer.suspects] == [
        ("неверно", "Перевод"),
        ("сомнительно", "Вход"),
    ]
    assert [one.label_probability for one in answer.suspects] == [0.0, 0.3]
    assert [one.suggested_probability for one in answer.suspects] == [0.9, 0.6]
    assert (answer.n_checked, answer.n_disagreeing) == (3, 2)


def test_a_tenth_is_listed_by_default(workspace: Workspace) -> None:
    items = [message(str(number)) for number in range(21)]
    take_in(workspace.database, *items)
    answered = [(item, "Карта", (0.9, 0.1, 0.0)) for item in items]
    assert len(found(workspace, answered).suspects) == 3
    assert len(found(workspace, answered, n=5).suspects) == 5


def test_what_has_changed_or_is_gone_is_left_out_and_counted(workspace: Workspace) -> None:
    wrong = (0.9, 0.1, 0.0)
    stays, changed, split = message("стоит"), message("иначе", "Вход"), message("спор")
    take_in(workspace.database, stays, changed, split, message("спор", "Вход"), message("снята"))
    take_in(workspace.database, message("снята", ""), settles_labels=True)
    gone = message("нет такого")
    answer = found(workspace, [(one, "Карта", wrong) for one in (stays, changed, split, message("снята"), gone)], n=10)
    assert [one.text for one in answer.suspects] == ["стоит"]
    assert (answer.n_checked, answer.n_changed, answer.n_gone) == (1, 3, 1)


def test_the_only_message_of_a_class_cannot_be_checked(workspace: Workspace) -> None:
    items = [message("раз"), message("два"), message("один", "Вход")]
    take_in(workspace.database, *items)
    answer = found(workspace, [(item, item.label or "", (0.0, 0.1, 0.9)) for item in items], n=10)
    assert {one.text for one in answer.suspects} == {"раз", "два"}
    assert answer.n_single == 1


def test_the_sheet_can_be_read_by_a_person_and_by_import(workspace: Workspace, tmp_path: Path) -> None:
    items = [message("раз", external_id="7", segment="lead"), message("=два")]
    take_in(workspace.database, *items, source="crm")
    answer = found(workspace, [(item, "Карта", (0.9, 0.1, 0.0)) for item in items], n=10)
    write_suspects(answer.suspects, tmp_path / "a.csv")
    table = read(tmp_path / "a.csv")
    assert table.columns[:3] == ["text", "label", "suggested_label"]
    rows = {row[0]: dict(zip(table.columns, row, strict=True)) for row in table.rows}
    assert set(rows) == {"раз", "'=два"}
    assert [rows["раз"][name] for name in ("segment", "id", "source")] == ["lead", "7", "crm"]
    assert (tmp_path / "a.csv").stat().st_mode & 0o777 == 0o600
    # The mark by which Excel knows UTF-8.
    assert (tmp_path / "a.csv").read_bytes().startswith(b"\xef\xbb\xbf")
