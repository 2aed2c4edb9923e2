"""Look-alikes: signs that a reader takes for others. `＠` is `@`, `４` is `4`, `⁴` in a long number is `4`."""

import re
import unicodedata

from firstline.text.rules import nfc, white_space

_PLAIN = {code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)} | {
    0x3002: ".",
    0xFE50: ",",
    0xFE52: ".",
    0xFE55: ":",
    0xFE59: "(",
    0xFE5A: ")",
    0xFE62: "+",
    0xFE63: "-",
    0xFE6B: "@",
    0xFF61: ".",
}
_RAISED_SIGNS = "\u2070\u00b9\u00b2\u00b3\u2074-\u2079\u2080-\u2089\u2460-\u2468\u24ea"
_RAISED = re.compile(rf"[{_RAISED_SIGNS}](?:[ .\-]?[{_RAISED_SIGNS}]){{5,}}+")

_ODD = re.compile(rf"[\uff01-\uff5e\u3002\ufe50-\ufe6b\uff61{_RAISED_SIGNS}]")


def plain_signs(text: str) -> str:
    """Full-width and small forms as plain signs; also raised, lowered and circled digits, six or more in a row."""
    if text.isascii() or not _ODD.search(text):
        return text
    plain = _RAISED.sub(lambda found: unicodedata.normalize("NFKC", found[0]), text.translate(_PLAIN))
    return text if plain == text else nfc(white_space(plain))
