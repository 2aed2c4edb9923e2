import errno
import json
import os
from collections.abc import Generator
from pathlib import Path

import numpy as np
import pytest

from firstline.errors import CorpusUnusable, FileUnwritable
from firstline.language_models.corpus import Source
from firstline.language_models.encoding import EncodedSource, Tokens, encode_source
from firstline.language_models.mix import Mix
from firstline.language_models.tokenizer_training import train_tokenizer
from firstline.text.rules import TextRules
from firstline.text.tokenizer import BEGIN, Tokenizer
from tests.unit.language_models.corpora import RULES, RUSSIAN, written


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return train_tokenizer([RULES(RUSSIAN), *(f"абзац {n}" for n in range(10))], 100)


def finished(steps: Generator[int, None, EncodedSource]) -> EncodedSource:
    while True:
        try:
            next(steps)
        except StopIteration as end:
            found: EncodedSource = end.value
            return found


def encoded(path: Path, tokenizer: Tokenizer, folder: Path, rules: TextRules = RULES) -> EncodedSource:
    return finished(encode_source(Source(path, "a"), rules, tokenizer, folder))


def ids_of(tokens: Tokens) -> list[int]:
    return [int(id_) for id_ in np.fromfile(tokens.path, dtype="<u2")]


def test_every_paragraph_is_its_beginning_and_its_tokens(tmp_path: Path, tokenizer: Tokenizer) -> None:
    path = written(tmp_path / "a.txt", f"{RUSSIAN}\nабзац 5\n")
    found = encoded(path, tokenizer, tmp_path / "tokens")
    expected = [id_ for text in (RUSSIAN, "абзац 5") for id_ in [BEGIN, *tokenizer.encode(RULES(text))]]
    assert ids_of(found.training) == expected
    assert found.training.n_tokens == len(expected)
    assert found.training.n_chars == len(RULES(RUSSIAN)) + len("абзац 5")


def test_every_200th_paragraph_is_held_out(tmp_path: Path, tokenizer: Tokenizer) -> None:
    path = written(tmp_path / "a.txt", "\n".join(f"абзац {n % 10}" for n in range(1, 610)))
    found = encoded(path, tokenizer, tmp_path / "tokens")
    assert ids_of(found.validation) == [BEGIN, *tokenizer.encode("абзац 0")] * 3
    assert found.validation.n_chars == 3 * len("абзац 0")
    assert ids_of(found.training).count(BEGIN) == 606


def test_a_paragraph_of_which_the_rules_leave_nothing_is_left_out(tmp_path: Path, tokenizer: Tokenizer) -> None:
    path = written(tmp_path / "a.txt", "\u200b\nабзац\n")
    assert ids_of(encoded(path, tokenizer, tmp_path).training) == [BEGIN, *tokenizer.encode("абзац")]


def test_the_bytes_that_were_read_are_told(tmp_path: Path, tokenizer: Tokenizer) -> None:
    path = written(tmp_path / "a.txt.xz", "аб\n" * 2_500)
    assert list(encode_source(Source(path, "a"), RULES, tokenizer, tmp_path)) == [4_000, 8_000, 10_000]


def test_what_is_finished_is_not_read_again(tmp_path: Path, tokenizer: Tokenizer) -> None:
    path = written(tmp_path / "a.txt", "абзац 1")
    first = encoded(path, tokenizer, tmp_path)
    written(path, "абзац 2")
    assert encoded(path, tokenizer, tmp_path) == first
    assert ids_of(first.training) == [BEGIN, *tokenizer.encode("абзац 1")]


def test_a_new_weight_does_not_encode_again(tmp_path: Path, tokenizer: Tokenizer) -> None:
    path = written(tmp_path / "a.txt", "абзац 1")
    encoded(path, tokenizer, tmp_path)
    steps = encode_source(Source(path, "a", 3.0), RULES, tokenizer, tmp_path)
    with pytest.raises(StopIteration) as end:
        next(steps)
    assert end.value.value.weight == 3.0


def test_a_source_of_another_size_is_encoded_again(tmp_path: Path, tokenizer: Tokenizer) -> None:
    path = written(tmp_path / "a.txt", "абзац 1")
    encoded(path, tokenizer, tmp_path)
    written(path, "абзац 2 и 3")
    assert ids_of(encoded(path, tokenizer, tmp_path).training) == [BEGIN, *tokenizer.encode("абзац 2 и 3")]


