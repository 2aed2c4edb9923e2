import io
import tarfile

import pytest

from firstline.backup.archive import BackupCard, Entry, card_blocks, header, is_member, room_for

NAMES = ["firstline.toml", 'models/a"b/weights.npy', "runs/щ/run.json"]


@pytest.mark.parametrize(
    "name",
    ["firstline.toml", "firstline.db", "workspace.key", "keys.json", ".gitignore", "models/a", "runs/a/b/c.npz"],
)
def test_files_of_a_workspace_are_members(name: str) -> None:
    assert is_member(name)


@pytest.mark.parametrize(
    "name",
    [
        *("", "/", "backup.json", "/etc/passwd", "../firstline.toml", "models", "models/", "models/../../a"),
        *("models//a", "models/./a", "models/.new-1/a", "runs/a\x00b", "models/a\\b", "models/c:a", "models/a\nb"),
        *("reports/a.html", "records/a.jsonl", ".locks/a", "firstline.toml/a", "models/" + "a" * 300),
    ],
)
def test_other_paths_are_not(name: str) -> None:
    assert not is_member(name)


@pytest.mark.parametrize("is_gzip", [False, True])
def test_the_card_always_takes_the_same_room(is_gzip: bool) -> None:
    entry = Entry(10**18, "f" * 64)
    card = BackupCard("0.2.0", "2026-01-01T00:00:00+00:00", dict.fromkeys(NAMES, entry), "0002")
    empty, full = (card_blocks(one, room_for(NAMES), 0.0, is_gzip) for one in (None, card))
    assert len(empty) == len(full)
    assert empty != full


def test_a_file_of_more_than_eight_gigabytes_has_a_header() -> None:
    size_bytes = 10 << 30
    assert tarfile.TarInfo.frombuf(header("firstline.db", size_bytes, 0o600, 0), "utf-8", "strict").size == size_bytes


def test_a_name_that_tar_cannot_hold_is_refused() -> None:
    with pytest.raises(ValueError, match="name is too long"):
        header("models/" + "a" * 240, 0, 0o600, 0)


def test_a_card_counts_models_and_runs() -> None:
    entry = Entry(3, "0" * 64)
    names = ["models/a/manifest.json", "models/a/0/manifest.json", "models/promise.json", "runs/b/run.json"]
    card = BackupCard("0.2.0", "", dict.fromkeys(names, entry))
    assert (card.models, card.n_runs, card.size_bytes) == (("a",), 1, 12)


def test_tar_reads_a_header() -> None:
    with tarfile.open(fileobj=io.BytesIO(header("models/a", 0, 0o600, 5.0) + bytes(1024))) as archive:
        (info,) = archive
    assert (info.name, info.mode, info.mtime, info.isreg()) == ("models/a", 0o600, 5, True)
