from pathlib import Path

import pytest

from firstline.bundle.explaining import Explanation, WordWeight
from firstline.bundle.predictor import Predictor
from firstline.labelling.nearest import Neighbour, Neighbours
from firstline.serving.explained import Explainer, neighbours_in_a_cell, words_in_a_cell
from firstline.store.labelled import LabelledMessage
from firstline.store.messages import StoredMessage
from firstline.types import Message
from tests.bundles import make_bundle


@pytest.fixture
def predictor(tmp_path: Path) -> Predictor:
    return Predictor.load(tmp_path / make_bundle(tmp_path).id)


def explanation(**weights: float) -> Explanation:
    return Explanation("Карта", tuple(WordWeight(word, weight, ((0, 1),)) for word, weight in weights.items()), "exact")


def test_words_are_written_with_their_weights() -> None:
    assert words_in_a_cell(explanation(карта=1.204, банкомат=-0.3)) == "карта +1.20, банкомат -0.30"


def test_at_most_five_words_and_none_that_carries_nothing() -> None:
    assert words_in_a_cell(explanation(a=6, b=5, c=4, d=3, e=2, f=1)).count(",") == 4
    assert words_in_a_cell(explanation(a=0.004)) == ""


def test_a_very_long_word_is_cut() -> None:
    assert words_in_a_cell(explanation(**{"а" * 1_000: 2})) == f"{'а' * 39}… +2.00"


def test_neighbours_are_written_with_class_and_similarity() -> None:
    found = [Neighbour("7", "Карта", 0.874), Neighbour(None, "Вход; (новый)", 1.0)]
    assert neighbours_in_a_cell(found) == "7 (Карта, .87); no id (Вход; (новый), 1.00)"


def test_without_labelled_messages_there_is_one_column(predictor: Predictor) -> None:
    explainer = Explainer(predictor)
    assert explainer.columns == ("predicted_words",)
    assert explainer.cells([Message("где карта"), Message("ау")]) == [("карта +2.67",), ("",)]
    assert explainer.cells([]) == []


def test_with_labelled_messages_there_are_two(predictor: Predictor) -> None:
    known = [
        LabelledMessage(StoredMessage(text).key, text[0], Message(text), label)
        for text, label in (("карта", "Карта"), ("перевод", "Перевод"))
    ]
    explainer = Explainer(predictor, Neighbours(predictor.vectors, known))
    assert explainer.columns == ("predicted_words", "predicted_nearest")
    (words, nearest), *_ = explainer.cells([Message("где карта")])
    assert words == "карта +2.67"
    assert str(nearest).startswith("к (Карта, 1.00); п (Перевод, .00)")
