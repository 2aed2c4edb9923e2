"""What a person sees of a message that waits for a label: its text, why it is there, and the classes to choose from."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from firstline.store.labelling import ClassInUse, Waiting
from firstline.types import Label

MOST_OPTIONS = 9
"""One for each digit key; 0 is none of the classes."""
_MASK = re.compile(r"(<[^\W\d_]\w{1,31}>)")


@dataclass(frozen=True)
class Option:
    """A class on a digit key. `percent` is how likely the model finds it, None if that is not known or not shown."""

    id: int
    name: Label
    percent: int | None = None


@dataclass(frozen=True)
class Card:
    """A message to be labelled. `pieces` are its text in parts, each with whether it is a mask.

    `between` are the two classes that the model is torn between, if that is why it is asked. `has_guesses` says
    whether a model has guessed its class.
    """

    message_id: int
    pieces: list[tuple[str, bool]]
    segment: str
    sent_at: datetime | None
    reason: str
    options: list[Option]
    between: tuple[Label, Label] | None = None
    is_second: bool = False
    has_guesses: bool = True

    @property
    def key(self) -> str:
        """What tells it from other cards: one person may see a message twice, to label it and to look again."""
        return card_key(self.message_id, self.is_second)


def card_key(message_id: int, is_second: bool) -> str:
    """As `Card.key`."""
    return f"{message_id}-second" if is_second else str(message_id)


def card(waiting: Waiting, classes: Sequence[ClassInUse]) -> Card:
    """The card of a message. `classes` are those in use, by name.

    The likeliest classes are on the keys, filled up with others by name. On a message that was drawn at random they
    stand in alphabetical order without figures, because its label is to measure the model, not to follow it. So they
    do on one that is looked at a second time, whose label the model has learned.
    """
    suggested = waiting.suggested
    names = {one.id: one.name for one in classes}
    guesses = [(place, share) for place, share in suggested.guesses if place in names][:MOST_OPTIONS]
    guessed = {place for place, _ in guesses}
    others = [one for one in classes if one.id not in guessed][: MOST_OPTIONS - len(guesses)]
    options = [Option(place, names[place], round(100 * share) if share else None) for place, share in guesses]
    options += [Option(one.id, one.name) for one in others]
    if suggested.is_random or suggested.is_second_look:
        options = sorted((Option(one.id, one.name) for one in options), key=lambda one: one.name.casefold())
    torn = suggested.reason == "close_call" and len(guesses) > 1
    return Card(
        message_id=suggested.message_id,
        pieces=pieces(waiting.message.text),
        segment=waiting.message.segment or "",
        sent_at=waiting.sent_at,
        reason=suggested.reason,
        options=options,
        between=(names[guesses[0][0]], names[guesses[1][0]]) if torn else None,
        is_second=suggested.is_second_look,
        has_guesses=bool(guesses),
    )


def pieces(text: str) -> list[tuple[str, bool]]:
    """A masked text in parts: `("звонил с ", False), ("<PHONE>", True)`."""
    return [(part, bool(_MASK.fullmatch(part)) and part == part.upper()) for part in _MASK.split(text) if part]
