import hashlib
import json
import shutil
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from firstline import __version__
from firstline.backup import writing as module
from firstline.backup.archive import CARD
from firstline.backup.contents import Contents, contents
from firstline.backup.reading import open_backup
from firstline.backup.writing import write_backup
from firstline.bundle.registry import champion_id, promote
from firstline.errors import FileUnreadable, FileUnwritable, UsageError, WorkspaceBusy
from firstline.store.database import SCHEMA_VERSION
from firstline.store.workspace import Workspace
from tests.backups import members


@pytest.mark.parametrize("name", ["bank.tar", "bank.tar.gz"])
def test_the_archive_names_every_file_with_its_hash(whole: Workspace, tmp_path: Path, name: str) -> None:
    written = write_backup(whole, tmp_path / name)
    found = members(tmp_path / name)
    assert next(iter(found)) == CARD
    card = msgspec.json.decode(found.pop(CARD))
    assert (card["firstline"], card["schema"], card["created_at"][-6:]) == (__version__, SCHEMA_VERSION, "+00:00")
    assert card["files"] == {
        name: {"size_bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for name, content in found.items()
    }
    assert (written.n_messages, written.champion, written.warnings) == (3, champion_id(whole.models), [])
    assert found["workspace.key"] == (whole.folder / "workspace.key").read_bytes()
    assert not [name for name in found if name.startswith(("reports", "records", "tmp", "language", "imports"))]


def test_only_the_owner_may_read_it_and_nothing_else_is_left(whole: Workspace, tmp_path: Path) -> None:
    file = tmp_path / "bank.tar.gz"
    written = write_backup(whole, file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.stat().st_size == written.size_bytes
    assert [path.name for path in tmp_path.iterdir()] == ["bank.tar.gz"]


def test_an_existing_file_stays_unless_it_may_be_replaced(whole: Workspace, tmp_path: Path) -> None:
    file = tmp_path / "bank.tar"
    file.write_text("other")
    with pytest.raises(UsageError, match="already exists"):
        write_backup(whole, file)
    assert file.read_text() == "other"
    write_backup(whole, file, may_overwrite=True)
    assert CARD in members(file)


@pytest.mark.parametrize(
    ("name", "error", "said"),
    [
        ("bank.zip", UsageError, "ends neither in .tar nor in .tar.gz"),
        ("absent/bank.tar", FileUnwritable, "does not exist"),
        ("folder.tar", UsageError, "already exists"),
    ],
)
def test_a_place_that_cannot_be_used_is_named(
    whole: Workspace, tmp_path: Path, name: str, error: type[Exception], said: str
) -> None:
    (tmp_path / "folder.tar").mkdir()
    with pytest.raises(error, match=said):
        write_backup(whole, tmp_path / name)


def test_a_folder_in_its_place_is_not_replaced(whole: Workspace, tmp_path: Path) -> None:
    (tmp_path / "folder.tar").mkdir()
    with pytest.raises(FileUnwritable, match="it is not a file"):
        write_backup(whole, tmp_path / "folder.tar", may_overwrite=True)


def test_a_full_disk_is_told_with_the_space_that_is_needed(
    whole: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    file = tmp_path / "bank.tar"
    file.write_text("other")
    monkeypatch.setattr(module, "padding", full)
    with pytest.raises(FileUnwritable, match="No space left on device") as raised:
        write_backup(whole, file, may_overwrite=True)
    assert "It needs about" in raised.value.next_step
    assert [path.name for path in tmp_path.iterdir()] == ["bank.tar"]
    assert file.read_text() == "other"


def test_a_file_that_cannot_be_read_is_named(place: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = Path.open

    def refuse(path: Path, *arguments: Any) -> object:
        if path.name == "workspace.key":
            raise PermissionError(13, "Permission denied")
        return opened(path, *arguments)

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(FileUnreadable, match=r"workspace\.key cannot be read: Permission denied"):
        write_backup(place, tmp_path / "out.tar")


def test_a_damaged_model_is_told_and_backed_up(place: Workspace, tmp_path: Path) -> None:
    champion = champion_id(place.models)
    weights = place.models / str(champion) / "weights.npy"
    weights.write_bytes(weights.read_bytes()[:-1])
    written = write_backup(place, tmp_path / "out.tar")
    assert written.warnings == [f"The model {champion} is damaged, in the workspace and in the backup."]
    assert f"models/{champion}/weights.npy" in written.card.files


def test_a_serving_machine_without_a_database_is_backed_up(place: Workspace, tmp_path: Path) -> None:
    for path in place.folder.glob("firstline.db*"):
        path.unlink()
    (place.folder / "workspace.key").unlink()
    written = write_backup(place, tmp_path / "out.tar")
    assert (written.card.schema, written.n_messages, len(written.card.models)) == ("", 0, 2)
    assert not list(place.folder.glob("firstline.db*"))


def meanwhile(monkeypatch: pytest.MonkeyPatch, what: Callable[[Contents], object]) -> None:
    """Let something happen after the files were listed."""

    def listed(place: Workspace) -> Contents:
        found = contents(place)
        what(found)
        return found

    monkeypatch.setattr(module, "contents", listed)


def test_a_model_that_is_deleted_meanwhile_is_left_out(
    place: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    champion = champion_id(place.models)
    (other,) = {path.parent.name for path in place.models.glob("*/manifest.json")} - {champion}
    meanwhile(monkeypatch, lambda _: (place.models / other / "weights.npy").unlink())
    written = write_backup(place, tmp_path / "out.tar")
    assert written.card.models == (champion,)
    assert not [name for name in written.card.files if other in name]
    with open_backup(tmp_path / "out.tar") as backup:
        backup.check()


def test_a_champion_that_is_replaced_and_deleted_meanwhile_is_not_named(
    place: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = str(champion_id(place.models))
    (other,) = {path.parent.name for path in place.models.glob("*/manifest.json")} - {first}

    def replace(found: Contents) -> None:
        if found.champion == first:
            promote(place.models, other)
            shutil.rmtree(place.models / first)

    meanwhile(monkeypatch, replace)
    written = write_backup(place, tmp_path / "out.tar")
    found = members(tmp_path / "out.tar")
    assert json.loads(found["models/champion.json"]) == {"model": other}
    assert written.card.models == (other,)
    assert list(found) == [CARD, *written.card.files]


def test_a_champion_that_is_replaced_meanwhile_is_that_of_the_beginning(
    place: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = str(champion_id(place.models))
    (other,) = {path.parent.name for path in place.models.glob("*/manifest.json")} - {first}
    meanwhile(monkeypatch, lambda _: promote(place.models, other))
    write_backup(place, tmp_path / "out.tar")
    assert json.loads(members(tmp_path / "out.tar")["models/champion.json"]) == {"model": first}


def test_a_champion_that_never_stays_is_told(place: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    weights = place.models / str(champion_id(place.models)) / "weights.npy"
    meanwhile(monkeypatch, lambda _: weights.unlink(missing_ok=True))
    found = contents(place)
    monkeypatch.setattr(module, "contents", lambda _: found)
    weights.unlink()
    with pytest.raises(WorkspaceBusy, match="changes again and again"):
        write_backup(place, tmp_path / "out.tar")


def test_what_a_killed_backup_left_is_removed(whole: Workspace, tmp_path: Path) -> None:
    left = tmp_path / ".firstline-tmp" / "firstline-0123456789abcdef"
    left.mkdir(parents=True)
    (left / "archive").write_text("half")
    write_backup(whole, tmp_path / "out.tar")
    assert [path.name for path in tmp_path.iterdir()] == ["out.tar"]
