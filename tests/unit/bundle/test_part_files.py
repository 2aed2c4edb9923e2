import hashlib
import os
from pathlib import Path

import msgspec
import pytest

from firstline.bundle.part_files import PartFile, PartFiles
from firstline.errors import BundleDamaged


def hashed(folder: Path, **contents: bytes) -> PartFiles:
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return PartFiles(folder, {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()})


def test_content_with_the_right_hash_is_read(tmp_path: Path) -> None:
    assert hashed(tmp_path, a=b"abc").read("a") == b"abc"


def test_content_with_another_hash_is_refused_by_name(tmp_path: Path) -> None:
    files = hashed(tmp_path, a=b"abc")
    (tmp_path / "a").write_bytes(b"abd")
    with pytest.raises(BundleDamaged, match=r"/a is damaged: its hash is a52d159f262b, the manifest says ba7816bf8f01"):
        files.read("a")


def test_a_file_that_the_manifest_does_not_name_is_not_used(tmp_path: Path) -> None:
    files = hashed(tmp_path, a=b"abc")
    (tmp_path / "b").write_bytes(b"b")
    with pytest.raises(BundleDamaged, match=r"/b is damaged: the manifest does not name it"):
        files.read("b")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    files = hashed(tmp_path, a=b"abc")
    (tmp_path / "a").unlink()
    with pytest.raises(BundleDamaged, match=r"/a is missing"):
        files.read("a")


def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(tmp_path: Path) -> None:
    files = hashed(tmp_path, a=b"abc")
    (tmp_path / "a").unlink()
    os.mkfifo(tmp_path / "a")
    with pytest.raises(BundleDamaged, match=r"/a is missing"):
        files.read("a")


def test_without_hashes_any_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    assert PartFiles(tmp_path).read("a") == b"abc"


def test_files_that_nothing_read_are_checked_too(tmp_path: Path) -> None:
    files = hashed(tmp_path, a=b"abc", b=b"b")
    files.read("a")
    (tmp_path / "b").write_bytes(b"c")
    with pytest.raises(BundleDamaged, match=r"/b is damaged"):
        files.check_rest()


def test_a_file_is_read_only_once(tmp_path: Path) -> None:
    files = hashed(tmp_path, a=b"abc")
    files.read("a")
    (tmp_path / "a").unlink()
    files.check_rest()


def test_a_file_that_is_read_again_must_be_the_same(tmp_path: Path) -> None:
    file = PartFile(hashed(tmp_path, a=b"abc"), "a")
    assert file.read_bytes() == b"abc"
    (tmp_path / "a").write_bytes(b"abd")
    with pytest.raises(BundleDamaged, match=r"/a is damaged"):
        file.read_bytes()


@pytest.mark.parametrize("content", [b"", b"[", b'{"a": "b"}', b"\xff", b"[" * 5_000])
def test_json_that_does_not_fit_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(BundleDamaged, match=r"/a is damaged"):
        hashed(tmp_path, a=content).json("a", dict[str, int])


def test_json_is_read_as_its_type(tmp_path: Path) -> None:
    class Described(msgspec.Struct):
        size: int

    assert hashed(tmp_path, a=b'{"size": 3}').json("a", Described) == Described(3)


def test_lines_are_those_of_the_text(tmp_path: Path) -> None:
    assert hashed(tmp_path, a="да\nнет\r".encode()).lines("a") == ["да", "нет\r"]


def test_lines_that_are_not_utf8_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(BundleDamaged, match=r"/a is damaged"):
        hashed(tmp_path, a=b"\xff").lines("a")
