"""Text rules: masked text in, normalised text with special tokens out.

Each rule is a small function `str -> str` that never raises, never loses a letter and changes
nothing when applied again. The names of the rules that a model was trained with are stored in its
bundle, so a bundle always reads text the way it learned to. A rule that changes behaviour gets a
new name; an old one stays for as long as a bundle may name it.
"""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

from firstline.errors import BundleVersionUnknown
from firstline.text.tokens import (
    CAPITALISED,
    NUMBER,
    REPEATED,
    SHOUTED,
    SPECIAL_TOKEN,
    defuse,
    mask_token,
    segment_token,
)

Rule = Callable[[str], str]

LONGEST_READ_CHARS = 10_000

_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u00ad\u034f\u061c\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\u20e3\ufe00-\ufe0f\ufeff\ufff9-\ufffb\U000e0000-\U000e01ef]"
)
_FIRST = r"\1"
_PLACEHOLDER = re.compile(r"<([^\W\d_]\w{1,31})>")
_LETTER_RUN = re.compile(r"([^\W\d_])\1{2,}")
_WORD = re.compile(r"\w[\w\u0300-\u036f]*")
_WORD_WITH_RUN = re.compile(r"\b(?=\w*?([^\W\d_])\1{2,})\w+")
_SIGN_RUN = re.compile(r"([^\w\s\u0300-\u036f])\1{2,}")
_NUMBER = re.compile(r"(?<!\w)\d{1,3}(?: \d{3})+(?!\w)|(?<!\w)\d+(?!\w)")
_RUN = re.compile(r"(.)\1\1")
_THREE_DIGITS = re.compile(r"\d\d\d")
_PUNCTUATION = str.maketrans({
    "«": '"', "»": '"', "“": '"', "”": '"', "„": '"', "‟": '"',
    "‘": "'", "’": "'", "‚": "'", "‛": "'", "`": "'", "´": "'",
    "‐": "-", "‑": "-", "‒": "-", "–": "-", "—": "-", "―": "-", "−": "-",
    "…": "...",
})  # fmt: skip
_TYPOGRAPHIC = re.compile(f"[{''.join(map(chr, _PUNCTUATION))}]")


def white_space(text: str) -> str:
    """Invisible characters go, any white space becomes one space, none stands at the ends."""
    return _single_spaces(_INVISIBLE.sub("", text))


def _single_spaces(text: str) -> str:
    return " ".join(text.split())


def nfc(text: str) -> str:
    """Unicode NFC: one spelling for a letter and its accent."""
    return unicodedata.normalize("NFC", text)


def punctuation(text: str) -> str:
    """Typographic quotes, dashes and ellipses become the plain ones."""
    return text.translate(_PUNCTUATION) if _TYPOGRAPHIC.search(text) else text


def masks(text: str) -> str:
    """A mask such as `<PHONE>` becomes the token of its kind."""
    if "<" not in text:
        return text

    def replace(match: re.Match[str]) -> str:
        kind = match[1]
        return f" {mask_token(kind)} " if kind == kind.upper() else match[0]

    return _single_spaces(_PLACEHOLDER.sub(replace, text))


def case(text: str) -> str:
    """Lower case, in every script, with a token before a SHOUTED and before a Capitalised word."""

    def word(match: re.Match[str]) -> str:
        written = match[0]
        lowered = written.lower()
        if lowered == written:
            return written
        lowered = defuse(lowered)  # `İxxup` comes apart: its dot ends a word
        letters = [char for char in written if char.isalpha()]
        if len(letters) > 1 and written.isupper():
            return f"{SHOUTED} {lowered}"
        if all(char == char.lower() for char in letters[1:]):
            return f"{CAPITALISED} {lowered}"
        return lowered

    return text if text == text.lower() else nfc(_WORD.sub(word, text))


def repeats(text: str) -> str:
    """Three or more of one letter or sign become one, with a token: `нееет!!!` -> `xxrep нет xxrep !`."""

    def word(match: re.Match[str]) -> str:
        if SPECIAL_TOKEN.fullmatch(match[0]):
            return match[0]
        return f"{REPEATED} {defuse(_LETTER_RUN.sub(_FIRST, match[0]))}"

    if not _RUN.search(text):
        return _single_spaces(text)
    text = _WORD_WITH_RUN.sub(word, text)
    return _single_spaces(_SIGN_RUN.sub(rf" {REPEATED} \1", text))


def numbers(text: str) -> str:
    """A number of three digits or more becomes a token that tells its length: `5 000` -> `xxnum4`."""

    def token(match: re.Match[str]) -> str:
        digits = match[0].replace(" ", "")
        return match[0] if len(digits) < 3 else f"{NUMBER}{min(len(digits), 9)}"

    return _NUMBER.sub(token, text) if _THREE_DIGITS.search(text) else text


def yo(text: str) -> str:
    """Russian: `ё` is `е`, since hardly anyone types it."""
    return nfc(text.replace("ё", "е").replace("Ё", "Е"))


# A language's own rules come before the runs of a letter are counted: `ёее` is one.
_SPELLING: tuple[Rule, ...] = (white_space, nfc, punctuation, masks, case)
_OF_LANGUAGE: dict[str, tuple[Rule, ...]] = {"ru": (yo,)}
_COUNTING: tuple[Rule, ...] = (repeats, numbers)
_RULES = (*_SPELLING, *(rule for rules in _OF_LANGUAGE.values() for rule in rules), *_COUNTING)
_BY_NAME: dict[str, Rule] = {f"{rule.__name__}.v1": rule for rule in _RULES}
_NAMES = {rule: name for name, rule in _BY_NAME.items()}


@dataclass(frozen=True)
class TextRules:
    """An ordered list of rules, by name; a bundle stores the names."""

    names: tuple[str, ...]

    def __post_init__(self) -> None:
        unknown = [name for name in self.names if name not in _BY_NAME]
        if unknown:
            raise BundleVersionUnknown(
                f"The text rule '{unknown[0]}' is not known to this version of Firstline.",
                "Use the version that trained the model, or a later one.",
            )

    @classmethod
    def of_language(cls, language: str) -> "TextRules":
        """The rules for a language: the general ones and its own, if it has any."""
        return cls(tuple(_NAMES[rule] for rule in (*_SPELLING, *_OF_LANGUAGE.get(language, ()), *_COUNTING)))

    def __call__(self, text: str) -> str:
        """The ruled text of one masked message."""
        for name in self.names:
            text = _BY_NAME[name](text)
        return text

    def with_segment(self, text: str, segment: str | None) -> str:
        """The ruled text with the segment's token at both ends; without a segment, the ruled text alone.

        This is what a model reads; what stands beyond 10,000 characters of a message is left out.
        """
        return between_segments(self.beginning(text), segment)

    def beginning(self, text: str) -> str:
        """The ruled text of the first 10,000 characters of a message."""
        return self(text[:LONGEST_READ_CHARS])


def between_segments(ruled: str, segment: str | None) -> str:
    """A ruled text with the segment's token at both ends."""
    if not segment:
        return ruled
    token = segment_token(segment)
    return " ".join((token, ruled, token) if ruled else (token, token))
