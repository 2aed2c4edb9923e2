"""Classes in a text that a person types or pastes."""

import pytest

from firstline.console.class_lines import MOST_LINES, Line, read_lines
from firstline.errors import ClassRefused


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("Карта: всё о картах", [Line(1, "Карта", "всё о картах")]),
        ("Карта\r\n\r\n  Вход : войти: не выходит \n", [Line(1, "Карта", ""), Line(3, "Вход", "войти: не выходит")]),
        ("Карта\tвсё о картах: пластик", [Line(1, "Карта", "всё о картах: пластик")]),
        ("Карта: 1\tо карте\t\t\nВход: войти\n\t\n", [Line(1, "Карта: 1", "о карте"), Line(2, "Вход", "войти")]),
        ('Карта\t"о ""ней"",\nи о счёте"\nВход\t', [Line(2, "Карта", 'о "ней", и о счёте'), Line(3, "Вход", "")]),
        (": без имени", [Line(1, "", "без имени")]),
        ('=1+1: формула "как есть"', [Line(1, "=1+1", 'формула "как есть"')]),
        ("Ка\u200bрта\u00a0 1\x00: о\x0bней", [Line(1, "Карта 1", "о ней")]),
    ],
)
def test_a_class_is_a_line(text: str, lines: list[Line]) -> None:
    assert read_lines(text) == lines


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no_lines"),
        (" \n\t\n:\n", "no_lines"),
        ("Карта\tо ней\tещё", "columns"),
        ("Карта\t" + "я" * 200_000, "columns"),
        ("\n".join(f"класс {n}" for n in range(MOST_LINES + 1)), "many_lines"),
    ],
)
def test_a_text_that_cannot_be_read_is_refused(text: str, reason: str) -> None:
    with pytest.raises(ClassRefused) as error:
        read_lines(text)
    assert error.value.reason == reason
