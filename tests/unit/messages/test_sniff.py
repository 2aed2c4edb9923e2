from pathlib import Path

import pytest

from firstline.errors import FileUnreadable
from firstline.messages.contents import read_head
from firstline.messages.sniff import SAMPLE_BYTES, find_encoding

HERE = Path("export.csv")
TEXT = "id;text\n1;Здравствуйте, банкомат не выдал деньги\n2;Где мой перевод?\n"


@pytest.mark.parametrize("encoding", ["utf-8", "cp1251", "koi8-r", "cp866"])
def test_an_encoding_is_found_by_its_letters(encoding: str) -> None:
    found = find_encoding(TEXT.encode(encoding), HERE)
    assert TEXT.encode(encoding).decode(found) == TEXT


def test_letters_far_behind_the_beginning_count() -> None:
    sample = b"id;text\n" + b"1;plain words\n" * 20_000 + TEXT.encode("cp1251")
    assert TEXT in sample.decode(find_encoding(sample, HERE))


def test_a_letter_cut_at_the_end_of_the_sample_is_no_fault() -> None:
    assert find_encoding("слово".encode()[:-1], HERE) == "utf-8"


def test_a_few_rows_in_another_encoding_leave_it_utf_8() -> None:
    assert find_encoding(TEXT.encode() * 3 + TEXT.encode("cp1251"), HERE) == "utf-8"


@pytest.mark.parametrize("content", [b"\x89PNG" + bytes(range(32)) * 9, bytes(range(256)) * 4])
def test_bytes_that_no_text_has_are_an_error(content: bytes) -> None:
    with pytest.raises(FileUnreadable, match="not a text file"):
        find_encoding(content, HERE)


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileUnreadable, match="No such file"):
        read_head(tmp_path / "a.csv", SAMPLE_BYTES)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("text", [TEXT, "id,text\n1,plain words\n", "id,text\n1,如何取回我的钱\n"])
def test_utf_16_is_found_without_its_mark(encoding: str, text: str) -> None:
    assert find_encoding(text.encode(encoding), HERE) == encoding


def test_text_with_a_few_zero_bytes_is_not_utf_16() -> None:
    assert find_encoding(TEXT.encode() * 5 + b"\x00\x00", HERE) == "utf-8"
