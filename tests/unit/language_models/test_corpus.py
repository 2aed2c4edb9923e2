import json
import lzma
import random
from itertools import islice
from pathlib import Path

import pytest

from firstline.errors import CorpusUnusable, UsageError
from firstline.language_models.corpus import Source, check_language, parse_sources, read_lines
from tests.unit.language_models.corpora import RUSSIAN, written

ENGLISH = "My new card has not arrived yet."


def lines_of(path: Path) -> list[str]:
    return list(read_lines(Source(path, "a")))


def test_a_folder_stands_for_the_texts_in_it_by_name(tmp_path: Path) -> None:
    for name in ("wiki.txt.xz", "chats.jsonl", "news.txt", "mail.jsonl.xz", "README.md"):
        written(tmp_path / name, "текст")
    assert [source.name for source in parse_sources([tmp_path], {})] == ["chats", "mail", "news", "wiki"]


def test_files_keep_the_order_given_and_their_weights(tmp_path: Path) -> None:
    b, a = written(tmp_path / "b.txt", "б"), written(tmp_path / "a.txt", "а")
    assert parse_sources([b, a], {"a": 0.5}) == [Source(b, "b", 1.0), Source(a, "a", 0.5)]


def test_a_weight_of_zero_leaves_a_source_out(tmp_path: Path) -> None:
    paths = [written(tmp_path / name, "а") for name in ("a.txt", "b.txt")]
    assert [source.name for source in parse_sources(paths, {"a": 0})] == ["b"]


def test_nothing_left_to_train_on_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No source"):
        parse_sources([written(tmp_path / "a.txt", "а")], {"a": 0})


@pytest.mark.parametrize("weight", [-1, float("nan"), float("inf")])
def test_a_weight_that_is_no_share_is_an_error(tmp_path: Path, weight: float) -> None:
    with pytest.raises(UsageError, match=f"The weight of 'a' is {weight}, expected 0 or more"):
        parse_sources([written(tmp_path / "a.txt", "а")], {"a": weight})


def test_a_weight_for_an_unknown_name_is_an_error_that_lists_the_names(tmp_path: Path) -> None:
    paths = [written(tmp_path / name, "а") for name in ("a.txt", "b.txt")]
    with pytest.raises(UsageError, match="'wiki'") as error:
        parse_sources(paths, {"wiki": 2})
    assert error.value.next_step == "The sources: a, b"


@pytest.mark.parametrize(("one", "other"), [("a.txt", "a.jsonl"), ("a.txt", "a.valid.txt"), ("a.txt", "b/a.txt.xz")])
def test_two_sources_for_one_file_of_tokens_are_an_error(tmp_path: Path, one: str, other: str) -> None:
    with pytest.raises(UsageError, match="two sources"):
        parse_sources([written(tmp_path / one, "а"), written(tmp_path / other, "а")], {})


@pytest.mark.parametrize(
    ("name", "message"), [("absent.txt", "no file"), ("a.csv", r"expected \*\.txt"), ("folder", "no text in")]
)
def test_a_path_without_text_is_an_error(tmp_path: Path, name: str, message: str) -> None:
    written(tmp_path / "a.csv", "текст")
    written(tmp_path / "folder" / "a.csv", "текст")
    with pytest.raises(CorpusUnusable, match=message):
        parse_sources([tmp_path / name], {})


@pytest.mark.parametrize("name", ["a.txt", "a.txt.xz"])
def test_a_paragraph_is_a_line_and_blank_ones_are_skipped(tmp_path: Path, name: str) -> None:
    path = written(tmp_path / name, "\ufeffраз\r\n\n  \n два \nтри")
    assert lines_of(path) == ["раз", "два", "три"]


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.xz"])
def test_paragraphs_of_json_lines_are_the_lines_of_their_text(tmp_path: Path, name: str) -> None:
    path = written(tmp_path / name, '{"id": 1, "text": "раз\\n\\nдва"}\n\n{"text": "три"}\n{"text": ""}')
    assert lines_of(path) == ["раз", "два", "три"]


