import pytest

from firstline.text.emails import own_words

OWN = "Банкомат съел карту"
QUOTED = "> Перевод зачислен на счёт.\n> Спасибо за перевод"
BARE = "Перевод зачислен на счёт."
OUTLOOK = "От: Банк <help@bank.example>\nОтправлено: 3 марта 2026 г. 13:00\nКому: Пётр\nТема: Перевод\n\n"
GMAIL = "вт, 3 мар. 2026 г. в 13:00, Банк <help@bank.example>:"


def seen(text: str) -> str:
    """What is left, on one line."""
    return " ".join(own_words(text).split())


QUOTATIONS = {
    "Outlook, Russian": OUTLOOK + BARE,
    "Outlook, a rule above": "_" * 32 + "\n" + OUTLOOK + BARE,
    "Outlook, blank lines between headers": OUTLOOK.replace("\n", "\n\n") + BARE,
    "Outlook, a header over two lines": OUTLOOK.replace("Пётр\n", "Пётр <p@post.example>;\nАнна\n") + BARE,
    "Outlook, English": "-----Original Message-----\nFrom: help@bank.example\nSent: Monday\nSubject: x\n\n" + BARE,
    "Outlook, headers in bold": "*From:* Bank\n*Sent:* March 3, 2026\n*To:* Peter\n*Subject:* x\n\n" + BARE,
    "Outlook, German": "Von: Bank\nGesendet: 3. März 2026\nAn: Peter\nBetreff: x\n\n" + BARE,
    "Outlook, Ukrainian": "Від: Банк\nНадіслано: 3 березня 2026\nКому: Петро\nТема: x\n\n" + BARE,
    "Outlook, old": "-----Исходное сообщение-----\nFrom: help@bank.example\n\n" + BARE,
    "a title without dashes": "Исходное сообщение\n" + OUTLOOK + BARE,
    "Gmail, Russian": f"{GMAIL}\n{QUOTED}",
    "Gmail, one line quoted": f"{GMAIL}\n> Перевод зачислен",
    "Gmail, over two lines": GMAIL.replace("Банк <", "Служба поддержки\n<") + f"\n\n{QUOTED}",
    "Gmail, without marks": f"{GMAIL}\n\n{BARE}",
    "Gmail, English": f"On Tue, Mar 3, 2026 at 1:00 PM Bank <help@bank.example>\nwrote:\n\n{QUOTED}",
    "Gmail, Ukrainian": f"вт, 3 бер. 2026 р. о 13:00 Банк <help@bank.example> пише:\n{QUOTED}",
    "Gmail, German": f"Am Di., 3. März 2026 um 13:00 Uhr schrieb Bank <help@bank.example>:\n{QUOTED}",
    "Gmail, forwarded": "---------- Forwarded message ---------\nОт: Банк\nDate: 3 марта\nSubject: x\n\n" + BARE,
    "Yandex": f"03.03.2026, 13:00, «Банк» пишет:\n{QUOTED}",
    "Yandex, without marks": f'03.03.2026, 13:00, "Банк" <help@bank.example>:\n{BARE}',
    "Yandex, forwarded": f"-------- Пересылаемое сообщение --------\n03.03.2026, 13:00, Банк:\n\n{BARE}",
    "Mail.ru": f"Вторник, 3 марта 2026, 13:00 +03:00 от Банк <help@bank.example>:\n{QUOTED}",
    "Mail.ru, without a colon": f"Вторник, 3 марта 2026, 13:00 +03:00 от Банк <help@bank.example>\n{BARE}",
    "Mail.ru, all marked": f">Вторник, 3 марта 2026, 13:00 +03:00 от Банк <help@bank.example>:\n>\n>{BARE}",
    "Apple Mail": f"> 3 марта 2026 г., в 13:00, Банк <help@bank.example> написал(а):\n> \n> {BARE}",
    "Apple Mail, forwarded": "Начало переадресованного сообщения:\n\nОт: Банк\nТема: x\nДата: 3 марта\n\n" + BARE,
    "Thunderbird": f"03.03.2026 13:00, Банк пишет:\n{QUOTED}",
    "Thunderbird, forwarded": "-------- Перенаправленное сообщение --------\nТема: x\nДата: 3\nОт: Банк\n\n" + BARE,
    "Roundcube": f"Банк писал(а) 2026-03-03 13:00:\n{QUOTED}",
    "The Bat": f"Вы писали 3 марта 2026 г., 13:00:00:\n\n{QUOTED}",
    "a name alone": "Пётр Иванов написал(а):\n> Перевод зачислен",
    "marks alone": QUOTED,
    "an address that is masked already": f"вт, 3 мар. 2026 г. в 13:00, Банк <<EMAIL>>:\n{BARE}",
}


