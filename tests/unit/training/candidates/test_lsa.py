"""`lsa.v1`: unlabelled messages tell which words belong together."""

import numpy as np
import pytest

from firstline.text.rules import TextRules
from firstline.training.candidates.lsa import Lsa, LsaSettings
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
    fitted = Lsa(RULES, settings=LsaSettings(n_components=2)).fit(LABELLED, LABELS, pool * 9)
    found = fitted.predict_proba([Message("qqqq"), Message("zzzz")])
    loan = fitted.labels_.index("loan")
    assert found[0, loan] > found[1, loan] + 0.3
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
    pool = [Message(f"слово{place} {extra}") for place in range(50) for extra in ("раз", "два")]
    few, again, many = (
        Lsa(RULES, settings=LsaSettings(max_unlabelled=n)).fit(LABELLED, LABELS, pool) for n in (20, 20, 200)
    )
    known = [sum(gram.startswith("слово") for gram in fitted.tfidf_.fitted().vocabularies[0]) for fitted in (few, many)]
    assert known[0] < 10 < known[1] == 50
    np.testing.assert_array_equal(few.regression_.weights, again.regression_.weights)


def test_every_ngram_of_the_labelled_and_the_repeated_ones_of_the_others_are_features() -> None:
    fitted = Lsa(RULES).fit(LABELLED, LABELS, [Message("дважды"), Message("дважды и"), Message("однажды")])
    words = set(fitted.tfidf_.fitted().vocabularies[0])
    assert {"кредит", "карта", "дважды"} <= words
    assert "однажды" not in words
    texts = ["кредит дважды", "ничего такого"]
    served = np.zeros((2, fitted.tfidf_.fitted().n_features), np.float32)
    for row, text in enumerate(texts):
        places, values = fitted.tfidf_.fitted().features(text)
        served[row, places] = values
    np.testing.assert_allclose(served, fitted.tfidf_.transform(texts).toarray(), atol=1e-6)


def test_of_many_labelled_messages_only_repeated_ngrams_are_features() -> None:
    fitted = Lsa(RULES, settings=LsaSettings(max_unlabelled=20), has_many_labels=True).fit(
        LABELLED, LABELS, [Message("дважды и")] * 30
    )
    words = set(fitted.tfidf_.fitted().vocabularies[0])
    assert {"кредит", "карта", "дважды"} <= words
    assert "ипотека" not in words
    found = fitted.predict_proba([Message("кредит"), Message("карта")])
    assert [fitted.labels_[place] for place in found.argmax(axis=1)] == ["loan", "card"]
