import gzip
import hashlib
import io
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from firstline.backup.archive import CARD
from firstline.backup.reading import open_backup
from firstline.backup.writing import write_backup
from firstline.errors import BackupUnusable, FileUnreadable, FileUnwritable
from firstline.store.workspace import Workspace
from tests.backups import TEXT, changed, members, rewritten


def unpack(file: Path, folder: Path) -> None:
    folder.mkdir()
    with open_backup(file) as backup:
        backup.unpack(folder)


@pytest.mark.parametrize("name", ["bank.tar", "bank.tar.gz"])
def test_a_backup_is_unpacked_as_it_was(whole: Workspace, tmp_path: Path, name: str) -> None:
    write_backup(whole, tmp_path / name)
    unpack(tmp_path / name, tmp_path / "out")
    found = members(tmp_path / name)
    assert {
        path.relative_to(tmp_path / "out").as_posix(): path.read_bytes()
        for path in (tmp_path / "out").rglob("*")
        if path.is_file()
    } == {name: content for name, content in found.items() if name != CARD}


def test_private_files_stay_private(backup: Path, tmp_path: Path) -> None:
    unpack(backup, tmp_path / "out")
    private = {path.name for path in (tmp_path / "out").iterdir() if path.is_file() and not path.stat().st_mode & 0o077}
    assert private == {"firstline.db", "workspace.key", "keys.json"}


