from dataclasses import replace
from pathlib import Path

import pytest

from firstline.labelling.overview import overview, similar_names
from firstline.settings import ClassesSettings
from firstline.store.messages import StoredMessage
from firstline.store.workspace import Workspace
from tests.unit.store.filling import take_in


@pytest.mark.parametrize(
    ("names", "groups"),
    [
        (["Карта", "карта"], [("Карта", "карта")]),
        (["Счёт", "Счет"], [("Счет", "Счёт")]),
        (["Карта", "Кaртa"], [("Кaртa", "Карта")]),
        (["Вход в приложение", "Вход  в приложение "], [("Вход  в приложение ", "Вход в приложение")]),
        (["Карта", "Карты", "Счёт"], []),
        ([], []),
    ],
)
def test_names_that_differ_little_are_found(names: list[str], groups: list[tuple[str, ...]]) -> None:
    assert similar_names(names) == groups


def test_labels_that_mean_none_of_the_classes_stand_apart(tmp_path: Path) -> None:
    made = Workspace.create(tmp_path / "workspace", "ru")
    settings = made.settings.model_copy(update={"classes": ClassesSettings(none=("Прочее",))})
    workspace = replace(made, settings=settings)
    take_in(workspace.database, StoredMessage("раз", label="Карта"), StoredMessage("два", label="Прочее"))
    found = overview(workspace)
    assert (found.classes, found.none_classes) == ({"Карта": 1}, {"Прочее": 1})
    workspace.database.dispose()
