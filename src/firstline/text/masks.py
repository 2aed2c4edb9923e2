"""Masking: personal data becomes `<KIND>` before a message is stored or answered.

Applied to raw text only, at import, at evaluation and in the service, always by this one copy.
A text is first read as its reader sees it: without tags, in plain signs. A kind is upper case; the
rule `masks` makes a token of each. docs/privacy.md lists the kinds and what they find.
"""

import re
from dataclasses import dataclass

from firstline.patterns import compile_pattern
from firstline.text.addresses import mask_addresses
from firstline.text.check_digits import iban
from firstline.text.codes import mask_codes, mask_passwords
from firstline.text.devices import mask_devices
from firstline.text.documents import mask_births, mask_documents
from firstline.text.hypertext import as_read
from firstline.text.long_numbers import HAS_RUN, mask_long_numbers
from firstline.text.look_alikes import plain_signs
from firstline.text.national_phones import mask_short_phones
from firstline.text.number_words import mask_number_words
from firstline.text.placeholders import mask_bracketed, mask_obfuscated
from firstline.text.rules import nfc, white_space
from firstline.text.separated_numbers import mask_separated
from firstline.text.tokens import defuse

MASKS_VERSION = "masks.v2"
OLDER_MASKS_VERSIONS = ("masks.v1",)
"""A bundle made with one of these is served with today's masks, which find more."""

_MASK = re.compile(r"(<[^\W\d_]\w{1,31}>)")
_LATIN = re.compile("[A-Za-z]")
_DIGIT = re.compile(r"\d")
_THREE_DIGITS = re.compile(r"\d\d(?:\d|[ \-]\d\d)")
_IBAN = re.compile(
    r"(?<![A-Za-z0-9])[A-Za-z]{2}[0-9]{2}[A-Za-z0-9]{0,30}+(?:[ \-][A-Za-z0-9]{1,30}+){0,8}+(?![A-Za-z0-9])"
)


@dataclass(frozen=True)
class Masker:
    """Masks a raw text. `patterns` are the team's own, as (kind, regular expression), tried first.

    They see the text as its reader does, in NFC, with single spaces, and never what is a mask already. RE2 runs
    them, so that none backtracks. Raises `PatternRefused` for one that it cannot run.
    """

    patterns: tuple[tuple[str, str], ...] = ()

    def __call__(self, text: str) -> str:
        """The text as it is stored: NFC, on one line, personal data as `<KIND>`. Masking it again changes nothing."""
        text = _as_seen(nfc(white_space(text)))
        for kind, pattern in self.patterns:
            text = _mask_own(text, pattern, f"<{kind.upper()}>")
        # What one kind takes away can lay bare the edge of another: as often as anything is found.
        # U+0338 strikes out the sign before it: `>` would no longer close its mask.
        while (masked := defuse(_mask_once(text)).replace(">\u0338", "> \u0338")) != text:
            text = _as_seen(masked)
        return white_space(text) if self.patterns else text


def without_masks(text: str) -> str:
    """What of a masked text its writer wrote."""
    return "".join(_MASK.split(text)[::2])


def masks_in(text: str) -> list[str]:
    """The kinds of the masks in a masked text, in their order: `PHONE`, `CARD`."""
    return [mask[1:-1] for mask in _MASK.split(text)[1::2]]


def _as_seen(text: str) -> str:
    # What is seen of a tag or an entity may be a look-alike, and of a look-alike a tag.
    while (seen := as_read(plain_signs(text))) != text:
        text = seen
    return text


def _mask_own(text: str, pattern: str, mask: str) -> str:
    compiled = compile_pattern(pattern)
    parts = _MASK.split(text)
    parts[::2] = [mask.join(compiled.split(part)) if part else "" for part in parts[::2]]
    return "".join(parts)


def _mask_once(text: str) -> str:
    lowered = text.lower()
    has_latin = bool(_LATIN.search(text))
    if "<" in text or "[" in text:
        text = mask_bracketed(text)
    text = mask_addresses(text, lowered, has_latin)
    text = mask_obfuscated(text, lowered)
    text = mask_passwords(text, lowered)
    text = mask_number_words(text, lowered)
    return _mask_digits(text, lowered, has_latin) if _DIGIT.search(text) else text


def _mask_digits(text: str, lowered: str, has_latin: bool) -> str:
    text = mask_births(mask_devices(text), lowered)
    has_three = bool(_THREE_DIGITS.search(text))
    if has_three:
        text = mask_documents(text, lowered, has_latin)
    text = mask_separated(text)
    if HAS_RUN.search(text):
        text = mask_long_numbers(_IBAN.sub(_iban, text) if has_latin else text)
    return mask_codes(mask_short_phones(text, lowered), lowered) if has_three else text


def _iban(match: re.Match[str]) -> str:
    """The longest beginning that is an IBAN: a word may follow it."""
    end = len(match[0])
    while end > 0:
        if iban(re.sub(r"[ \-]", "", match[0][:end])):
            return "<IBAN>" + match[0][end:]
        end = max(match[0].rfind(" ", 0, end), match[0].rfind("-", 0, end))
    return match[0]
