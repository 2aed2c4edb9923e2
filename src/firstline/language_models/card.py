"""The card of a language model, `card.json`, which describes it. It is read without PyTorch."""

import re
from itertools import pairwise
from pathlib import Path
from typing import Annotated

import msgspec

from firstline.errors import LanguageModelUnusable
from firstline.types import Direction

DIRECTIONS: tuple[Direction, ...] = ("forward", "backward")

FORMAT_VERSION = 1
CARD_FILE = "card.json"
REPAIR = "Copy it again, or make it again: firstline pretrain"
_Count = Annotated[int, msgspec.Meta(ge=0, le=10**15)]
_Width = Annotated[int, msgspec.Meta(ge=1, le=10**5)]
_Layers = Annotated[int, msgspec.Meta(ge=1, le=100)]
_Perplexity = Annotated[float, msgspec.Meta(ge=1)]
LANGUAGE_CODE = re.compile(r"[a-z]{2,3}")
_LanguageCode = Annotated[str, msgspec.Meta(pattern=rf"^{LANGUAGE_CODE.pattern}\Z")]


class SourceUsed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One corpus that a language model read, `n_tokens` of it long."""

    name: str
    licence: str
    weight: float
    n_tokens: _Count


class Shape(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The widths of an AWD-LSTM: the last of its layers is as wide as the embedding."""

    n_embedding: _Width
    n_hidden: _Width
    n_layers: _Layers

    def n_parameters(self, n_tokens: int) -> int:
        """Of the encoder and the bias of the tied softmax."""
        widths = [self.n_embedding, *[self.n_hidden] * (self.n_layers - 1), self.n_embedding]
        lstm = sum(4 * n_out * (n_in + n_out + 2) for n_in, n_out in pairwise(widths))
        return n_tokens * (self.n_embedding + 1) + lstm


class Card(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The description of a language model. `perplexity` is on text that it did not read.

    `files` has the SHA-256 of every file, `base` that of the files of the model that it was adapted from.
    """

    format_version: int
    language: _LanguageCode
    direction: Direction
    shape: Shape
    text_rules: tuple[str, ...]
    sources: tuple[SourceUsed, ...]
    tokens_seen: _Count
    perplexity_per_token: _Perplexity | None
    perplexity_per_character: _Perplexity | None
    hardware: str
    command: str
    settings: dict[str, int | float | str | bool]
    files: dict[str, str] = {}
    base: dict[str, str] = {}


def read_card(folder: Path) -> Card:
    """The card alone. Raises `LanguageModelUnusable`."""
    file = folder / CARD_FILE
    try:
        content = file.read_bytes()
    except OSError:
        raise LanguageModelUnusable(
            f"There is no language model in {folder}.", "Name the folder that holds card.json."
        ) from None
    try:
        version = msgspec.json.decode(content, type=dict[str, msgspec.Raw]).get("format_version", msgspec.Raw(b"null"))
        if (found := bytes(version)) != str(FORMAT_VERSION).encode():
            raise LanguageModelUnusable(
                f"{file} is of format version {found.decode()}; this Firstline reads {FORMAT_VERSION}.",
                "Use the version that made it, or make it again: firstline pretrain",
            )
        return msgspec.json.decode(content, type=Card)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise LanguageModelUnusable(f"{file} is damaged: {error}.", REPAIR) from None
