from collections.abc import Iterator
from pathlib import Path

import pytest

from firstline.store.workspace import Workspace
from tests.postgres import NewDatabase, workspace_on


@pytest.fixture
def workspace(new_database: NewDatabase, tmp_path: Path) -> Iterator[Workspace]:
    """A new workspace, on a database of each kind."""
    made = workspace_on(new_database(), tmp_path / "workspace")
    yield made
    made.database.dispose()