@pytest.mark.parametrize("quotation", QUOTATIONS.values(), ids=QUOTATIONS)
def test_a_quotation_below_is_cut(quotation: str) -> None:
    assert seen(f"{OWN}\n\n{quotation}") == OWN


@pytest.mark.parametrize("line_end", ["\r\n", "\r"])
def test_line_ends_of_any_kind(line_end: str) -> None:
    assert seen(f"{OWN}\n\n{OUTLOOK}{BARE}".replace("\n", line_end)) == OWN


SIGNATURES = {
    "Russian": "С уважением,\nПётр Иванов\nтел. +7 916 555-01-02\nООО «Ромашка»",
    "on one line": "С уважением, Пётр Иванов",
    "without a comma": "с уважением Пётр",
    "a title": "С наилучшими пожеланиями, Пётр Иванов, директор по развитию",
    "English": "Best regards,\nPeter Smith\nACME Ltd",
    "German": "Mit freundlichen Grüßen\nPeter Schmidt",
    "Ukrainian": "З повагою, Петро",
    "delimiter": "-- \nПётр Иванов\nКредиты и вклады",
    "iPhone": "Отправлено с iPhone",
    "iPhone, English": "Sent from my iPhone 15",
    "Mail.ru": "Отправлено из Mail.ru для Android",
    "Mail.ru with a link": "Отправлено из Почты Mail ( https://mail.example/c/1 )",
    "Yandex": "Отправлено из мобильного приложения Яндекс Почты",
    "Outlook": "Get Outlook for iOS<https://outlook.example>",
    "legal notice": "С уважением, Пётр\n\nПисьмо конфиденциально и предназначено только адресату.\nУдалите его.",
    "legal notice below a device": "Sent from my Galaxy S21\n\nThis e-mail is confidential, for the recipient only.",
}


@pytest.mark.parametrize("signature", SIGNATURES.values(), ids=SIGNATURES)
def test_a_signature_is_cut(signature: str) -> None:
    assert seen(f"{OWN}\n\n{signature}") == OWN


def test_signature_and_quotation_are_both_cut() -> None:
    assert seen(f"{OWN}\n\nС уважением,\nПётр\n\n{GMAIL}\n{QUOTED}") == OWN


def test_what_is_written_below_a_quotation_stays() -> None:
    assert seen(f"{GMAIL}\n{QUOTED}\n\n{OWN}") == OWN


def test_what_is_written_between_quotations_stays() -> None:
    assert seen(f"> Куда вы перевели?\n{OWN}\n> Когда?\nВчера") == f"{OWN} Вчера"


def test_a_signature_above_a_quotation_leaves_the_answer_below() -> None:
    assert seen(f"Добрый день\n-- \nПётр\n\n{GMAIL}\n{QUOTED}\n{OWN}") == f"Добрый день {OWN}"


def test_what_follows_the_end_of_a_forwarded_message_stays() -> None:
    forwarded = f"-------- Пересылаемое сообщение --------\n{BARE}\n-------- Конец пересылаемого сообщения --------"
    assert seen(f"Смотрите\n{forwarded}\n{OWN}") == f"Смотрите {OWN}"


@pytest.mark.parametrize(
    "below",
    [
        "P.S. Карта нужна завтра",
        "А когда вернут деньги?",
        "забыл сказать что банкомат стоит на вокзале у входа.",
    ],
)
def test_what_is_said_below_a_signature_stays(below: str) -> None:
    assert seen(f"{OWN}\n\nС уважением,\nПётр\n\n{below}") == f"{OWN} {below}"