@pytest.mark.parametrize("name", ["a.txt", "a.jsonl"])
def test_a_long_line_is_read_in_parts(tmp_path: Path, name: str) -> None:
    line = "".join(chr(ord("а") + n % 32) for n in range(25_000))
    content = json.dumps({"text": line}) if name == "a.jsonl" else line
    parts = lines_of(written(tmp_path / name, f"{content}\n{content}"))
    assert list(map(len, parts)) == [10_000, 10_000, 5_000] * 2
    assert "".join(parts) == line * 2


@pytest.mark.parametrize("name", ["a.txt", "a.jsonl", "a.txt.xz"])
def test_another_encoding_is_an_error_that_names_the_line(tmp_path: Path, name: str) -> None:
    line = '{"text": "да"}\n'
    path = written(tmp_path / name, line.encode() * 2 + line.encode("cp1251") + line.encode())
    lines = read_lines(Source(path, "a"))
    assert len(list(islice(lines, 2))) == 2
    with pytest.raises(CorpusUnusable, match=rf"{name}, line 3: it is not UTF-8"):
        next(lines)


def test_the_line_of_an_error_is_counted_behind_long_lines(tmp_path: Path) -> None:
    path = written(tmp_path / "a.txt", f"{'а' * 30_000}\n\n".encode() + b"\xff\n")
    with pytest.raises(CorpusUnusable, match="line 3:"):
        lines_of(path)


@pytest.mark.parametrize("broken", [b"no xz at all", lzma.compress(b"\xff" + random.Random(0).randbytes(50_000))[:-9]])
def test_a_broken_xz_is_an_error_that_names_the_file(tmp_path: Path, broken: bytes) -> None:
    path = tmp_path / "a.txt.xz"
    path.write_bytes(broken)
    with pytest.raises(CorpusUnusable, match=r"a\.txt\.xz, line 1"):
        lines_of(path)


@pytest.mark.parametrize("line", ["не JSON", '["текст"]', '{"body": "а"}', '{"text": 1}', '{"text": null}', "[" * 9999])
def test_json_lines_without_a_text_are_an_error_that_names_the_line(tmp_path: Path, line: str) -> None:
    path = written(tmp_path / "a.jsonl", f'{{"text": "а"}}\n{line}\n')
    with pytest.raises(CorpusUnusable, match=r"a\.jsonl, line 2: it is not a JSON object with a text"):
        lines_of(path)


def test_a_file_that_has_gone_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CorpusUnusable, match="No such file"):
        lines_of(tmp_path / "a.txt")


@pytest.mark.parametrize(
    ("text", "language"),
    [(RUSSIAN, "ru"), (RUSSIAN, "uk"), (ENGLISH, "en"), (ENGLISH, "de"), (RUSSIAN, "sr"), (ENGLISH, "sr")],
)
def test_text_in_the_script_of_its_language_passes(text: str, language: str) -> None:
    check_language([text], language, "a.txt")


@pytest.mark.parametrize(
    ("text", "language", "message"),
    [
        ("карта visa gold card", "ru", "71 % of the letters in a.txt are Latin, expected Cyrillic for 'ru'."),
        (RUSSIAN, "en", "100 % of the letters in a.txt are Cyrillic, expected Latin for 'en'."),
        ("ευχαριστώ", "sr", "100 % of the letters in a.txt are Greek, expected Cyrillic or Latin for 'sr'."),
        ("123 !!!", "ru", "There are no letters in a.txt, expected Cyrillic for 'ru'."),
    ],
)
def test_text_in_another_script_is_an_error(text: str, language: str, message: str) -> None:
    with pytest.raises(CorpusUnusable) as error:
        check_language([text], language, "a.txt")
    assert error.value.message == message


def test_half_of_the_letters_are_enough() -> None:
    check_language(["карта card ы"], "ru", "a.txt")


def test_a_language_that_is_not_known_is_not_checked() -> None:
    check_language([RUSSIAN], "xx", "a.txt")


def test_only_a_sample_is_looked_at() -> None:
    texts = iter([RUSSIAN] * 2_000 + [ENGLISH] * 9_000)
    check_language(texts, "ru", "a.txt")
    assert sum(1 for _ in texts) == 9_000
