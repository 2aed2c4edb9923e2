from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from firstline.bundle.parts.linear import TfidfLinear
from firstline.bundle.parts.tfidf import NgramBlock, Tfidf
from firstline.bundle.predictor import Predictor
from firstline.bundle.source import ModelFolder
from firstline.errors import BundleMissing
from firstline.serving.answering import Answered, Answering, Asked, OnEveryCore, SentAnswering, here
from firstline.store.messages import StoredMessage
from firstline.types import Message
from tests.bundles import make_bundle

PARTS: list[Sequence[Asked]] = [[(f"карта {n}",), ("",), ("перевод", "lead")] for n in range(40)]


@pytest.fixture
def models(tmp_path: Path) -> Path:
    return tmp_path / "models"


@pytest.fixture
def predictor(models: Path) -> Predictor:
    return Predictor.load(models / make_bundle(models).id)


def test_cells_come_in_order_with_a_note(predictor: Predictor) -> None:
    answered = Answering(predictor, frozenset())([("карта",), ("",), ("карта", "партнёр")])
    first, empty, unknown = answered.cells
    assert (first[0], first[-1]) == ("Карта", "")
    assert empty == (None, None, None, None, None, None, "no text")
    assert unknown[-1] == "the segment is unknown to the model and was ignored"
    assert (answered.n_answered, answered.n_unknown_segments) == (2, 1)


def test_a_message_is_taken_as_it_is(predictor: Predictor) -> None:
    read, raw = Answering(predictor, frozenset())([Message("карта <PHONE>"), ("карта +79161234567",)]).cells
    assert read == raw


def test_learned_messages_are_counted(predictor: Predictor) -> None:
    learned = {StoredMessage("карта", None).key}
    assert Answering(predictor, learned)([("карта",), ("перевод",)]).n_learned == 1


def test_other_processes_answer_the_same(predictor: Predictor, models: Path) -> None:
    answering = Answering(predictor, frozenset())
    alone = list(here(answering, iter(PARTS)))
    spread = OnEveryCore(ModelFolder.of(predictor, models), 2, alone_s=0)
    assert list(spread(answering, iter(PARTS))) == alone


def test_a_short_file_is_answered_in_this_process(predictor: Predictor) -> None:
    answering = Answering(predictor, frozenset())
    nowhere = OnEveryCore(ModelFolder.of(predictor, Path("gone")), 2, alone_s=60)
    assert len(list(nowhere(answering, iter(PARTS)))) == len(PARTS)


def test_an_error_of_another_process_is_raised_here(predictor: Predictor, models: Path) -> None:
    nowhere = OnEveryCore(ModelFolder.of(predictor, models / "gone"), 2, alone_s=0)
    with pytest.raises(BundleMissing):
        list(nowhere(Answering(predictor, frozenset()), iter(PARTS)))


def test_a_copied_model_answers_the_same_where_there_is_no_folder(predictor: Predictor, models: Path) -> None:
    copied = ModelFolder.of(predictor, models).copied()
    for file in (models / predictor.manifest.id).rglob("*"):
        if file.is_file():
            file.unlink()
    assert SentAnswering(copied, frozenset())(PARTS[0]) == Answering(predictor, frozenset())(PARTS[0])


def test_parts_are_taken_as_they_are_needed(predictor: Predictor) -> None:
    taken: list[int] = []

    def parts() -> Iterator[Sequence[Asked]]:
        for number, part in enumerate(PARTS):
            taken.append(number)
            yield part

    answers: Iterator[Answered] = here(Answering(predictor, frozenset()), parts())
    next(answers)
    assert taken == [0]


@pytest.mark.parametrize("size", [1, 7, 256])
def test_probabilities_do_not_depend_on_the_batch(size: int) -> None:
    rng = np.random.default_rng(0)
    vocabulary = [f"слово{n}" for n in range(60)]
    tfidf = Tfidf([NgramBlock("word", 1, 1)], [vocabulary], rng.uniform(1, 5, 60).astype(np.float32))
    part = TfidfLinear(tfidf, rng.normal(size=(60, 25)).astype(np.float32), rng.normal(size=25).astype(np.float32))
    texts = [" ".join(rng.choice(vocabulary, rng.integers(0, 30))) for _ in range(600)]
    whole = part.predict_proba(texts)
    parts = [part.predict_proba(texts[start : start + size]) for start in range(0, len(texts), size)]
    assert np.array_equal(whole, np.concatenate(parts))
