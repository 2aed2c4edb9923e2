import pytest

from firstline.text.email_lines import (
    header_kind,
    is_attribution,
    is_closing,
    is_device,
    is_disclaimer,
    is_separator,
    may_sign,
)


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("От: Банк", "from"),
        ("*From:* Bank", "from"),
        ("Отправлено: 3 марта 2026 г.", "date"),
        ("Отправлено: да", None),
        ("Тема:", "subject"),
        ("Копия: Анна", ""),
        ("Вопрос: где карта", None),
        ("От банка пришло письмо: вот", None),
    ],
)
def test_kind_of_a_header(line: str, kind: str | None) -> None:
    assert header_kind(line) == kind


@pytest.mark.parametrize("line", ["---- Исходное сообщение ----", "Begin forwarded message:"])
def test_a_separator(line: str) -> None:
    assert is_separator(line)


@pytest.mark.parametrize("line", ["-----", "Исходное сообщение", "- original message", "--- мой вопрос ---"])
def test_no_separator(line: str) -> None:
    assert not is_separator(line)


@pytest.mark.parametrize(
    "line",
    [
        "03.03.2026 оператор написал:",
        "Операция 03.03.2026 в 13:00, пришлите чек на a@post.example:",
        "3 марта в 13:00 мне написал оператор:",
        "3 марта 2026 г. в 13:00 я был в отделении:",
    ],
)
def test_without_marks_below_a_doubtful_line_introduces_nothing(line: str) -> None:
    assert not is_attribution(line, is_quotation_marked=False)


def test_marks_below_make_a_doubtful_line_an_introduction() -> None:
    assert is_attribution("Банк писал(а) 2026-03-03 13:00:", is_quotation_marked=True)
    assert not is_attribution("Банк писал(а) 2026-03-03 13:00:", is_quotation_marked=False)


@pytest.mark.parametrize(
    "line", ["С уважением", "С уважением, ваш клиент Иванов И.И.", "-- Best regards, Anna", "С ув. Пётр"]
)
def test_a_closing_may_sign(line: str) -> None:
    assert may_sign(line)
    assert is_closing(line)


@pytest.mark.parametrize(
    "line", ["С уважением, где карта?", "С уважением отношусь к вам", "Best regards to all my bank"]
)
def test_a_sentence_is_no_closing(line: str) -> None:
    assert not is_closing(line)


@pytest.mark.parametrize(
    "line", ["Отправлено с моего устройства Huawei", "Sent from Yahoo Mail on Android", "Надіслано з iPhone"]
)
def test_a_device_may_sign(line: str) -> None:
    assert may_sign(line)
    assert is_device(line)


@pytest.mark.parametrize("line", ["Отправлено с карты 500", "Sent from my bank account", "Отправлено с iPhone друга"])
def test_a_sentence_about_sending_is_no_device(line: str) -> None:
    assert not is_device(line)


def test_a_disclaimer_takes_two_of_its_words() -> None:
    assert is_disclaimer("This e-mail is confidential. If you are not the recipient, destroy it.")
    assert not is_disclaimer("Удалите мою карту из приложения")
