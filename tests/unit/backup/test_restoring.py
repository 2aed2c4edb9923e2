import hashlib
from pathlib import Path

import pytest
from filelock import FileLock
from sqlalchemy.engine import URL

from firstline.backup import restoring as module
from firstline.backup.restoring import restore_backup
from firstline.backup.writing import write_backup
from firstline.bundle.registry import champion_id
from firstline.errors import (
    BackupUnusable,
    FirstlineError,
    SettingsInvalid,
    StoreUnusable,
    WorkspaceBusy,
    WorkspaceExists,
)
from firstline.store.database import open_database
from firstline.store.workspace import Workspace
from tests.backups import changed, fill, members, rewritten
from tests.postgres import workspace_on
from tests.unit.store.filling import everything


def content_of(place: Workspace) -> dict[str, list[tuple[object, ...]]]:
    try:
        return everything(place.database)
    finally:
        place.database.dispose()


def test_a_workspace_comes_back(whole: Workspace, backup: Path, tmp_path: Path) -> None:
    card = restore_backup(backup, tmp_path / "new")
    new = Workspace.find(tmp_path / "new")
    assert content_of(new) == content_of(whole)
    assert champion_id(new.models) == champion_id(whole.models)
    assert sorted(card.models) == sorted(path.parent.name for path in new.models.glob("*/manifest.json"))
    names = {"firstline.toml", "firstline.db", "workspace.key", "keys.json", ".gitignore"}
    assert {path.name for path in new.folder.iterdir()} == {*names, "models", "runs", "notebooks", "imports", ".locks"}


def test_an_empty_folder_is_filled(backup: Path, tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    restore_backup(backup, tmp_path / "new")
    assert Workspace.find(tmp_path / "new").has_database


@pytest.mark.parametrize("name", ["history.csv", "firstline.toml", "models", ".restoring-other"])
def test_a_folder_with_something_in_it_stays_as_it_is(backup: Path, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "new"
    folder.mkdir()
    (folder / name).write_text("mine")
    with pytest.raises(WorkspaceExists, match=f"is not empty: it has {name}"):
        restore_backup(backup, folder)
    assert [path.name for path in folder.iterdir()] == [name]


def test_a_file_in_its_place_is_named(backup: Path) -> None:
    with pytest.raises(WorkspaceExists, match="is not a folder"):
        restore_backup(backup, backup)


@pytest.mark.parametrize("is_there", [True, False])
def test_a_damaged_backup_leaves_nothing(backup: Path, tmp_path: Path, is_there: bool) -> None:
    folder = tmp_path / "new"
    if is_there:
        folder.mkdir()
    changed(backup, lambda content: content.__setitem__(-2000, content[-2000] ^ 1))
    with pytest.raises(BackupUnusable, match="another hash"):
        restore_backup(backup, folder)
    assert folder.exists() is is_there
    assert not is_there or list(folder.iterdir()) == []


def test_if_moving_fails_nothing_is_left(backup: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "new").mkdir()
    renamed = Path.rename

    def fail(path: Path, target: Path) -> Path:
        if path.name == "firstline.toml":
            raise OSError(28, "No space left on device")
        return renamed(path, target)

    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(FirstlineError, match="No space left on device"):
        restore_backup(backup, tmp_path / "new")
    assert list((tmp_path / "new").iterdir()) == []


def test_what_a_killed_restore_left_is_replaced(backup: Path, tmp_path: Path) -> None:
    folder = tmp_path / "new"
    (folder / ".restoring" / "content" / "runs").mkdir(parents=True)
    (folder / "models").mkdir()
    (folder / "models" / "half").write_text("half")
    (folder / "workspace.key").write_text("half")
    restore_backup(backup, folder)
    assert not (folder / "models" / "half").exists()
    assert len((folder / "workspace.key").read_bytes()) == 32
    assert not (folder / ".restoring").exists()


def test_what_lies_beside_a_killed_restore_stays(backup: Path, tmp_path: Path) -> None:
    folder = tmp_path / "new"
    (folder / ".restoring").mkdir(parents=True)
    (folder / "mine.csv").write_text("mine")
    with pytest.raises(WorkspaceExists, match=r"it has mine\.csv"):
        restore_backup(backup, folder)
    assert (folder / "mine.csv").exists()


def test_two_restores_to_one_folder_are_told(backup: Path, tmp_path: Path) -> None:
    (tmp_path / "new" / ".restoring").mkdir(parents=True)
    with (
        FileLock(tmp_path / "new" / ".restoring" / "lock"),
        pytest.raises(WorkspaceBusy, match="Another command is restoring"),
    ):
        restore_backup(backup, tmp_path / "new")


def test_settings_that_cannot_be_read_are_told_without_a_hidden_path(backup: Path, tmp_path: Path) -> None:
    content = b"nonsense = 1\n"
    told = {"size_bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    rewritten(
        backup,
        {**members(backup), "firstline.toml": content},
        lambda card: card["files"].update({"firstline.toml": told}),
    )
    with pytest.raises(SettingsInvalid, match=r"^firstline\.toml in the backup: 'nonsense' is not a setting"):
        restore_backup(backup, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_from_a_file_to_a_server(
    whole: Workspace, backup: Path, tmp_path: Path, prepared: URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIRSTLINE_DATABASE__URL", prepared.render_as_string(hide_password=False))
    before = content_of(Workspace(whole.folder, whole.settings))
    restore_backup(backup, tmp_path / "new")
    new = Workspace.find(tmp_path / "new")
    assert content_of(new) == before
    assert not list(new.folder.glob("firstline.db*"))


def test_from_a_server_to_a_file(tmp_path: Path, prepared: URL, monkeypatch: pytest.MonkeyPatch) -> None:
    place = workspace_on(prepared, tmp_path / "bank")
    fill(place)
    before = content_of(place)
    write_backup(place, tmp_path / "bank.tar.gz")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FIRSTLINE_DATABASE__URL", "")
        restore_backup(tmp_path / "bank.tar.gz", tmp_path / "new")
        assert content_of(Workspace.find(tmp_path / "new")) == before


def test_a_server_with_messages_is_refused(backup: Path, tmp_path: Path, prepared: URL) -> None:
    place = workspace_on(prepared, tmp_path / "bank")
    fill(place)
    before = content_of(place)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FIRSTLINE_DATABASE__URL", prepared.render_as_string(hide_password=False))
        with pytest.raises(StoreUnusable, match="is not empty"):
            restore_backup(backup, tmp_path / "new")
    assert not (tmp_path / "new").exists()
    assert content_of(Workspace(place.folder, place.settings)) == before


def test_a_restore_that_was_killed_after_it_filled_the_server_is_finished(
    whole: Workspace, backup: Path, tmp_path: Path, prepared: URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIRSTLINE_DATABASE__URL", prepared.render_as_string(hide_password=False))

    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_move_up", fail)
        with pytest.raises(KeyboardInterrupt):
            restore_backup(backup, tmp_path / "new")
    engine = open_database(prepared)
    before = everything(engine)
    assert len(before["messages"]) == 3
    restore_backup(backup, tmp_path / "new")
    assert everything(engine) == before
    engine.dispose()


def test_a_backup_of_a_serving_machine_needs_no_database(place: Workspace, tmp_path: Path) -> None:
    for path in place.folder.glob("firstline.db*"):
        path.unlink()
    write_backup(place, tmp_path / "out.tar")
    restore_backup(tmp_path / "out.tar", tmp_path / "new")
    assert not Workspace.find(tmp_path / "new").has_database
