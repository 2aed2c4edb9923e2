"""How a model reads a message: by the text rules, or as it was written."""

from typing import Literal

from firstline.text.rules import LONGEST_READ_CHARS, TextRules

Reading = Literal["ruled", "written"]
"""`ruled`: lower case with special tokens, as `TextRules` makes it. `written`: the masked text itself."""


def read(reading: Reading, rules: TextRules, text: str, segment: str | None) -> str:
    """What a model of this reading gets of one masked message, its segment in it."""
    return rules.with_segment(text, segment) if reading == "ruled" else as_written(text, segment)


def as_written(text: str, segment: str | None) -> str:
    """`segment. text`; without a segment, the text alone. What stands beyond 10,000 characters is left out."""
    text = text[:LONGEST_READ_CHARS]
    return f"{segment}. {text}" if segment else text
