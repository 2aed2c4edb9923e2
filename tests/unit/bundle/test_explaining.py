"""The words of an answer. Parts are made by hand, with weights that tests can sum."""

from collections.abc import Sequence

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from firstline.bundle.explaining import MOST_OCCLUDED, Explanation, explain
from firstline.bundle.manifest import Calibration
from firstline.bundle.parts.linear import TfidfLinear
from firstline.bundle.parts.tfidf import NgramBlock, Tfidf
from firstline.bundle.predictor import Predictor, WeightedPart
from firstline.text.readings import Reading
from firstline.text.rules import TextRules
from firstline.types import Message
from tests.bundles import LABELS, hand_made_part, manifest

RULES = TextRules.of_language("ru")
HOSTILE = [
    "",
    " ",
    "😀👍🏽😀😀😀",
    "карта",
    ")))",
    "<b>карта</b> & <script>alert(1)</script>",
    "карта\x00\x1b[31m перевод\u202e\u200b",
    "карта \ud83d половина",
    "на\u0301шла карту \u0301\u0301 e\u0301",
    "مَرْحَبًا بطاقة",
    "а" * 10_000,
    "карта " * 2_000,
    "\u0301" * 3_000,
    "xxup xxmask_phone XXREP",
    "İstanbul БАНК Банк нееет!!! ... ??? --- 5 000 000 и 1234",
    "код-5 000, `'´",
]


def one_part(part: TfidfLinear, **changes: object) -> Predictor:
    return Predictor(msgspec.structs.replace(manifest(), **changes), [WeightedPart(part)])


def blend(*strengths: float) -> Predictor:
    return Predictor(manifest(), [WeightedPart(hand_made_part(strength)) for strength in strengths])


def rich_part(messages: Sequence[Message]) -> TfidfLinear:
    """A part with words, bigrams and parts of words of these messages, each with weights of its own."""
    blocks = [NgramBlock("word", 1, 2), NgramBlock("char", 2, 4, case_tokens=False)]
    ruled = [RULES.with_segment(message.text, message.segment) for message in messages]
    vocabularies = [sorted({ngram for text in ruled for ngram in block(text)}) for block in blocks]
    n_features = sum(map(len, vocabularies))
    random = np.random.default_rng(5)
    tfidf = Tfidf(blocks, vocabularies, random.uniform(1, 3, n_features).astype(np.float32))
    weights = random.normal(size=(n_features, len(LABELS))).astype(np.float32)
    return TfidfLinear(tfidf, weights, np.array([0.5, -1, 0.2], np.float32))


def spoken(explanation: Explanation) -> dict[str, float]:
    return {word.word: word.weight for word in explanation.words}


def test_the_word_that_a_linear_model_knows_carries_its_answer() -> None:
    found = explain(one_part(hand_made_part()), Message("где мой Перевод?"))
    assert (found.label, found.method) == ("Перевод", "exact")
    # One n-gram, value 1; weights 4, 0, 0 with a mean of 4/3.
    assert spoken(found) == {"Перевод": pytest.approx(8 / 3)}
    assert found.words[0].spans == ((8, 15),)


def test_a_word_for_another_class_speaks_against_the_label() -> None:
    part = hand_made_part()
    part.weights[4] *= 2
    found = explain(one_part(part), Message("карта перевод"))
    assert [(word.word, np.sign(word.weight)) for word in found.words] == [("карта", 1), ("перевод", -1)]


def test_words_differing_in_case_are_one_and_all_its_places_count() -> None:
    found = explain(one_part(hand_made_part()), Message("Карта, карта, КАРТА"))
    assert spoken(found) == {"Карта": pytest.approx(8 / 3)}
    assert found.words[0].spans == ((0, 5), (7, 12), (14, 19))


def test_a_mask_is_a_word() -> None:
    assert spoken(explain(one_part(hand_made_part()), Message("на <PHONE>"))) == {"<PHONE>": pytest.approx(8 / 3)}


@pytest.mark.parametrize(
    "message",
    [
        Message("БАНКОМАТ съел мою Карту!!! Верните :))) 5 000 рублей, карту и карту", "lead"),
        Message("что-то нееет перевода <PHONE> (Карта) карта...", "customer"),
        Message("перевод", "a segment that nobody knows"),
        Message("перевод"),
    ],
)
def test_weights_and_rest_sum_to_the_centred_logit(message: Message) -> None:
    part = rich_part([message])
    predictor = one_part(part, calibration=Calibration(2.0))
    found = explain(predictor, message)
    known = message.segment if message.segment in ("lead", "customer") else None
    places, values = part.tfidf.features(RULES.with_segment(message.text, known))
    logits = values @ part.weights[places] + part.bias
    assert found.method == "exact"
    assert found.label == predictor.predict([message])[0].label
    total = sum(word.weight for word in found.words) + found.rest
    assert total == pytest.approx(logits.max() - logits.mean(), abs=1e-4)


