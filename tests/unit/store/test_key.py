from collections.abc import Iterator
from pathlib import Path

import pytest

from firstline.errors import KeyUnusable
from firstline.store.database import writing
from firstline.store.key import WorkspaceKey, open_key
from firstline.store.messages import read_state
from firstline.store.workspace import Workspace

FILE = "workspace.key"


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    made = Workspace.create(tmp_path / "workspace", "ru")
    yield made
    made.database.dispose()


def opened(workspace: Workspace) -> WorkspaceKey:
    with writing(workspace.database) as connection:
        return open_key(workspace.folder, connection)


def test_a_new_workspace_has_a_key_of_its_own(workspace: Workspace, tmp_path: Path) -> None:
    other = Workspace.create(tmp_path / "other", "ru")
    secrets = [(folder.folder / FILE).read_bytes() for folder in (workspace, other)]
    assert [len(secret) for secret in secrets] == [32, 32]
    assert secrets[0] != secrets[1]


def test_the_same_id_has_the_same_hash(workspace: Workspace) -> None:
    first, again = (opened(workspace).hash_id("79161234567@c.us") for _ in range(2))
    assert first == again
    assert first.startswith("hash:")
    assert len(bytes.fromhex(first.removeprefix("hash:"))) == 16


def test_another_key_gives_another_hash() -> None:
    assert len({WorkspaceKey(bytes([n]) * 32).hash_id("a") for n in range(3)}) == 3


def test_the_database_holds_a_fingerprint_and_not_the_key(workspace: Workspace) -> None:
    key = opened(workspace)
    with workspace.database.connect() as connection:
        assert read_state(connection, "key") == key.fingerprint
    assert key.secret not in (workspace.folder / "firstline.db").read_bytes()


def test_a_workspace_without_a_key_gets_one_when_it_needs_it(tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path, "ru")
    (tmp_path / FILE).unlink()
    with writing(workspace.database) as connection:
        connection.exec_driver_sql("DELETE FROM state WHERE name = 'key'")
    (tmp_path / ".gitignore").write_text("/firstline.db*\n")
    key = opened(workspace)
    assert (tmp_path / FILE).read_bytes() == key.secret
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600
    assert "/workspace.key" in (tmp_path / ".gitignore").read_text()
    workspace.database.dispose()


def test_a_missing_key_is_refused_and_not_made_anew(workspace: Workspace) -> None:
    (workspace.folder / FILE).unlink()
    with pytest.raises(KeyUnusable, match="is missing") as caught:
        opened(workspace)
    assert "Copy workspace.key" in caught.value.next_step
    assert not (workspace.folder / FILE).exists()


def test_another_key_is_refused(workspace: Workspace) -> None:
    (workspace.folder / FILE).write_bytes(bytes(32))
    with pytest.raises(KeyUnusable, match="not the key that the database was filled with"):
        opened(workspace)


def test_a_damaged_key_is_refused(workspace: Workspace) -> None:
    (workspace.folder / FILE).write_bytes(b"short")
    with pytest.raises(KeyUnusable, match="has 5 bytes, but a key has 32"):
        opened(workspace)
