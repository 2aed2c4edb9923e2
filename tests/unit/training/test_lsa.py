"""`lsa.v1`: unlabelled messages tell which words belong together."""

import numpy as np
import pytest

from firstline.text.rules import TextRules
from firstline.training.candidates.lsa import Lsa
from firstline.types import Message

RULES = TextRules.of_language("ru")
LABELLED = [
    Message("кредит"),
    Message("ипотека"),
    Message("кредит сегодня"),
    Message("карта"),
    Message("карта сегодня"),
]
LABELS = ["loan", "loan", "loan", "card", "card"]


def test_words_of_unlabelled_messages_are_understood_by_their_company() -> None:
    extras = ["вчера", "вечером", "опять", "снова", "быстро", "вдруг"]
    pool = [Message(f"{extra} {pair}") for pair in ("qqqq кредит", "zzzz карта") for extra in extras]
    fitted = Lsa(RULES).fit(LABELLED, LABELS, pool * 9)
    found = fitted.predict_proba([Message("qqqq"), Message("zzzz")])
    assert [fitted.labels_[place] for place in found.argmax(axis=1)] == ["loan", "card"]
    alone = Lsa(RULES).fit(LABELLED, LABELS, []).predict_proba([Message("qqqq"), Message("zzzz")])
    np.testing.assert_array_equal(alone[0], alone[1])


def test_components_are_folded_into_the_weights_of_ngrams() -> None:
    fitted = Lsa(RULES).fit(LABELLED, LABELS, [Message("кредит и карта")] * 4)
    assert fitted.regression_.weights.shape == (fitted.tfidf_.fitted().n_features, 2)


@pytest.mark.parametrize("unlabelled", [[], [Message("?")], [Message("")] * 200])
def test_goes_without_unlabelled_messages(unlabelled: list[Message]) -> None:
    fitted = Lsa(RULES).fit(LABELLED, LABELS, unlabelled)
    assert fitted.predict_proba([Message("карта")]).argmax() == fitted.labels_.index("card")


def test_reads_no_more_unlabelled_messages_than_its_settings_say() -> None:
    pool = [Message(f"слово{place} ещё") for place in range(50)]
    few = Lsa(RULES, max_unlabelled=5).fit(LABELLED, LABELS, pool)
    again = Lsa(RULES, max_unlabelled=5).fit(LABELLED, LABELS, pool)
    known = [gram for gram in few.tfidf_.fitted().vocabularies[0] if gram.startswith("слово")]
    assert len({gram.split()[0] for gram in known}) == 5
    np.testing.assert_array_equal(few.regression_.weights, again.regression_.weights)
