"""TF-IDF: the features of a text, whatever was asked before."""

import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings

from benchmarks.predict_speed import plain_features
from firstline.bundle.part_files import PartFiles
from firstline.bundle.parts import tfidf as module
from firstline.bundle.parts.tfidf import NgramBlock, Tfidf
from firstline.text.ngrams import ngrams_of_token
from firstline.text.rules import TextRules
from tests.unit.text.texts import ANY_TEXT

RULES = TextRules.of_language("ru")
TEXTS = ("Где мой ПЕРЕВОД?", "перевод, перевод и ещё перевод", "Карта не работает!!! xxrep", "карта ёёё 5 000", "да")
BLOCKS = [NgramBlock("word", 1, 2, case_tokens=False), NgramBlock("char", 2, 4), NgramBlock("word", 3, 3)]


def fitted(*texts: str, seed: int = 1) -> Tfidf:
    """Blocks that know every n-gram of some texts."""
    vocabularies = [sorted({ngram for text in texts for ngram in block(RULES(text))}) for block in BLOCKS]
    idf = np.random.default_rng(seed).uniform(1, 8, sum(map(len, vocabularies)))
    return Tfidf(BLOCKS, vocabularies, idf.astype(np.float32))


KNOWING = fitted(*TEXTS)


def same(one: Tfidf, text: str) -> bool:
    """Whether features are those of plain dictionaries, bit for bit and in their order."""
    (places, values), (expected, weights) = one.features(text), plain_features(one, text)
    return places.tolist() == expected.tolist() and values.tobytes() == weights.tobytes()


@pytest.mark.parametrize("text", [*TEXTS, "", "...", "неизвестное", "где " * 3_000])
def test_features_are_those_of_plain_dictionaries(text: str) -> None:
    ruled = RULES(text)
    assert same(KNOWING, ruled)
    assert same(KNOWING, ruled)


@settings(deadline=None)
@given(ANY_TEXT)
def test_so_they_are_for_any_text(text: str) -> None:
    ruled = RULES(text)
    assert same(fitted(text, *TEXTS), ruled)
    assert same(KNOWING, ruled)


def test_a_feature_of_a_text_is_scaled_in_its_block() -> None:
    tfidf = Tfidf([NgramBlock("word", 1, 1)], [["карта", "перевод"]], np.array([3.0, 4.0], np.float32))
    places, values = tfidf.features("перевод карта нет")
    assert places.tolist() == [1, 0]
    np.testing.assert_allclose(values, [0.8, 0.6])


def test_n_grams_of_a_word_are_cut_once(monkeypatch: pytest.MonkeyPatch) -> None:
    cut: list[str] = []

    def counting(token: str, low: int, high: int) -> list[str]:
        cut.append(token)
        return ngrams_of_token(token, low, high)

    monkeypatch.setattr(module, "ngrams_of_token", counting)
    tfidf = fitted(*TEXTS)
    for _ in range(2):
        tfidf.features("карта карта")
    assert cut == ["карта"]


def test_only_so_many_words_are_remembered_and_none_that_is_long(monkeypatch: pytest.MonkeyPatch) -> None:
    cut: list[str] = []

    def counting(token: str, *_: int) -> list[str]:
        cut.append(token)
        return []

    monkeypatch.setattr(module, "ngrams_of_token", counting)
    monkeypatch.setattr(module, "_MOST_REMEMBERED", 2)
    tfidf, long = fitted(*TEXTS), "а" * 1_000
    for text in (long, long, "а", "б", "в", "а"):
        tfidf.features(text)
    assert cut == [long, long, "а", "б", "в", "а"]


def test_threads_get_the_same_features() -> None:
    chosen = random.Random(1)
    texts = [" ".join(chosen.choices(RULES(" ".join(TEXTS)).split(), k=30)) for _ in range(300)]
    tfidf = fitted(*TEXTS)
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda text: tfidf.features(text)[1].tobytes(), texts * 4))
    assert found == [plain_features(tfidf, text)[1].tobytes() for text in texts * 4]


def test_reads_back_what_it_wrote(tmp_path: Path) -> None:
    KNOWING.save(tmp_path)
    again = Tfidf.load(PartFiles(tmp_path))
    assert again.vocabularies == KNOWING.vocabularies
    assert same(again, RULES(TEXTS[1]))


@pytest.mark.parametrize(("word", "is_known"), [("карта", True), ("арт", False), ("нигде", False)])
def test_a_word_is_known_if_a_block_of_words_has_it(word: str, is_known: bool) -> None:
    assert KNOWING.knows(word) == is_known