def test_check_unpacks_nothing(backup: Path, tmp_path: Path) -> None:
    before = sorted(tmp_path.iterdir())
    with open_backup(backup) as opened:
        opened.check()
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("name", ["bank.tar", "bank.tar.gz"])
def test_an_archive_that_is_cut_off_anywhere_is_refused(whole: Workspace, tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    write_backup(whole, file)
    content = file.read_bytes()
    for kept in (0, 1, 100, 600, 5_000, len(content) // 2, len(content) - 1100):
        file.write_bytes(content[:kept])
        with pytest.raises(BackupUnusable, match=r"is not a backup|is missing"), open_backup(file) as backup:
            backup.check()


@pytest.mark.parametrize("name", ["bank.tar", "bank.tar.gz"])
def test_a_byte_that_changes_anywhere_is_noticed(whole: Workspace, tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    write_backup(whole, file)
    content = file.read_bytes()
    n_refused = 0
    places = range(50, len(content) - 1100, len(content) // 60)
    for place in places:
        changed_content = bytearray(content)
        changed_content[place] ^= 0xFF
        file.write_bytes(changed_content)
        try:
            with open_backup(file) as backup:
                backup.check()
        except BackupUnusable as error:
            n_refused += 1
            assert TEXT not in error.message
    # A blank after backup.json, a padding or a time may change.
    assert n_refused > len(places) * 0.8


def entry(content: bytes) -> dict[str, object]:
    return {"size_bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def link(name: str, kind: bytes, to: str = "/etc/passwd") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, to
    return info


@pytest.mark.parametrize(
    "kind",
    [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE],
)
def test_what_is_not_a_plain_file_is_refused(backup: Path, tmp_path: Path, kind: bytes) -> None:
    rewritten(backup, members(backup), extra=[link("models/a", kind)])
    with pytest.raises(BackupUnusable, match="a link, a folder or something else"):
        unpack(backup, tmp_path / "out")


@pytest.mark.parametrize("name", ["../escaped", "/tmp/escaped", "models/../../escaped", "models/a\\b", "history.csv"])
def test_a_path_that_does_not_belong_to_a_workspace_is_refused(backup: Path, tmp_path: Path, name: str) -> None:
    found = {**members(backup), name: b"x"}
    rewritten(backup, found, lambda card: card["files"].update({name: entry(b"x")}))
    with pytest.raises(BackupUnusable, match="does not belong to a workspace"):
        unpack(backup, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_file_that_the_card_does_not_name_is_refused(backup: Path, tmp_path: Path) -> None:
    rewritten(backup, {**members(backup), "models/more": b"x"})
    with pytest.raises(BackupUnusable, match="does not name, or one twice"):
        unpack(backup, tmp_path / "out")


def test_a_file_twice_is_refused(backup: Path, tmp_path: Path) -> None:
    rewritten(backup, members(backup), extra=[tarfile.TarInfo("workspace.key")])
    with pytest.raises(BackupUnusable, match="does not name, or one twice"):
        unpack(backup, tmp_path / "out")


def test_a_file_that_is_missing_is_told(backup: Path, tmp_path: Path) -> None:
    found = members(backup)
    del found["workspace.key"]
    rewritten(backup, found)
    with pytest.raises(BackupUnusable, match="1 files are missing"):
        unpack(backup, tmp_path / "out")


def test_a_file_larger_than_the_card_says_is_not_written(backup: Path, tmp_path: Path) -> None:
    found = {**members(backup), "models/bomb": bytes(50_000_000)}
    file = rewritten(tmp_path / "bomb.tar.gz", found, lambda card: card["files"].update({"models/bomb": entry(b"x")}))
    assert file.stat().st_size < 1_000_000
    with pytest.raises(BackupUnusable, match="does not name"):
        unpack(file, tmp_path / "out")
    assert not (tmp_path / "out" / "models" / "bomb").exists()


def test_more_than_the_disk_has_is_refused_before_a_file_is_written(backup: Path, tmp_path: Path) -> None:
    rewritten(backup, members(backup), lambda card: card["files"]["firstline.db"].update(size_bytes=1 << 60))
    with pytest.raises(FileUnwritable, match="MB left"):
        unpack(backup, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_long_header_is_not_read_into_memory(backup: Path, tmp_path: Path) -> None:
    info = tarfile.TarInfo("models/a")
    info.pax_headers = {"comment": "x" * 10_000}
    block = info.tobuf(tarfile.PAX_FORMAT)
    changed(backup, lambda found: found.__setitem__(slice(-1024, None), block))
    with pytest.raises(BackupUnusable, match="a link, a folder or something else"):
        unpack(backup, tmp_path / "out")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda card: card.update(format_version=2), r"has format version 2; this Firstline, .* knows 1"),
        (lambda card: card.update(schema="9999"), r"has schema version 9999; this Firstline, .* knows 0"),
        (lambda card: card.pop("files"), r"its backup\.json is damaged"),
        (lambda card: card["files"].pop("firstline.toml"), r"it has no firstline\.toml"),
        (lambda card: card["files"].update(a={"size_bytes": -1, "sha256": "0" * 64}), r"its backup\.json is damaged"),
    ],
)
def test_a_card_that_cannot_be_used_is_refused(
    backup: Path, change: Callable[[dict[str, Any]], object], said: str
) -> None:
    rewritten(backup, members(backup), change)
    with pytest.raises(BackupUnusable, match=said), open_backup(backup):
        pass


def test_a_new_field_of_the_card_is_ignored(backup: Path) -> None:
    rewritten(backup, members(backup), lambda card: card.update(more=1))
    with open_backup(backup) as opened:
        opened.check()


@pytest.mark.parametrize("content", [b"", b"text", b"\x1f\x8btext", bytes(2048), gzip.compress(b"text", mtime=0)])
def test_a_file_that_is_no_backup_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "a.tar"
    file.write_bytes(content)
    with pytest.raises(BackupUnusable, match="is not a backup of Firstline"), open_backup(file):
        pass


def test_another_tar_is_refused(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w", format=tarfile.USTAR_FORMAT) as archive:
        archive.addfile(tarfile.TarInfo("firstline.toml"), io.BytesIO())
    with pytest.raises(BackupUnusable, match="is not a backup of Firstline"), open_backup(tmp_path / "a.tar"):
        pass


@pytest.mark.parametrize("name", ["absent.tar", "."])
def test_a_file_that_cannot_be_opened_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(FileUnreadable, match="cannot be read"), open_backup(tmp_path / name):
        pass