KEPT = {
    "words of mails": "Пришло письмо: Original Message, а внизу\nС уважением, ваш банк, и больше ничего!",
    "arrow": "Открываю Настройки > Карты\n> и ничего не нажимается",
    "comparison": "Переводы\n> 5000 не проходят\n> 10000 тоже",
    "respect in a sentence": "Отношусь к вам\nс уважением к вашей работе, но карта не работает\nпомогите",
    "a client's request": "Добрый день\nС уважением, ваш клиент, верните деньги\nжду",
    "respect, then a request": "Добрый день\nС уважением прошу вернуть деньги\nи закрыть счёт",
    "list": "Не работают:\n- карта\n- перевод\n-- вообще ничего\n— банкомат",
    "sent money": "Отправлено с телефона 3000 рублей\nне дошли",
    "sent by the app": "Отправлено через мобильный банк 3000\nне дошли",
    "what an operator said": "Вчера в 12:00 оператор написал:\nкарта готова\nа её нет",
    "operations": "Списания:\n03.03.2026 в 13:00, Банк:\n500 рублей\n04.03.2026 в 13:00, Банк:\n700 рублей",
    "an error": "Приложение пишет:\n> Ошибка 404",
    "a transfer": "Не дошло\nОт: Пётр\nКому: Анна\nДата: 03.03.2026\nСумма: 500",
    "a form": "Обращение с сайта\nОт: Пётр\nТема: Карта\nСообщение: банкомат съел карту",
    "a rule": "Вопрос первый\n____________\nВопрос второй",
    "an address to write to": "Новый адрес от 03.03.2026:\npetr@post.example\nпишите туда",
    "regards": "Hello\nRegards my card, it is blocked\nplease help",
    "a call": "On Monday I called and they wrote:\nyour card is ready",
    "HTML": "<p>Банкомат съел <b>карту</b></p><p>Что делать?</p>",
}


@pytest.mark.parametrize("text", KEPT.values(), ids=KEPT)
def test_what_is_no_quotation_stays(text: str) -> None:
    assert own_words(text) == text


@pytest.mark.parametrize("text", ["Банкомат съел карту", "-----Original Message-----", f"> {OWN}", ""])
def test_a_single_line_stays(text: str) -> None:
    assert own_words(text) == text


@pytest.mark.parametrize(
    "text", [f"{GMAIL}\n{QUOTED}", OUTLOOK + BARE, f"...\n\n{QUOTED}", "С уважением,\nПётр Иванов", QUOTED]
)
def test_a_text_that_would_be_empty_stays_whole(text: str) -> None:
    assert own_words(text) == text


def test_a_blockquote_and_the_line_above_it_are_cut() -> None:
    attribution = "вт, 3 мар. 2026 г. в 13:00, Банк &lt;<a href='mailto:help@bank.example'>help@bank.example</a>&gt;:"
    quote = f"<div>{attribution}<br></div><blockquote>{BARE}<blockquote>раньше</blockquote>дальше</blockquote>"
    assert own_words(f"<div>{OWN}</div>{quote}<div>Где она?</div>") == f"<div>{OWN}</div><div>Где она?</div>"


def test_a_blockquote_that_is_not_closed_ends_with_the_text() -> None:
    assert own_words(f"<p>{OWN}</p><blockquote>{BARE}") == f"<p>{OWN}</p>"


def test_headers_in_html_are_cut() -> None:
    headers = "<p><b>От:</b> Банк<br><b>Отправлено:</b> 3 марта 2026<br><b>Кому:</b> Пётр<br><b>Тема:</b> x</p>"
    assert own_words(f"<p>{OWN}</p>{headers}<p>{BARE}</p>") == f"<p>{OWN}</p>"


LENGTH = 100_000
HOSTILE = {
    "marks": ">" * LENGTH,
    "marked lines": "> a\n" * (LENGTH // 4),
    "blank lines": "a" + "\n" * LENGTH + "> b\n> c",
    "attributions that do not end": ("On " * 90 + "\n") * (LENGTH // 271),
    "dates": ("2026." * 59 + ":\n") * (LENGTH // 297),
    "addresses": ("1 2026 " + "<a" * 140 + ":\n") * (LENGTH // 289),
    "first headers": "From: a\n" * (LENGTH // 8),
    "first headers with gaps": ("From: a\n" + "\n" * 20) * (LENGTH // 28),
    "rules": "__________\nFrom: a\nSent: 1\n" * (LENGTH // 27),
    "separators": "-----Original Message-----\n" * (LENGTH // 27),
    "delimiters": "--\n" * (LENGTH // 3),
    "closings": ("С уважением" + " , . " * 50 + "?\n") * (LENGTH // 263),
    "devices": ("Отправлено с " + "iPhone " * 12 + "x\n") * (LENGTH // 99),
    "a long word below a signature": "x\n--\n" + "a" * LENGTH + "\nb",
    "question marks below a signature": "x\n--\na" + "?" * LENGTH + "x",
    "open tags": "<p>" + "<a " * (LENGTH // 3),
    "open blockquotes": "<blockquote>" * (LENGTH // 12),
    "a blockquote without an end": "<p><blockquote " + "x" * LENGTH,
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_text_comes_to_an_end(text: str) -> None:
    """A pattern that backtracks would be at it for hours."""
    assert own_words(text).strip()
