"""Documents whose numbers have letters or words in them: passports, driving licences, cars, dates of birth."""

import re

_HAS_SIX_DIGITS = re.compile(r"\d{3}[ \-]?\d{3}")
_NUMBER_WORD = r"(?:№|номер\w{0,2}|ном\b\.?|no?\b\.?|number)"
_NUMBER_WORDS = ("№", "ном", "number", "no", " n")
_OF_IT = r"(?: паспорта| документа)?"
_PASSPORT = re.compile(
    rf"(?<!\d)(?<!\d[./])\d\d[ \-]?\d\d[ ,.;:]{{0,3}}(?:(?:и|с|а|and) )?{_NUMBER_WORD}{_OF_IT}[ .:№\-–]{{0,3}}"
    rf"(?:\d{{6}}|\d{{3}}[ \-]\d{{3}})(?!\d)"
    rf"|{_NUMBER_WORD}{_OF_IT}[ .:№]{{0,3}}\d{{6}}[ ,.;]{{1,3}}(?:и )?"
    rf"сери\w{{1,2}}{_OF_IT}[ .:№]{{1,3}}\d\d[ \-]?\d\d(?!\d)",
    re.IGNORECASE,
)
_NAMED_PASSPORT = re.compile(
    r"((?<![^\W\d_])(?:паспорт\w{0,5}|загран\w{0,16}|сери[яюией]{1,2}|passport)(?: \w{1,10}){0,2}[ .:№]{1,3})"
    r"(?:\d\d[ \-]?\d\d ?[,;/|*.:·\-–] ?(?:\d{6}|\d{3} \d{3})|\d\d[ \-]?№? ?\d{7})(?!\d)",
    re.IGNORECASE,
)
_FOREIGN_PASSPORT = re.compile(r"(?<![\d.,])\d\d ?№ ?\d{7}(?!\d)")
_OLD_PASSPORT = re.compile(r"(?<![^\W\d_])[IVXLХУ1]{1,6}[ \-–]?[А-ЯЁ]{2}[ \-–]?(?:№ ?)?\d{6}(?!\d)")
_PLATE_LETTERS = "АВЕКМНОРСТУХABEKMHOPCTYX"
_LICENCE = re.compile(
    rf"(?<!\w)\d\d(?: ?[{_PLATE_LETTERS}]{{2}} ?(?:№ ?)?|[{_PLATE_LETTERS.lower()}]{{2}})\d{{6}}(?!\d)"
)
_NAMED_LICENCE = re.compile(
    rf"((?<![^\W\d_])(?:прав[ао]?\w{{0,2}}|в/?у|стс|птс|удостоверени\w)[ :№]{{1,3}})"
    rf"\d\d ?[{_PLATE_LETTERS}]{{2}} ?(?:№ ?)?\d{{6}}(?!\d)",
    re.IGNORECASE,
)
_PLATE = re.compile(
    rf"(?<!\w)(?:[{_PLATE_LETTERS}] ?\d{{3}} ?(?!(?:НЕ|НА|НО|ТО|ОТ|ВО|СО|ТУ|ТА) )"
    rf"[{_PLATE_LETTERS}]{{2}} ?[127]?\d\d(?: ?(?:RUS|rus|РУС))?"
    rf"|[{_PLATE_LETTERS.lower()}]\d{{3}}[{_PLATE_LETTERS.lower()}]{{2}}[127]?\d\d(?:rus)?"
    rf"|[{_PLATE_LETTERS}]\d{{3}}[{_PLATE_LETTERS}]{{2}})(?!\w|[.,:]\d)"
)
_HAS_PLATE = re.compile(rf"\d{{3}} ?[{_PLATE_LETTERS}{_PLATE_LETTERS.lower()}]{{2}}")
_HAS_LICENCE = re.compile(r"(?:[А-ЯЁA-Z]{2}|\d ?[а-яa-z]{2})[ \-–]?(?:№ ?)?\d{6}")
_VIN = re.compile(r"(?<!\w)(?=(?:\d*[A-Z]){3})[A-HJ-NPR-Z0-9]{13}\d{4}(?!\w)")

