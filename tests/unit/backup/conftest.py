from pathlib import Path

import pytest

from firstline.backup.writing import write_backup
from firstline.store.workspace import Workspace
from tests.backups import copied, make_workspace


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace with something of everything. Do not change it."""
    return make_workspace(tmp_path_factory.mktemp("whole") / "bank")


@pytest.fixture
def place(whole: Workspace, tmp_path: Path) -> Workspace:
    """A workspace of one's own, with something of everything."""
    return copied(whole, tmp_path / "bank")


@pytest.fixture
def backup(whole: Workspace, tmp_path: Path) -> Path:
    """A plain backup of that workspace, of one's own."""
    file = tmp_path / "bank.tar"
    write_backup(whole, file)
    return file
