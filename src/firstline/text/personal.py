"""Does a short value, such as an id or the name of a class, hold personal data?

Masking a message may take away too much: a lost number costs little. An id is needed as it is, so here
a plain number of up to ten digits, with a short prefix or without, is an id and nothing else.
"""

import re

from firstline.text.masks import Masker, masks_in

KINDS = frozenset({"PHONE", "EMAIL", "CARD", "ACCOUNT", "IBAN", "PASSPORT", "SNILS"})
"""The kinds of personal data that must not stand in a name or an id; the team's own kinds are added to them."""

_PLAIN_NUMBER = re.compile(r"(?:(?!TEL|PHONE|MOB|PASS|SNILS)[A-Z]{1,10}[\-_ #]?|[#№] ?)?\d{1,10}", re.IGNORECASE)
_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
_BRACKETS = str.maketrans("<>[]", "    ")
_JOINTS = re.compile(r"(?<!\d)[/?=&#:;|_]|[/?=&#:;|_](?!\d)")  # not those of a date or a time


def holds_personal_data(value: str, mask: Masker) -> bool:
    """Whether `mask` finds one of the `KINDS`, or of the team's own, in `value`.

    A name in brackets, such as `[Card] blocked`, is not personal data although masking makes `<CARD>` of it.
    A link hides what it holds, so its parts are looked at as well.
    """
    if _PLAIN_NUMBER.fullmatch(value) or _UUID.fullmatch(value):
        return False
    kinds = KINDS | {kind.upper() for kind, _ in mask.patterns}
    plain = value.translate(_BRACKETS)
    return any(kinds.intersection(masks_in(mask(text))) for text in (plain, _JOINTS.sub(" ", plain)))
