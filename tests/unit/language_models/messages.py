"""Ruled messages with a pattern that a small network learns, and a pretrained model for them."""

import msgspec
import numpy as np
from numpy.typing import NDArray

from firstline.language_models.model import LanguageModel
from firstline.types import Direction
from tests.unit.language_models.corpora import RULES
from tests.unit.language_models.pretraining import small_language_model

_DID = {"карта": "пропала вчера вечером", "оплата": "не прошла в магазине", "заявка": "висит уже неделю"}
_WHO = ("моя", "наша", "ваша", "старая", "новая")


def patterned(n_messages: int, first: int = 0) -> list[str]:
    """Messages in which the noun tells how the sentence goes on; all differ."""
    nouns = list(_DID)
    return [
        f"xxseg_lead {_WHO[n % 5]} {nouns[n % 3]} {_DID[nouns[n % 3]]} номер {n} xxseg_lead"
        for n in range(first, first + n_messages)
    ]


def meanings(texts: list[str]) -> NDArray[np.float32]:
    """A vector for each message: which noun it has."""
    return np.array([[noun in text for noun in _DID] for text in texts], np.float32)


def pretrained(direction: Direction = "forward", text: str = "оплата ушла") -> LanguageModel:
    """A model with random weights that says it has read text by these rules."""
    model = small_language_model(text)
    card = msgspec.structs.replace(
        model.card, text_rules=RULES.names, direction=direction, files={"weights.safetensors": "1"}
    )
    return LanguageModel(card, model.tokenizer, model.weights)
