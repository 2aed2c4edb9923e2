from collections.abc import Iterator
from pathlib import Path

import pytest

from firstline.store.workspace import Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    made = Workspace.create(tmp_path / "workspace", "ru")
    yield made
    made.database.dispose()
