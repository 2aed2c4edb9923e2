from pathlib import Path

import msgspec
import pytest

from firstline.errors import FileUnreadable
from firstline.stress.texts import bodies_of


def texts_of(bodies: list[bytes]) -> list[str]:
    return [msgspec.json.decode(body)["text"] for body in bodies]


def test_without_a_file_the_demo_messages_are_sent() -> None:
    texts = texts_of(bodies_of(None))
    assert len(texts) > 500
    assert all(texts)


def test_a_file_gives_its_texts_in_order(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,text\n1,где карта\n2,\n3,где перевод\n", "utf-8")
    assert texts_of(bodies_of(tmp_path / "a.csv")) == ["где карта", "где перевод"]


def test_the_column_can_be_named(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text,words\nno,yes\n", "utf-8")
    assert texts_of(bodies_of(tmp_path / "a.csv", "words")) == ["yes"]


def test_what_cannot_be_decoded_is_sent_as_a_question_mark(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"text\n" + "где карта\n".encode() * 200 + "где".encode()[:-1] + b"\n")
    assert texts_of(bodies_of(tmp_path / "a.csv"))[-1] == "гд?"


def test_a_long_file_is_not_read_to_its_end(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text\n" + "a message\n" * 10_001, "utf-8")
    assert len(bodies_of(tmp_path / "a.csv")) == 10_000


def test_a_file_without_texts_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text,label\n,a\n", "utf-8")
    with pytest.raises(FileUnreadable, match="no row with a text"):
        bodies_of(tmp_path / "a.csv")
