"""Names of classes are learned as messages of them, and nobody is asked about them."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Self

import numpy as np
import pytest
from numpy.typing import NDArray

from firstline.errors import LabelsTooFew
from firstline.settings import Settings
from firstline.steps import run_to_end
from firstline.store.messages import Labelled
from firstline.text.masks import Masker
from firstline.training.blend import Blend
from firstline.training.candidates.base import Candidate, Context, Fitted
from firstline.training.candidates.class_names import all_messages, names_for, prepare_for
from firstline.training.candidates.linear import Linear
from firstline.training.folds import Folds
from firstline.training.mixture import Mixture
from firstline.training.runs import run_key
from firstline.types import Label, Message

# Not one of these says what its class is called.
DATA = Labelled(
    messages=[Message(text) for text in ("верните деньги", "где мой перевод", "съел и молчит", "не отдаёт купюры")] * 3,
    labels=["Спорная_операция", "Спорная_операция", "Банкомат", "Банкомат"] * 3,
    unlabelled=[Message("добрый день")],
    n_disagreements=0,
)


class Watched(Linear):
    """What it was given last."""

    prepared: Sequence[Message] = ()
    learned: tuple[list[Message], list[Label], list[Message]] = ([], [], [])
    asked: Sequence[Message] = ()

    def fit(self, messages: Sequence[Message], labels: Sequence[Label], unlabelled: Sequence[Message]) -> Self:
        type(self).learned = (list(messages), list(labels), list(unlabelled))
        return super().fit(messages, labels, unlabelled)

    def predict_proba(self, messages: Sequence[Message]) -> NDArray[np.float32]:
        type(self).asked = list(messages)
        return super().predict_proba(messages)


def context(names_teach: bool = True) -> Context:
    return Context.of(Settings.model_validate({"classes": {"names_teach": names_teach}}), 0)


def named(*labels: Label) -> dict[Label, Message]:
    messages = [Message(f"сообщение {number}") for number in range(len(labels))]
    return names_for(context(), Labelled(messages, list(labels), [], 0))


def fitted(kind: type[Candidate], data: Labelled = DATA, names_teach: bool = True) -> Fitted:
    make = run_to_end(prepare_for(kind, context(names_teach), data))
    return make().fit(data.messages, data.labels, data.unlabelled)


def test_a_name_is_read_as_words() -> None:
    assert named("card_lost", "Где карта?", "card_lost") == {
        "card_lost": Message("card lost"),
        "Где карта?": Message("Где карта?"),
    }


@pytest.mark.parametrize("label", ["A7", "17", "_", "", "7б_2", "!!!", "10023456789", "https://x.io/t1"])
def test_a_mere_code_is_no_message(label: Label) -> None:
    assert named(label) == {}


@pytest.mark.parametrize("label", ["ДМС", "退款", "no 7", "बैंक"])
def test_a_short_word_is_one(label: Label) -> None:
    assert named(label) == {label: Message(label)}


@pytest.mark.parametrize(("one", "other"), [("card_lost", "Card lost"), ("card_lost", "card__lost"), ("Ёлка", "елка")])
def test_what_two_classes_are_called_is_learned_of_neither(one: Label, other: Label) -> None:
    assert named(one, other, "refund") == {"refund": Message("refund")}


def test_a_name_is_masked_as_messages_are() -> None:
    masking = {"patterns": [{"kind": "BRAND", "pattern": "(?i)осаго"}]}
    settings = Settings.model_validate({"masking": masking})
    data = replace(DATA, labels=["Полис Осаго", "Осаго", "xxup", "письмо на ivanov@mail.ru"] * 3)
    texts = {label: message.text for label, message in names_for(Context.of(settings, 0), data).items()}
    assert texts == {
        "Полис Осаго": "Полис <BRAND>",
        "xxup": Masker()("xxup"),
        "письмо на ivanov@mail.ru": "письмо на <EMAIL>",
    }
    assert texts["xxup"] != "xxup"


def test_what_a_writer_sent_is_judged_by_people_alone() -> None:
    data = replace(DATA, messages=[Message("БАНКОМАТ", "lead"), *DATA.messages[1:]])
    assert set(names_for(context(), data)) == {"Спорная_операция"}


def test_names_do_not_hide_that_no_message_has_a_word() -> None:
    ids = [Message(f"{number:06d}") for number in range(len(DATA.messages))]
    with pytest.raises(LabelsTooFew, match="has a word"):
        fitted(Linear, replace(DATA, messages=ids))


def test_candidates_learn_names_beside_the_messages() -> None:
    fitted(Watched)
    assert Watched.learned == (
        [*DATA.messages, Message("Банкомат"), Message("Спорная операция")],
        [*DATA.labels, "Банкомат", "Спорная_операция"],
        DATA.unlabelled,
    )


def test_what_no_message_says_is_known_by_name() -> None:
    asked = [Message("спорная операция на 300 рублей"), Message("у вас банкомат на углу")]
    knows, knows_not = fitted(Linear), fitted(Linear, names_teach=False)
    assert [knows.labels_[place] for place in knows.predict_proba(asked).argmax(axis=1)] == [
        "Спорная_операция",
        "Банкомат",
    ]
    assert knows.predict_proba(asked)[0, 1] > knows_not.predict_proba(asked)[0, 1] + 0.1
    assert knows.predict_proba(asked)[1, 0] > knows_not.predict_proba(asked)[1, 0] + 0.1


def test_the_settings_can_say_no() -> None:
    fitted(Watched, names_teach=False)
    assert Watched.learned == (DATA.messages, DATA.labels, DATA.unlabelled)


def test_what_all_trainings_share_is_made_of_names_too() -> None:
    class Shares(Watched):
        @classmethod
        def prepare(cls, context, messages):  # type: ignore[no-untyped-def]
            cls.prepared = list(messages)
            return (yield from super().prepare(context, messages))

    fitted(Shares)
    assert Shares.prepared == all_messages(context(), DATA)
    assert Shares.prepared[-2:] == [Message("Банкомат"), Message("Спорная операция")]


def test_codes_alone_leave_the_candidate_as_it_is() -> None:
    data = replace(DATA, labels=[{"Банкомат": "A1", "Спорная_операция": "A2"}[label] for label in DATA.labels])
    make = run_to_end(prepare_for(Linear, context(), data))
    assert isinstance(make(), Linear)


def test_nobody_is_asked_about_a_name() -> None:
    make = run_to_end(prepare_for(Watched, context(), DATA))
    for fold in Folds(DATA, 3, 1, 0).train_all(make):
        assert len(Watched.learned[0]) == len(DATA.messages) - len(fold.held_out) + 2
        assert Watched.asked == [DATA.messages[place] for place in fold.held_out]


def test_a_class_that_is_not_learned_is_not_learned_by_name() -> None:
    make = run_to_end(prepare_for(Watched, context(), replace(DATA, labels=[*DATA.labels[:-1], "Кредит"])))
    make().fit(DATA.messages[:-1], DATA.labels[:-1], [])
    assert set(Watched.learned[1]) == {"Банкомат", "Спорная_операция"}


def test_the_members_of_a_blend_learn_them_once() -> None:
    make = run_to_end(prepare_for(Watched, context(), DATA))
    mixture = Mixture({"linear.v1": 1.0}, {"linear.v1": 1.0}, {})
    Blend({"linear.v1": make}, mixture=mixture).fit(DATA.messages, DATA.labels, DATA.unlabelled)
    assert len(Watched.learned[0]) == len(DATA.messages) + 2


def test_another_choice_begins_another_run() -> None:
    given, chosen = Settings(), Settings.model_validate({"classes": {"names_teach": False}})
    assert run_key(DATA, given, 5, 0) != run_key(DATA, chosen, 5, 0)


@pytest.mark.parametrize("limit", [len(DATA.messages) - 1, len(DATA.messages)])
def test_all_trainings_of_a_workspace_are_of_one_kind(limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its labels, not by those of a fold: else folds would tell what is not true of the model."""
    monkeypatch.setattr("firstline.training.candidates.class_names.FEW_LABELS", limit)
    make = run_to_end(prepare_for(Linear, context(names_teach=False), DATA))
    few, all_of_them = (make().fit(DATA.messages[:n], DATA.labels[:n], []) for n in (len(DATA.messages) - 2, None))
    assert isinstance(few, Linear)
    assert isinstance(all_of_them, Linear)
    assert few.has_many_labels == all_of_them.has_many_labels == (limit < len(DATA.messages))
