"""The special tokens: what a model is told in words that no person writes."""

import re

SHOUTED = "xxup"
CAPITALISED = "xxcap"
REPEATED = "xxrep"
NUMBER = "xxnum"
MASK_PREFIX = "xxmask_"
SEGMENT_PREFIX = "xxseg_"

SPECIAL_TOKEN = re.compile(r"\bxx(?:up|cap|rep|num\d?|(?:mask|seg)_\w+)\b")
"""Matches every special token, whole."""

_LOOKALIKE = re.compile(r"\b(x)(x(?:up|cap|rep|num\d?|(?:mask|seg)_\w+))\b", re.IGNORECASE)


def defuse(text: str) -> str:
    """Part what a writer typed to look like a special token, so that nobody can pose as a segment."""
    if "xx" not in text and "XX" not in text and "xX" not in text and "Xx" not in text:
        return text
    return _LOOKALIKE.sub(r"\1 \2", text)


def mask_token(kind: str) -> str:
    """The token for a kind of mask: `PHONE` -> `xxmask_phone`."""
    return MASK_PREFIX + kind.lower()


def segment_token(segment: str) -> str:
    """The token for a segment: `New lead` -> `xxseg_new_lead`."""
    return SEGMENT_PREFIX + re.sub(r"\W+", "_", segment.strip().lower())
