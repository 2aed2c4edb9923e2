"""Hypertext: a message written in HTML, as its reader sees it.

Helpdesks export bodies in HTML. A reader sees neither tags nor entities, so masks must not either:
`4111&nbsp;1111` is a number, and `anna&#64;post.example` an address. Plain text with `<` or `&` in it
(`a < b`, `<3`, `R&D`), and masks such as `<PHONE>`, stay.
"""

import re
from html import unescape
from html.entities import html5

from firstline.text.rules import nfc, white_space

_INLINE_NAMES = (
    "a abbr acronym b bdi bdo big cite code del dfn em font i ins kbd label mark o:p q s samp small span strike strong"
    " sub sup tt u var wbr"
)
_BLOCK_NAMES = (
    "address area article aside audio base blockquote body br button canvas caption center col colgroup dd details"
    " dialog div dl dt embed fieldset figcaption figure footer form frame h1 h2 h3 h4 h5 h6 head header hr html iframe"
    " img input legend li link main map meta nav noscript object ol optgroup option p param picture pre script section"
    " select source style summary svg table tbody td textarea tfoot th thead title tr track ul video"
)
_INLINE = frozenset(_INLINE_NAMES.split())
_NAMES = "|".join(sorted((*_INLINE, *_BLOCK_NAMES.split()), key=len, reverse=True))
# Nothing in it crosses a `<` that is not a mask, so that no text takes quadratic time.
_QUOTED = r"\"(?:[^\"<]|<[A-Z]\w*>)*+\"|'(?:[^'<]|<[A-Z]\w*>)*+'"
_FLAGS = "(?:allowfullscreen|async|checked|controls|defer|disabled|hidden|multiple|noshade|nowrap|readonly|selected)"
_TAG = re.compile(
    rf"</?({_NAMES})(?:\s+(?:[a-z@:][\w:.\-]*\s*=|{_FLAGS}\b)(?:{_QUOTED}|[^<>\"']|<[A-Z]\w*>)*+)?\s*/?>|<(?:!doctype|\?xml)[^<>]*>",
    re.IGNORECASE,
)
_BARE_UPPER = re.compile(r"<[A-Z0-9]+>")
_SURELY_HYPERTEXT = re.compile(r"</[A-Za-z]|<[a-z][a-z0-9:]*[\s/>]")
_ALSO_MASKS = frozenset({"<address>", "<code>", "<link>"})
_UNSEEN = re.compile(r"<(!--|style\b|script\b)", re.IGNORECASE)
_UNSEEN_END = {
    "!--": re.compile("-->"),
    "style": re.compile(r"</style\s*>", re.IGNORECASE),
    "script": re.compile(r"</script\s*>", re.IGNORECASE),
}
_ENTITY = re.compile(r"&(?:amp;)*(#[0-9]{1,7};?|#[xX][0-9a-fA-F]{1,6};?|[a-zA-Z][a-zA-Z0-9]{1,31};)")
_OPENS = re.compile(r"<(?=[A-Za-z/!?])(?![^\W\d_a-z][^\Wa-z]{1,31}>)|&(?=[#A-Za-z])")

_MOST_ROUNDS = 4


def as_read(text: str) -> str:
    """The text without tags, comments, styles and scripts, its entities read; applied again, it changes nothing.

    A tag that parts lines becomes a space. `<DIV>` alone, in capitals, is no hypertext: it may be a mask.
    """
    if "<" not in text and "&" not in text:
        return text
    for _ in range(_MOST_ROUNDS):
        seen = _once(text)
        if seen == text:
            return text
        text = nfc(white_space(seen))
    # Tags inside tags without end are nobody's mail: what still opens one is parted from it.
    return _OPENS.sub(r"\g<0> ", text)


def _once(text: str) -> str:
    if "<" in text:
        if _UNSEEN.search(text):
            text = _without_unseen(text)
        is_hypertext = bool(_SURELY_HYPERTEXT.search(text))

        def replace(match: re.Match[str]) -> str:
            tag = match[0].lower()
            if tag in _ALSO_MASKS and (tag != match[0] or f"</{tag[1:]}" not in text):
                return match[0]
            if not is_hypertext and _BARE_UPPER.fullmatch(match[0]):
                return match[0]
            return "" if (match[1] or "").lower() in _INLINE else " "

        text = _TAG.sub(replace, text)
    return _ENTITY.sub(_entity, text) if "&" in text else text


def _entity(match: re.Match[str]) -> str:
    name = match[1]
    if name[0] != "#" and name not in html5:
        return match[0]
    return unescape(f"&{name}")


def _without_unseen(text: str) -> str:
    """Without comments, styles and scripts that end somewhere."""
    parts = []
    endless: set[str] = set()
    place = 0
    while found := _UNSEEN.search(text, place):
        kind = found[1].lower()
        end = None if kind in endless else _UNSEEN_END[kind].search(text, found.end())
        if end:
            parts += [text[place : found.start()], " "]
            place = end.end()
        else:
            endless.add(kind)
            parts.append(text[place : found.end()])
            place = found.end()
    return "".join(parts) + text[place:]
