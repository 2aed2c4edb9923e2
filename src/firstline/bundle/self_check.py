"""What a model answered to invented sentences when it was trained: later it must answer the same.

Hashes show that the files are those of the training. This shows that they still give the same answers, with the masks,
text rules, tokenizer, ONNX Runtime and processor of today.
"""

import hashlib
from itertools import cycle
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from numpy.typing import NDArray

from firstline.bundle.manifest import SelfCheck
from firstline.errors import BundleDamaged, ScoresNotFinite, kind_of
from firstline.text.masks import MASKS_VERSION
from firstline.types import Message

if TYPE_CHECKING:
    from firstline.bundle.predictor import Predictor

VERSION = "sentences.v1"
SENTENCES = (
    "Где мой перевод? Отправил вчера, до сих пор не дошёл.",
    "не могу войти в личный кабинет, пишет что пароль неверный",
    "ВЕРНИТЕ ДЕНЬГИ ЗА ЗАКАЗ!!!",
    "Перезвоните мне: +7 900 000-00-00, или напишите на nobody@example.com",
    "скооолько стоит доставка?? заказ № 12345 — «срочный» 🙂",
    "My card was declined at the shop. Can you tell me why?",
    "PLEASE CANCEL MY SUBSCRIPTION",
    "the app crashes after the last update, I use android 14",
    "?",
    "👍",
    "Спасибо, теперь всё работает.\n\n01.02.2024 10:30, Служба поддержки <help@example.com> пишет:\n> Добрый день!\n"
    "> Помогло ли вам наше письмо?",
    "Здравствуйте! Две недели назад я подал заявку на подключение, мне обещали, что мастер придёт в четверг. Никто не"
    " пришёл, а по телефону говорят, что такой заявки нет. Проверьте, пожалуйста, что с ней, и назначьте другой день."
    " Если это невозможно, верните оплату за этот месяц.",
)
"""Nobody wrote them. If one changes, so does `VERSION`."""

_DIGITS = 6
_MOST_ON_AVERAGE, _MOST_APART = 0.05, 0.25
"""An encoder in int8 answered a quarter of messages otherwise on a processor without VNNI, by up to .07, and twelve of
them by .02 on average at most. If the ids of a tokenizer are off by one, the average is .3 or more (EXPERIMENTS.md).
"""
_NEXT_STEP = (
    "Copy the model again and use the Firstline and the libraries that it was trained with, or train it again here:"
    " firstline train"
)


def self_check_of(predictor: "Predictor") -> SelfCheck:
    """What the predictor reads and answers, for the manifest. Raises `BundleDamaged` if it cannot answer."""
    messages = _messages(predictor)
    answers = np.round(_answers(predictor, messages).astype(np.float64), _DIGITS)
    return SelfCheck(VERSION, _fingerprint(predictor, messages), tuple(map(tuple, answers.tolist())))


def check_itself(predictor: "Predictor") -> tuple[str, ...]:
    """Compare what the predictor reads and answers with its training. Raises `BundleDamaged` if that differs.

    Returns notes for people. A model from before self-checks is not checked. With older masks, sentences that today's
    change are left out.
    """
    kept, model = predictor.manifest.self_check, predictor.manifest.id
    if kept is None:
        return ()
    if kept.sentences != VERSION:
        return (
            f"Model {model} was not checked: its self-check has the sentences '{kept.sentences}'; this Firstline"
            f" knows '{VERSION}'.",
        )
    messages = _messages(predictor)
    is_same_reading = np.ones(len(messages), np.bool_)
    if predictor.manifest.masks.version != MASKS_VERSION:
        is_same_reading[:] = [message.text == text for message, text in zip(messages, SENTENCES, strict=True)]
    elif _fingerprint(predictor, messages) != kept.read:
        raise _failed(model, "it reads the sentences otherwise than at its training")
    if problem := _problem_of(kept, _answers(predictor, messages), is_same_reading):
        raise _failed(model, problem)
    return ()


def _messages(predictor: "Predictor") -> list[Message]:
    """The sentences as the predictor reads them, its segments in turn."""
    segments = cycle([None, *predictor.manifest.segments])
    return [predictor.read(text, segment) for text, segment in zip(SENTENCES, segments, strict=False)]


def _fingerprint(predictor: "Predictor", messages: list[Message]) -> str:
    read = [(message, predictor.rules.with_segment(message.text, message.segment)) for message in messages]
    return hashlib.sha256(msgspec.json.encode(read)).hexdigest()[:16]


def _answers(predictor: "Predictor", messages: list[Message]) -> NDArray[np.float32]:
    """(n_sentences, n_labels), or a column more for none of the classes. Raises `BundleDamaged`."""
    try:
        return predictor.predict_with_none(messages)
    except ScoresNotFinite:
        raise _failed(predictor.manifest.id, "its scores are not probabilities") from None
    except Exception as error:  # ONNX Runtime's errors have no class in common.
        raise _failed(predictor.manifest.id, kind_of(error)) from None


def _problem_of(kept: SelfCheck, got: NDArray[np.float32], is_compared: NDArray[np.bool_]) -> str:
    """How answers differ from those of the training; empty if they do not.

    Two answers differ by their total variation distance, 0 to 1: the most by which the probability of any set of
    classes has changed.
    """
    if {len(row) for row in kept.answers} != {got.shape[1]} or len(kept.answers) != len(got):
        return "its manifest has the answers of another model"
    expected = np.array(kept.answers)
    apart = np.where(is_compared, np.abs(got - expected).sum(axis=1) / 2, 0)
    n_compared, worst = int(is_compared.sum()), int(apart.argmax())
    average = apart.sum() / max(1, n_compared)
    # Comparisons with NaN are false.
    if average <= _MOST_ON_AVERAGE and apart[worst] <= _MOST_APART:
        return ""
    label = int(np.abs(got[worst] - expected[worst]).argmax())
    now, before = got[worst, label], expected[worst, label]
    return (
        f"its answers to {n_compared} sentences differ from those at its training by {average:.3f} on average, expected"
        f" at most {_MOST_ON_AVERAGE}, and to sentence {worst + 1} by {apart[worst]:.3f}, expected at most"
        f" {_MOST_APART}: one class has probability {now:.3f} there, expected {before:.3f}"
    )


def _failed(model: str, why: str) -> BundleDamaged:
    return BundleDamaged(f"Model {model} fails its self-check: {why}.", _NEXT_STEP)
