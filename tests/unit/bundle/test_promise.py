import os
from pathlib import Path

import pytest

from firstline.bundle.promise import DEFAULT, FILE_NAME, Promise, percent, read_promise, write_promise
from firstline.errors import BundleDamaged


def test_without_a_file_95_percent_of_the_routed_are_right(tmp_path: Path) -> None:
    assert read_promise(tmp_path) == Promise(precision=0.95) == DEFAULT


@pytest.mark.parametrize("promise", [Promise(precision=0.8), Promise(review=0.2)])
def test_what_is_written_reads_back(tmp_path: Path, promise: Promise) -> None:
    write_promise(tmp_path / "models", promise)
    assert read_promise(tmp_path / "models") == promise


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b"[]", b'{"precision": 2}', b'{"precision": 0.9, "review": 0.1}', b'{"x": 1}', b"\xff", b"[" * 99_999],
)
def test_a_damaged_file_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE_NAME).write_bytes(content)
    with pytest.raises(BundleDamaged, match=FILE_NAME):
        read_promise(tmp_path)


def test_what_is_not_a_file_is_neither_read_nor_replaced(tmp_path: Path) -> None:
    (tmp_path / "folder" / FILE_NAME).mkdir(parents=True)
    (tmp_path / "pipe").mkdir()
    os.mkfifo(tmp_path / "pipe" / FILE_NAME)
    for models in (tmp_path / "folder", tmp_path / "pipe"):
        with pytest.raises(BundleDamaged, match=r"it is not a file|Is a directory"):
            read_promise(models)
        with pytest.raises(BundleDamaged, match="is not a file"):
            write_promise(models, DEFAULT)


def test_a_file_that_is_too_large_is_not_read_in_part(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b'{"precision": 0.9}' + b" " * 10_000)
    with pytest.raises(BundleDamaged, match="more than 10,000 bytes"):
        read_promise(tmp_path)


@pytest.mark.parametrize("share", [0.0, 1.0, -0.1, float("nan"), float("inf")])
def test_a_share_is_between_0_and_1(share: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        Promise(precision=share)


def test_a_promise_is_one_of_two() -> None:
    with pytest.raises(ValueError, match="either"):
        Promise()
    with pytest.raises(ValueError, match="either"):
        Promise(precision=0.9, review=0.1)


def test_a_promise_in_words() -> None:
    assert str(Promise(precision=0.95)) == "95 % precision"
    assert str(Promise(review=0.2)) == "at most 20 % review"
    assert percent(0.995) == "99.5 %"
