"""Addresses: e-mail as it is written and as it is spelled out, links, names in messengers."""

import re

_HAS_LINK = re.compile(r"\.(?<=[^\W_]\.)[^\W\d_]|://")
_LINK = re.compile(
    r"(?:(?:https?|ftp)://|(?<![a-z0-9.@\-])www\.)[^\s<>\"»]*[^\s<>\"».,:;!?)\]]"
    r"|(?<![\w.@+%*\-])(?:[^\W_][\w\-]{0,62}+\.)+"
    r"(?:ru|рф|рус|com|net|org|su|me|io|info|by|kz|uz|ua|bank|online|site|app|biz|shop|pro)"
    r"(?![\w\-@]|\.\w)(?:/(?:[^\s<>\"»]*[^\s<>\"».,:;!?)\]])?)?",
    re.IGNORECASE,
)
_EMAIL = re.compile(
    r"(?:(?<![\w.!#$%&'*+/=?^`{|}~\-])[\w.!#$%&'*+/=?^`{|}~\-]++|\"[^\"@<>]{1,64}\")"
    r"@(?:(?=[\d.\-]*+[^\W\d]|\*)[\w*\-]++(?:\.[\w*\-]++)*+|\[[0-9a-fA-F.:]{2,45}\])"
)

_DOT_WORD = r"(?: ?[\[({] ?(?:dot|точка|тчк|д[оа]т) ?[\])}] ?| (?:dot|точка|тчк|д[оа]т) )"
_DOT = rf"(?:\.|{_DOT_WORD})"
_LOCAL = r"(?<![\w.+\-])[\w.+\-]{1,64}(?:(?: (?:точка|dot|тире|дефис|(?:нижнее )?подч[её]ркивание) )[\w+\-]{1,64}){0,3}"
_AT_BRACKETED = r" ?[\[({<] ?(?:at|эт|собак[ау]|собачка|@) ?[\])}>] ?"
_AT_WORD = r" (?:собака|собачка) "
_ZONE = r"(?:ru|ру|рф|рус|com|ком|net|нет|org|орг|by|бай|kz|кз|ua|юа|su|су|me|io|info|инфо|pro|biz|de|uk|eu)(?!\w)"
_PROVIDER = (
    r"(?:mail|ме[йи]л|майл|g ?mail|джи ?ме[йи]л|гме[йи]л|гмаил|yandex|яндекс|ya|я|rambler|рамблер|bk|бк|list|лист|inbox"
    r"|инбокс|icloud|айклауд|outlook|аутлук|hotmail|хотмейл|yahoo|яху|proton|протон)"
)
_SPELLED_EMAIL = re.compile(
    rf"{_LOCAL}(?:{_AT_BRACKETED}[\w\-]{{1,63}}(?:{_DOT}[\w\-]{{2,63}}){{0,4}}"
    rf"|{_AT_WORD}(?:[\w\-]{{1,63}}{_DOT}){{1,3}}{_ZONE}"
    rf"|{_AT_WORD}{_PROVIDER}[ ,]{{1,2}}{_ZONE}"
    rf"| at (?:[\w\-]{{1,63}}{_DOT_WORD}){{1,3}}[\w\-]{{2,63}}"
    rf"| ?@ ?[\w\-]{{1,63}}{_DOT_WORD}[\w\-]{{2,63}}"
    rf"|(?: @ ?| ?@ )(?:[\w\-]{{1,63}}\.){{1,4}}{_ZONE})",
    re.IGNORECASE,
)

_NOT_PEOPLE = r"(?:all|everyone|here|channel|media|import|font)\b"
_HANDLE = re.compile(
    rf"(?<![\w@./+\-])@(?!{_NOT_PEOPLE})[A-Za-z][A-Za-z0-9_]{{2,31}}(?:\.[A-Za-z0-9_]{{1,31}}){{0,3}}(?![\w@])"
)
_CHAT = re.compile(
    r"(?<!\w)((?:tg|тг|telegram\w{0,2}|телег(?:рамм?)?\w{0,2}|skype|скайп\w?|inst|insta(?:gram)?"
    r"|инст(?:а|е|у|аграм\w?)|vk|вк"
    r"|viber|вайбер\w?|whats ?app|[вуо]*атсап\w?|discord|дискорд\w?"
    r"|threads|tiktok|тикток\w?|ник(?:нейм)?|nick(?:name)?|username)"
    r"(?: (?:ник|логин|мой|my|is|это|id|ник мой|account|аккаунт|канал)){0,2}"
    r"(?: ?[:=] ?| (?:[\-–—] )?(?=[A-Za-z][A-Za-z]*(?:_|[A-Za-z]{2}\d|\.[A-Za-z]))))@?(?:live:)?"
    r"[A-Za-z][A-Za-z0-9_]{3,31}(?:\.[A-Za-z0-9_]{1,31}){0,3}(?![\w@])",
    re.IGNORECASE,
)
_CHATS = ("tg", "тг", "телег", "teleg", "skype", "скайп", "inst", "инст", "vk", "вк", "viber", "вайбер", "what",
          "атсап", "disc", "диск", "thre", "тик", "tik", "ник", "nick", "user")  # fmt: skip
_BRACKETED_AT = ("[at", "(at", "{at", "<at", "[ at", "( at", " at ", "[эт", "(эт")


def mask_addresses(text: str, lowered: str, has_latin: bool) -> str:
    """The text with `<EMAIL>`, `<LINK>` and `<HANDLE>`; `lowered` is the text in lower case."""
    has_at = "@" in text
    if has_at or "обак" in lowered or "обач" in lowered or any(map(lowered.__contains__, _BRACKETED_AT)):
        text = _SPELLED_EMAIL.sub("<EMAIL>", text)
    if _HAS_LINK.search(text):
        text = _LINK.sub("<LINK>", text)
    if has_at:
        text = _EMAIL.sub("<EMAIL>", text)
        text = _HANDLE.sub("<HANDLE>", text)
    if has_latin and any(map(lowered.__contains__, _CHATS)):
        text = _CHAT.sub(r"\1<HANDLE>", text)
    return text