def test_none_of_the_classes_has_no_part_in_the_mean() -> None:
    part = hand_made_part()
    part.weights = np.hstack([part.weights, np.full((len(part.weights), 1), 9, np.float32)])
    part.bias = np.array([0, 0, 0, 7], np.float32)
    found = explain(one_part(part, none=True), Message("где мой перевод?"))
    assert (found.label, found.method, found.rest) == ("Перевод", "exact", 0)
    assert spoken(found) == {"перевод": pytest.approx(8 / 3)}


def test_a_bigram_is_divided_among_its_words() -> None:
    tfidf = Tfidf([NgramBlock("word", 2, 2)], [["мой перевод"]], np.ones(1, np.float32))
    part = TfidfLinear(tfidf, np.array([[0, 0, 3]], np.float32), np.zeros(3, np.float32))
    assert spoken(explain(one_part(part), Message("где мой перевод"))) == {
        "мой": pytest.approx(1),
        "перевод": pytest.approx(1),
    }


def test_parts_of_a_word_are_the_word() -> None:
    tfidf = Tfidf([NgramBlock("char", 3, 3)], [["пер", "вод"]], np.ones(2, np.float32))
    part = TfidfLinear(tfidf, np.array([[0, 0, 3], [0, 0, 3]], np.float32), np.zeros(3, np.float32))
    assert spoken(explain(one_part(part), Message("перевод мне"))) == {"перевод": pytest.approx(4 / 2**0.5)}


def test_what_the_segment_carries_is_no_word() -> None:
    found = explain(one_part(hand_made_part()), Message("добрый день", "lead"))
    assert (found.label, list(found.words)) == ("Карта", [])
    assert found.rest == pytest.approx(8 / 3)


def test_a_blend_loses_the_word_that_carries_it() -> None:
    predictor = blend(4.0, 2.0)
    message = Message("где мой перевод, мой?")
    found = explain(predictor, message)
    assert (found.label, found.method, [word.word for word in found.words]) == ("Перевод", "occlusion", ["перевод"])
    scores = predictor.predict_proba([message, Message("где мой , мой?")])[:, 2].astype(float)
    odds = np.log(scores / (1 - scores))
    assert found.words[0].weight == pytest.approx(odds[0] - odds[1], abs=1e-4)


def test_of_what_is_sure_already_a_word_takes_nothing_away() -> None:
    class Sure:
        reads: Reading = "written"

        def predict_proba(self, texts: Sequence[str]) -> NDArray[np.float32]:
            sure = np.array([1e-4 if "!" in text else 1e-9 for text in texts], np.float32)
            return np.stack([1 - 2 * sure, sure, sure], axis=1)

    assert explain(Predictor(manifest(), [WeightedPart(Sure())]), Message("карта!")).words == ()


class Counting:
    """A part that notes what it is asked."""

    reads: Reading = "written"

    def __init__(self) -> None:
        self.calls: list[list[str]] = []

    def predict_proba(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.calls.append(list(texts))
        return np.array([[0.2, 0.3 + 0.4 * ("w7 " in f"{text} "), 0.5 - 0.4 * ("w7 " in f"{text} ")] for text in texts])


def test_occlusion_asks_once_with_at_most_30_words_removed() -> None:
    part = Counting()
    text = " ".join(f"w{n}" for n in range(100))
    found = explain(Predictor(manifest(), [WeightedPart(part)]), Message(text))
    assert [len(call) for call in part.calls] == [1 + MOST_OCCLUDED]
    assert ([word.word for word in found.words], found.n_unexamined) == (["w7"], 70)


def test_all_places_of_a_word_are_removed_at_once() -> None:
    part = Counting()
    explain(Predictor(manifest(), [WeightedPart(part)]), Message("Да, да, нет"))
    assert part.calls == [["Да, да, нет", ", , нет", "Да, да,"]]


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("kind", ["exact", "occlusion"])
def test_any_text_is_explained_and_twice_the_same(text: str, kind: str) -> None:
    message = Message(text, "lead")
    predictor = one_part(rich_part([message])) if kind == "exact" else blend(4.0, 2.0)
    found = explain(predictor, message)
    assert found == explain(predictor, message)
    assert found.label == predictor.predict([message])[0].label
    assert all(np.isfinite(word.weight) for word in found.words)
    weights = [abs(word.weight) for word in found.words]
    assert weights == pytest.approx(sorted(weights, reverse=True), abs=1e-5)
    assert all(text[start:end].casefold() == word.word.casefold() for word in found.words for start, end in word.spans)


@pytest.mark.parametrize("text", [text for text in HOSTILE if text not in HOSTILE[-1:]])
def test_almost_every_text_is_read_word_by_word(text: str) -> None:
    assert explain(one_part(rich_part([Message(text)])), Message(text)).method == "exact"


def test_a_text_that_is_not_read_word_by_word_is_explained_by_occlusion() -> None:
    message = Message("а\u03015 000")
    assert explain(one_part(rich_part([message])), message).method == "occlusion"


def test_what_is_not_read_is_no_word() -> None:
    message = Message("карта " + "я" * 9_990 + " перевод")
    assert "перевод" not in spoken(explain(one_part(hand_made_part()), message))
