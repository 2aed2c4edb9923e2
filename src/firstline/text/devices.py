"""Addresses of devices: IPv4, IPv6 and MAC. A version such as `12.34.56.78` is none."""

import re

_OCTET = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_DOTTED = re.compile(r"\d\.\d{1,3}\.\d{1,3}\.\d")
_HAS_VERSION = re.compile(r"\d\.\d{1,6}\.\d")
_IP4 = re.compile(rf"(?<![\w.]){_OCTET}(?:\.{_OCTET}){{3}}(?:[:/]\d{{1,5}})?(?!\w|[.,:]\d)")
_IP6 = re.compile(
    r"(?<![\w:.])(?=[0-9a-f:]*(?:[a-f]|\d{3}))(?:(?:[0-9a-f]{1,4}:){7}[0-9a-f]{1,4}"
    r"|[0-9a-f]{1,4}(?::[0-9a-f]{1,4}){0,6}::(?:[0-9a-f]{1,4}(?::[0-9a-f]{1,4}){0,6})?)(?![\w:])",
    re.IGNORECASE,
)
_MAC = re.compile(
    r"(?<![\w:\-])(?:(?:[0-9a-f]{2}:){5}[0-9a-f]{2}|(?=[0-9\-]*[a-f])(?:[0-9a-f]{2}-){5}[0-9a-f]{2})(?![\w:\-])",
    re.IGNORECASE,
)
_VERSION_WORD = (
    r"(?:верси\w*|вер|version|ver|v|android|андроид\w?|ios|windows|винд\w*|macos|linux|app|приложени\w*|сборк\w*|build"
    r"|релиз\w*|release|прошивк\w*|firmware|обнов\w*|updated?|chrome|хром\w?|браузер\w?|по|драйвер\w?"
    r"|п|пп|пункт\w*|подпункт\w*|ст|стать\w*|раздел\w*|глав\w*|гост|рекомендаци\w*)"
)
_VERSION = re.compile(
    rf"(?<!\w)({_VERSION_WORD}(?: (?:до|на|с|to|from|is|моего|приложения|по|номер|версии|app)){{0,2}}"
    rf"[ .:№\-]{{0,3}}v?\d{{1,5}}(?:\.\d{{1,6}}){{2,5}})(?![\w.]\d|\w)",
    re.IGNORECASE,
)
_NAMED = re.compile(
    r"(?:\bip|айпи\w*|\bадрес\w*|вход\w*|входил\w*|заш(?:[её]л|л[аи])|логин\w*|устройств\w*|подключ\w*|сервер\w*|роутер\w*|\bdns|\bhost|хост\w?|address|login|айди)"
    r"\W{1,3}(?:\w{1,12}\W{1,3}){0,2}$",
    re.IGNORECASE,
)


def mask_devices(text: str) -> str:
    """The text with `<IP>` and `<MAC>`."""
    if text.count(".") >= 3 and _DOTTED.search(text):
        parts = _VERSION.split(text)
        parts[::2] = [_IP4.sub(_ip4, part) for part in parts[::2]]
        text = "".join(parts)
    n_colons = text.count(":")
    if n_colons >= 7 or "::" in text:
        text = _IP6.sub("<IP>", text)
    return _MAC.sub("<MAC>", text) if n_colons >= 5 or text.count("-") >= 5 else text


def versions_apart(text: str) -> list[str]:
    """The text cut at numbers of versions, which stand at odd places: `100.120.222.25` of an app is no SNILS."""
    return _VERSION.split(text) if text.count(".") >= 2 and _HAS_VERSION.search(text) else [text]


def _ip4(match: re.Match[str]) -> str:
    """Short ones, such as `4.2.1.3`, are numbers of chapters, unless words say otherwise."""
    octets = re.split(r"[.:/]", match[0])[:4]
    is_long = max(map(len, octets)) == 3 or min(map(len, octets)) == 2
    start = match.start()
    return "<IP>" if is_long or _NAMED.search(match.string, max(0, start - 40), start) else match[0]
