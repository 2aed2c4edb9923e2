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
    mask_token,
    segment_token,
)

Rule = Callable[[str], str]

_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff\x00-\x08\x0e-\x1b\x7f]")
_FIRST = r"\1"
_SPACE = re.compile(r"\s+")
_PLACEHOLDER = re.compile(r"<([^\W\d_]\w{1,31})>")
_LETTER_RUN = re.compile(r"([^\W\d_])\1{2,}")
_WORD = re.compile(r"[^\W\d_]+(?:[\u0300-\u036f]+[^\W\d_]*)*")
_WORD_WITH_RUN = re.compile(r"\b(?=\w*?([^\W\d_])\1{2,})\w+")
_SIGN_RUN = re.compile(r"([^\w\s])\1{2,}")
_NUMBER = re.compile(r"(?<!\w)\d{1,3}(?: \d{3})+(?!\w)|(?<!\w)\d+(?!\w)")
_PUNCTUATION = str.maketrans({
    "«": '"', "»": '"', "“": '"', "”": '"', "„": '"', "‟": '"',
    "‘": "'", "’": "'", "‚": "'", "‛": "'", "`": "'", "´": "'",
    "‐": "-", "‑": "-", "‒": "-", "–": "-", "—": "-", "―": "-", "−": "-",
    "…": "...",
})  # fmt: skip


def white_space(text: str) -> str:
    """Invisible characters go, any white space becomes one space, none stands at the ends."""
    return _SPACE.sub(" ", _INVISIBLE.sub("", text)).strip()


def nfc(text: str) -> str:
    """Unicode NFC: one spelling for a letter and its accent."""
    return unicodedata.normalize("NFC", text)


def punctuation(text: str) -> str:
    """Typographic quotes, dashes and ellipses become the plain ones."""
    return text.translate(_PUNCTUATION)


def masks(text: str) -> str:
    """A mask such as `<PHONE>` becomes the token of its kind."""
    if "<" not in text:
        return text

    def replace(match: re.Match[str]) -> str:
        kind = match[1]
        return f" {mask_token(kind)} " if kind == kind.upper() else match[0]

    return white_space(_PLACEHOLDER.sub(replace, text))


def case(text: str) -> str:
    """Lower case, in every script, with a token before a SHOUTED and before a Capitalised word."""

    def word(match: re.Match[str]) -> str:
        written = match[0]
        lowered = written.lower()
        if lowered == written:
            return written
        if len(written) > 1 and written == written.upper():
            return f"{SHOUTED} {lowered}"
        if written[1:] == lowered[-len(written) + 1 :] or len(written) == 1:
            return f"{CAPITALISED} {lowered}"
        return lowered

    return nfc(_WORD.sub(word, text))


def repeats(text: str) -> str:
    """Three or more of one letter or sign become one, with a token: `нееет!!!` -> `xxrep нет xxrep !`."""

    def word(match: re.Match[str]) -> str:
        if SPECIAL_TOKEN.fullmatch(match[0]):
            return match[0]
        return f"{REPEATED} {_LETTER_RUN.sub(_FIRST, match[0])}"

    text = _WORD_WITH_RUN.sub(word, text)
    return white_space(_SIGN_RUN.sub(rf" {REPEATED} \1", text))


def numbers(text: str) -> str:
    """A number of three digits or more becomes a token that tells its length: `5 000` -> `xxnum4`."""

    def token(match: re.Match[str]) -> str:
        digits = match[0].replace(" ", "")
        return match[0] if len(digits) < 3 else f"{NUMBER}{min(len(digits), 9)}"

    return _NUMBER.sub(token, text)


def yo(text: str) -> str:
    """Russian: `ё` is `е`, since hardly anyone types it."""
    return text.replace("ё", "е").replace("Ё", "Е")


_GENERAL: tuple[Rule, ...] = (white_space, nfc, punctuation, masks, case, repeats, numbers)
_OF_LANGUAGE: dict[str, tuple[Rule, ...]] = {"ru": (yo,)}
_BY_NAME: dict[str, Rule] = {
    f"{rule.__name__}.v1": rule for rule in (*_GENERAL, *(r for rules in _OF_LANGUAGE.values() for r in rules))
}
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
        return cls(tuple(_NAMES[rule] for rule in (*_GENERAL, *_OF_LANGUAGE.get(language, ()))))

    def __call__(self, text: str) -> str:
        """The ruled text of one masked message."""
        for name in self.names:
            text = _BY_NAME[name](text)
        return text

    def with_segment(self, text: str, segment: str | None) -> str:
        """The ruled text with the segment's token at both ends, or alone where there is no segment."""
        ruled = self(text)
        if not segment:
            return ruled
        token = segment_token(segment)
        return f"{token} {ruled} {token}"