def test_another_tokenizer_encodes_again(tmp_path: Path, tokenizer: Tokenizer) -> None:
    path = written(tmp_path / "a.txt", "<PHONE> абзац")
    encoded(path, tokenizer, tmp_path)
    larger = tokenizer.with_special_tokens(["xxmask_phone"])
    assert ids_of(encoded(path, larger, tmp_path).training)[1] == tokenizer.n_tokens


def test_other_rules_encode_again(tmp_path: Path, tokenizer: Tokenizer) -> None:
    path = written(tmp_path / "a.txt", "ёёёж")
    encoded(path, tokenizer, tmp_path)
    other = TextRules(("white_space.v1",))
    assert ids_of(encoded(path, tokenizer, tmp_path, other).training) == [BEGIN, *tokenizer.encode("ёёёж")]


@pytest.mark.parametrize("name", ["a.u16", "a.valid.u16", "a.json"])
def test_a_damaged_file_is_made_again(tmp_path: Path, tokenizer: Tokenizer, name: str) -> None:
    path = written(tmp_path / "a.txt", "абзац\n" * 200)
    whole = ids_of(encoded(path, tokenizer, tmp_path).training)
    os.truncate(tmp_path / name, 2)
    assert ids_of(encoded(path, tokenizer, tmp_path).training) == whole
    assert json.loads((tmp_path / "a.json").read_bytes())["n_tokens"] == len(whole)


def test_an_interrupted_encoding_leaves_nothing(tmp_path: Path, tokenizer: Tokenizer) -> None:
    path = written(tmp_path / "a.txt", "абзац\n" * 1_500)
    steps = encode_source(Source(path, "a"), RULES, tokenizer, tmp_path / "tokens")
    next(steps)
    assert [file.name for file in (tmp_path / "tokens").iterdir()] != []
    steps.close()
    assert list((tmp_path / "tokens").iterdir()) == []


def test_encoding_again_withdraws_the_record_of_the_old_tokens_first(tmp_path: Path, tokenizer: Tokenizer) -> None:
    path = written(tmp_path / "a.txt", "абзац")
    encoded(path, tokenizer, tmp_path)
    written(path, "абзац\n" * 1_500)
    next(encode_source(Source(path, "a"), RULES, tokenizer, tmp_path))
    assert not (tmp_path / "a.json").exists()


@pytest.mark.parametrize("n_written", [0, 1, 2])
def test_a_full_disk_leaves_nothing_that_would_be_taken_as_whole(
    tmp_path: Path, tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch, n_written: int
) -> None:
    path = written(tmp_path / "a.txt", "абзац\n" * 200)
    calls = iter(range(3))

    def sync(_: int) -> None:
        if next(calls) == n_written:
            raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch, pytest.raises(FileUnwritable, match="No space left on device"):
        patch.setattr(os, "fsync", sync)
        encoded(path, tokenizer, tmp_path / "tokens")
    assert not {file.suffix for file in (tmp_path / "tokens").iterdir()} & {".unfinished", ".json"}
    assert encoded(path, tokenizer, tmp_path / "tokens").validation.n_tokens > 0


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path, tokenizer: Tokenizer) -> None:
    path = written(tmp_path / "a.txt", "абзац")
    with pytest.raises(FileUnwritable, match="could not be written"):
        encoded(path, tokenizer, path)


def test_a_broken_source_is_an_error_of_the_corpus_and_leaves_nothing(tmp_path: Path, tokenizer: Tokenizer) -> None:
    path = written(tmp_path / "a.txt", "абзац\n".encode() + b"\xff")
    with pytest.raises(CorpusUnusable, match="line 2"):
        encoded(path, tokenizer, tmp_path / "tokens")
    assert list((tmp_path / "tokens").iterdir()) == []


def test_a_source_without_text_is_an_error(tmp_path: Path, tokenizer: Tokenizer) -> None:
    with pytest.raises(CorpusUnusable, match="no text"):
        encoded(written(tmp_path / "a.txt", "\n\u200b\n"), tokenizer, tmp_path / "tokens")


def test_what_was_encoded_can_be_mixed(tmp_path: Path, tokenizer: Tokenizer) -> None:
    path = written(tmp_path / "a.txt", "абзац 1\n" * 300)
    mix = Mix([encoded(path, tokenizer, tmp_path)], seed=1, n_rows=2, row_tokens=20)
    assert set(mix.chunk(0).ravel()) == {BEGIN, *tokenizer.encode("абзац 1")}
    assert mix.validation(100)[1] > 0
