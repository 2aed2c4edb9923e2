import json
from importlib.resources import files
from pathlib import Path

import pytest

from firstline.errors import FileUnreadable, FileUnwritable
from firstline.retraining.notebook import own_notebook, parameters_of, read_notebook, set_parameters
from firstline.store.workspace import Workspace
from tests.unit.retraining.notebooks import write_notebook

SHIPPED = json.loads(files("firstline.retraining").joinpath("training.ipynb").read_text("utf-8"))


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    return Workspace.create(tmp_path / "bank", "ru")


def test_the_shipped_notebook_has_no_outputs() -> None:
    cells = [cell for cell in SHIPPED["cells"] if cell["cell_type"] == "code"]
    assert len(cells) > 10
    assert [cell for cell in cells if cell["outputs"] or cell["execution_count"] is not None] == []


def test_the_shipped_notebook_takes_what_the_command_gives(place: Workspace) -> None:
    (tagged,) = [cell for cell in SHIPPED["cells"] if "parameters" in cell["metadata"].get("tags", [])]
    names = {line.partition(" = ")[0] for line in tagged["source"] if " = " in line}
    assert names == set(parameters_of(place))


def test_the_repository_links_to_the_notebook_in_the_package() -> None:
    root = Path(__file__).parents[3]
    assert (root / "notebooks" / "training.ipynb").resolve() == root / "src/firstline/retraining/training.ipynb"


def test_a_workspace_gets_its_own_copy_once(place: Workspace) -> None:
    file = own_notebook(place)
    assert (file, file.stat().st_mode & 0o777) == (place.folder / "notebooks" / "training.ipynb", 0o600)
    file.write_text("changed")
    assert own_notebook(place).read_text() == "changed"


def test_a_copy_that_cannot_be_written_is_told(place: Workspace) -> None:
    (place.folder / "notebooks").write_text("")
    with pytest.raises(FileUnwritable, match=r"training\.ipynb cannot be written"):
        own_notebook(place)


@pytest.mark.parametrize("content", ["", "{}", '{"cells": 5, "nbformat": 4}', "капибара", "[1]"])
def test_what_is_no_notebook_is_refused_without_its_text(tmp_path: Path, content: str) -> None:
    file = tmp_path / "a.ipynb"
    file.write_text(content, "utf-8")
    with pytest.raises(FileUnreadable) as raised:
        read_notebook(file)
    assert raised.value.message == f"{file} is not a Jupyter notebook."


def test_a_notebook_that_is_missing_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileUnreadable, match="No such file"):
        read_notebook(tmp_path / "a.ipynb")


def test_parameters_follow_the_tagged_cell_and_replace_earlier_ones(tmp_path: Path) -> None:
    notebook = read_notebook(write_notebook(tmp_path / "a.ipynb", "print(folds)"))
    set_parameters(notebook, {"folds": 3})
    set_parameters(notebook, {"folds": 4, "candidates": ["a'b"]})
    assert len(notebook.cells) == 3
    assert notebook.cells[1].source.splitlines()[1:] == ["folds = 4", 'candidates = ["a\'b"]']


def test_without_a_tagged_cell_parameters_stand_first(tmp_path: Path) -> None:
    notebook = read_notebook(write_notebook(tmp_path / "a.ipynb", "1"))
    notebook.cells = notebook.cells[1:]
    set_parameters(notebook, {"folds": 3})
    assert "folds = 3" in notebook.cells[0].source