_MONTH = (
    r"(?:январ[ья]|феврал[ья]|марта?|апрел[ья]|ма[йя]|июн[ья]|июл[ья]|августа?|сентябр[ья]|октябр[ья]|ноябр[ья]|декабр[ья]"
    r"|jan\w*|feb\w*|mar\w*|apr\w*|may|june?|july?|aug\w*|sep\w*|oct\w*|nov\w*|dec\w*)"
)
_BIRTH_DATE = (
    rf"(?:\d{{1,2}} ?[./\-] ?\d{{1,2}} ?[./\-] ?(?:\d{{4}}|\d\d)"
    rf"|\d{{4}}[./\-]\d\d?[./\-]\d\d?|\d{{1,2}} \d{{1,2}} \d{{4}}|\d{{8}}"
    rf"|\d{{1,2}}(?:-?о?го|-?е)? {_MONTH}(?:,? \d{{4}}|,? \d\d(?= ?г))?"
    rf"|{_MONTH} \d{{1,2}}(?:st|nd|rd|th)?,? \d{{4}}|(?:19|20)\d\d)(?!\d)"
)
_BORN = re.compile(
    r"((?<![^\W\d_])(?:(?:дат\w{1,2}|день|год|дн[яю]|числ\w) (?:моего |его |её |ее )?рожд\w{0,7}"
    r"|д\.? ?р\.?|родил(?:ся|ась|ись)|рожд[её]н\w{0,4}"
    r"|род\.|birth ?date|date of birth|birthday|d\.?o\.?b\.?|born)\.?"
    r"(?:(?: (?:мой|моя|это|on|is|in|у меня))?[ :\-–—=]{0,3}| в ))"
    rf"{_BIRTH_DATE}",
    re.IGNORECASE,
)
_BORN_AFTER = re.compile(
    rf"(?<![\d.]){_BIRTH_DATE}(?= ?(?:г\.? ?р\.?(?!\w)|(?:года?|г\.?) рожд))",
    re.IGNORECASE,
)
_BIRTHS = (
    "рожд",
    "родил",
    "род.",
    "г.р",
    "г. р",
    "гр ",
    "гр.",
    "д.р",
    "д. р",
    "др ",
    "др:",
    "birth",
    "born",
    "dob",
    "d.o.b",
)


def mask_documents(text: str, lowered: str, has_latin: bool) -> str:
    """The text, which has three digits in a row, with `<PASSPORT>`, `<LICENCE>`, `<PLATE>` and `<VIN>`."""
    if _HAS_SIX_DIGITS.search(text):
        if any(map(lowered.__contains__, _NUMBER_WORDS)):
            text = _PASSPORT.sub("<PASSPORT>", text)
        if "пасп" in lowered or "загран" in lowered or "сери" in lowered or "passp" in lowered:
            text = _NAMED_PASSPORT.sub(r"\1<PASSPORT>", text)
        if "№" in text:
            text = _FOREIGN_PASSPORT.sub("<PASSPORT>", text)
        if _HAS_LICENCE.search(text):
            text = _LICENCE.sub("<LICENCE>", _NAMED_LICENCE.sub(r"\1<LICENCE>", _OLD_PASSPORT.sub("<PASSPORT>", text)))
    if _HAS_PLATE.search(text):
        text = _PLATE.sub("<PLATE>", text)
    return _VIN.sub("<VIN>", text) if has_latin else text


def mask_births(text: str, lowered: str) -> str:
    """The text with `<BIRTHDATE>` for a date that words call one of birth."""
    if any(map(lowered.__contains__, _BIRTHS)):
        text = _BORN_AFTER.sub("<BIRTHDATE>", _BORN.sub(r"\1<BIRTHDATE>", text))
    return text
