"""Workspaces that several tests share; each that changes one takes a copy."""

import shutil
from pathlib import Path

import pytest

from tests.commands import Run, run_here
from tests.examples import write_examples


@pytest.fixture
def firstline() -> Run:
    return run_here


def run_all(*commands: tuple[object, ...]) -> None:
    for arguments in commands:
        done = run_here(*arguments)
        assert done.returncode == 0, done.stderr


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo messages and a model. Do not change it."""
    folder = tmp_path_factory.mktemp("demo") / "bank"
    run_all(
        ("init", folder, "--demo"),
        ("import", folder / "history.csv", "-w", folder),
        ("train", "-w", folder, "--candidates", "linear.v1", "--folds", "3"),
    )
    return folder


@pytest.fixture(scope="session")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few messages of three classes. Do not change it."""
    folder = tmp_path_factory.mktemp("imported") / "bank"
    run_all(("init", folder))
    write_examples(folder / "history.csv")
    run_all(("import", folder / "history.csv", "-w", folder))
    settings = folder / "firstline.toml"
    settings.write_text(settings.read_text("utf-8").replace("seed = 0", "seed = 0\nlearning_curve = false"), "utf-8")
    return folder


@pytest.fixture(scope="session")
def trained(imported: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few messages of three classes, and a model. Do not change it."""
    folder = Path(shutil.copytree(imported, tmp_path_factory.mktemp("trained") / "bank"))
    run_all(("train", "-w", folder, "--candidates", "linear.v1", "--folds", "3"))
    return folder


@pytest.fixture
def bank(imported: Path, tmp_path: Path) -> Path:
    """A workspace of one's own with a few messages of three classes."""
    return Path(shutil.copytree(imported, tmp_path / "bank"))
