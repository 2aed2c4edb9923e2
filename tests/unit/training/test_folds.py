import numpy as np
import pytest

from firstline.errors import LabelsTooFew
from firstline.store.messages import Labelled
from firstline.text.rules import TextRules
from firstline.training.candidates.linear import Linear
from firstline.training.folds import Fold, Folds, usable_folds
from firstline.types import Message
from tests.examples import examples


def folds_of(labels: list[str], messages: list[Message], folds: int = 4, seed: int = 0) -> list[Fold]:
    rules = TextRules.of_language("ru")
    data = Labelled(messages, labels, [], 0)
    return list(Folds(data, folds, 1, seed).train_all(lambda: Linear(rules)))


def test_every_message_is_held_out_once() -> None:
    data = examples()
    held_out = np.concatenate([fold.held_out for fold in folds_of(data.labels, data.messages)])
    assert sorted(held_out.tolist()) == list(range(len(data.labels)))


def test_numbers_are_those_of_the_first_repeat() -> None:
    folds = Folds(examples(), 4, 2, 0)
    for number, (_, held_out) in enumerate(folds.splits[0], start=1):
        assert set(folds.numbers[held_out]) == {number}


def test_probabilities_have_a_row_a_message_and_a_column_a_class() -> None:
    data = examples()
    for fold in folds_of(data.labels, data.messages):
        assert fold.probabilities.shape == (len(fold.held_out), 3)


def test_same_seed_same_folds_and_another_seed_others() -> None:
    data = examples()
    first, again, other = (
        [fold.held_out.tolist() for fold in folds_of(data.labels, data.messages, seed=seed)] for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other


def test_class_that_a_fold_did_not_learn_has_probability_zero() -> None:
    data = examples()
    labels, messages = [*data.labels, "Ипотека"], [*data.messages, Message("хочу ипотеку")]
    fold = next(fold for fold in folds_of(labels, messages) if len(labels) - 1 in fold.held_out)
    assert np.all(fold.probabilities[:, sorted(set(labels)).index("Ипотека")] == 0)


def test_fold_did_not_see_what_it_is_asked() -> None:
    """A message whose words are its own cannot be recognised when held out."""
    words = [f"слово{chr(1072 + place)}{chr(1072 + place)}" for place in range(16)]
    messages = [Message(word) for word in words]
    labels = ["a", "b"] * 8
    right = sum(
        int((fold.probabilities.argmax(axis=1) == [("a", "b").index(labels[i]) for i in fold.held_out]).sum())
        for fold in folds_of(labels, messages)
    )
    assert right < 14


def test_enough_labels_need_no_note() -> None:
    assert usable_folds(["a"] * 5 + ["b"] * 5, 5) == (5, [])


def test_thin_class_is_said() -> None:
    folds, notes = usable_folds(["a"] * 9 + ["b"] * 3 + ["c"], 5)
    assert folds == 5
    assert notes == [
        "class 'c' has fewer messages than folds: 1 message, so it is learned but cannot be checked",
        "class 'b' has fewer messages than folds: 3 messages",
    ]


def test_folds_shrink_to_the_largest_class() -> None:
    folds, notes = usable_folds(["a"] * 3 + ["b"] * 3, 5)
    assert folds == 3
    assert "3 folds instead of 5" in notes[0]


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ([], "no labelled messages"),
        (["a", "a"], "one class, 'a'"),
        (["a", "b"], "only one message"),
    ],
)
def test_too_few_labels_are_refused(labels: list[str], said: str) -> None:
    with pytest.raises(LabelsTooFew, match=said):
        usable_folds(labels, 5)
