from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from firstline.errors import LabelsTooFew
from firstline.store.messages import Labelled
from firstline.text.rules import TextRules
from firstline.training.candidates.linear import Linear
from firstline.training.folds import Fold, Folds, usable_folds
from firstline.types import NONE, Label, Message
from tests.examples import examples, with_outsiders


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


def linear() -> Linear:
    return Linear(TextRules.of_language("ru"))


def test_each_message_of_none_of_the_classes_is_held_out_once() -> None:
    data = with_outsiders()
    folds = Folds(data, 3, 2, 0)
    for splits in folds.wide_splits:
        held_out = np.concatenate([held for _, held in splits])
        assert sorted(held_out.tolist()) == list(range(len(data.messages) + len(data.none)))
        assert all(set(learned).isdisjoint(held) for learned, held in splits)
        sizes = [int((held >= len(data.messages)).sum()) for _, held in splits]
        assert max(sizes) - min(sizes) <= 1


def test_classes_are_held_out_as_they_are_without_such_messages() -> None:
    with_none, without = Folds(with_outsiders(), 3, 1, 0), Folds(examples(), 3, 1, 0)
    for (_, held), (_, expected) in zip(with_none.wide_splits[0], without.splits[0], strict=True):
        np.testing.assert_array_equal(held[held < len(without.truth)], expected)


def test_answers_are_about_the_classes_and_none_beside_them() -> None:
    data = with_outsiders()
    folds = Folds(data, 4, 1, 0)
    found = list(folds.train_all(linear))
    for fold in found:
        assert fold.none is not None
        assert fold.outsiders is not None
        assert fold.probabilities.shape == (len(fold.held_out), 3)
        np.testing.assert_allclose(fold.probabilities.sum(axis=1), 1, atol=1e-5)
        assert fold.none.shape == (len(fold.held_out),)
        assert fold.outsiders.shape == (2, 4)
        assert folds.fits(0, fold)
    inside = np.concatenate([fold.none for fold in found if fold.none is not None])
    outside = np.concatenate([fold.outsiders[:, -1] for fold in found if fold.outsiders is not None])
    assert outside.mean() > inside.mean()


def test_a_message_whose_only_class_is_none_gets_no_nan() -> None:
    class OnlyNone(Linear):
        def predict_proba(self, messages: Sequence[Message]) -> np.ndarray:
            return np.tile(np.array([0, 0, 0, 1], np.float32), (len(messages), 1))

    folds = Folds(with_outsiders(), 4, 1, 0)
    for fold in folds.train_all(lambda: OnlyNone(TextRules.of_language("ru"))):
        np.testing.assert_allclose(fold.probabilities, 1 / 3)
        assert folds.fits(0, fold)


def test_folds_with_and_without_such_messages_do_not_stand_for_each_other() -> None:
    taught, plain = Folds(with_outsiders(), 4, 1, 0), Folds(examples(), 4, 1, 0)
    assert not plain.fits(0, taught.train(linear, 0, 1))
    assert not taught.fits(0, plain.train(linear, 0, 1))


def test_a_few_such_messages_change_nothing() -> None:
    plain = Folds(examples(), 4, 1, 0)
    few = Folds(replace(examples(), none=[Message("погода")]), 4, 1, 0)
    assert few.columns == plain.columns
    found, expected = few.train(linear, 0, 1), plain.train(linear, 0, 1)
    assert (found.none, found.outsiders) == (None, None)
    np.testing.assert_array_equal(found.probabilities, expected.probabilities)


def test_one_class_and_none_are_no_two_classes() -> None:
    with pytest.raises(LabelsTooFew, match="one class"):
        usable_folds(["a", "a"], 2)
    data = replace(with_outsiders(), messages=[Message("а"), Message("б"), Message("в")], labels=["a", "a", "b"])
    with pytest.raises(LabelsTooFew, match="only one class is left"):
        list(Folds(data, 2, 1, 0).train_all(linear))


def test_the_label_of_none_sorts_after_every_class() -> None:
    names: list[Label] = ["я", "\U0001f600", "z", "\U0010fffe"]
    assert sorted([NONE, *names])[-1] == NONE
