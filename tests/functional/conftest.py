"""One workspace with demo messages and a model, shared by the tests that only read it."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]


def run_firstline(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run the command as a user does."""
    return subprocess.run(
        [sys.executable, "-m", "firstline", *map(str, arguments)], capture_output=True, encoding="utf-8", cwd=cwd
    )


@pytest.fixture
def firstline() -> Run:
    return run_firstline


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Do not change it: other tests read it too."""
    folder = tmp_path_factory.mktemp("loop") / "bank"
    for arguments in (
        ("init", folder, "--demo"),
        ("import", folder / "history.csv", "-w", folder),
        ("train", "-w", folder, "--candidates", "linear.v1", "--folds", "3"),
    ):
        done = run_firstline(*arguments)
        assert done.returncode == 0, done.stderr
    return folder
