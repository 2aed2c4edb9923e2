"""What the words before a number call it: `паспорт`, `ИНН`, `тел.`, or something that a company numbers, `заказ`."""

import re

_NAMED = re.compile(
    r"(?<![^\W\d_])(?:(паспорт\w{0,5}|сери[яию]|passport)|(инн|inn)|(снилс\w{0,2}|snils)"
    r"|(тел(?:ефон\w{0,3})?|phone|mobile|tel|telefon\w{0,2}"
    r"|моб\w{0,8}|(?:пере|по|до)?звон\w{1,5}|дзвон\w{1,5}|call|ring|whats ?app|viber|вайбер\w?|[вуо]*атсап\w?))"
    r"\W{0,3}(?:\w{1,12}\W{1,3}){0,2}$",
    re.IGNORECASE,
)
_REFERENCE = re.compile(
    r"(?<![^\W\d_])(?:договор\w{0,3}|контракт\w{0,2}|соглашени\w{1,2}|заказ\w{0,3}|обращени\w{1,2}|заявк\w{1,2}"
    r"|заявлени\w{1,2}|тикет\w{0,2}|терминал\w{0,2}|операци\w{1,2}|транзакци\w{1,2}|накладн\w{1,3}|чек\w{0,2}|инцидент\w{0,2}|запрос\w{0,2}"
    r"|кейс\w{0,2}"
    r"|трек(?:[ \-]номер)?\w{0,2}|отправлени\w{1,2}|посылк\w{1,2}|брон[ьией]{1,2}|артикул\w{0,2}|товар\w{0,2}"
    r"|банкомат\w{0,2}"
    r"|плат[её]ж\w{0,2}|плат[её]жк\w{1,2}|квитанци\w{1,2}|рейс\w{0,2}"
    r"|contract|agreement|order|ticket|case|request|terminal|transaction|invoice|incident|booking"
    r"|tracking|parcel|reference|ref)"
    r"(?: (?:\w{2,14} )?(?:номер\w{0,2}|number|no|id)| [^\W\d_]{2,14})?"
    r"[.:]? ?(?:№|#|n|no\.?)?[ :]?\(?(?:[^\W\d_]{1,4}[\-/]?)?$",
    re.IGNORECASE,
)
# Cheap tests in front of the two expressions above: a part of each of their words.
_NAMES = ("пасп", "сери", "pass", "инн", "inn", "снилс", "snils", "тел", "phone", "mobile", "tel", "моб", "звон", "call",
          "ring", "what", "viber", "вайб", "атсап")  # fmt: skip
_REFERENCES = ("догов", "контр", "соглаш", "заказ", "обращ", "заяв", "тикет", "термин", "операц", "транз", "наклад",
               "чек", "инцид", "запрос", "кейс", "трек", "отправ", "посыл", "брон", "артик", "товар", "банком", "плат",
               "квит", "рейс", "contr", "agree", "order", "ticket", "case", "reque", "termin", "transa", "invoi",
               "incid", "book", "track", "parcel", "ref")  # fmt: skip
NAMED_KINDS = (("PASSPORT", (10,)), ("INN", (12, 10)), ("SNILS", (11,)), ("PHONE", (12, 11, 10, 9, 7)))
"""The kinds that words name, each with its numbers of digits, the likeliest first."""
_NEAR_CHARS = 40


def name_before(text: str, start: int) -> tuple[int | None, bool]:
    """What the number at `start` is called, and whether it is one of an order, a contract or the like.

    The first is the place of its kind in `NAMED_KINDS`, counted from 1, or None.
    """
    near = max(0, start - _NEAR_CHARS)
    lowered = text[near:start].lower()
    if any(map(lowered.__contains__, _NAMES)) and (named := _NAMED.search(text, near, start)):
        return named.lastindex, False
    return None, any(map(lowered.__contains__, _REFERENCES)) and bool(_REFERENCE.search(text, near, start))
