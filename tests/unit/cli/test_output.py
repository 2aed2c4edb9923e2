import io
import os
from collections.abc import Callable

import pytest

from firstline.cli import output
from firstline.errors import install_hint


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch) -> "Printed":
    """What a function prints of a text in a terminal of 40 columns."""

    def run(function: Callable[[str], None], text: str) -> str:
        with monkeypatch.context() as patch:
            stream = Terminal()
            patch.setattr("sys.stdout", stream)
            patch.setattr("shutil.get_terminal_size", lambda: os.terminal_size((40, 20)))
            function(text)
        return stream.getvalue()

    return run


Printed = Callable[[Callable[[str], None], str], str]


def test_a_sentence_fits_the_terminal(printed: Printed) -> None:
    text = "  a sentence of more than forty letters is broken between words"
    assert printed(output.say, text) == "  a sentence of more than forty letters\n    is broken between words\n"


def test_a_command_stays_whole(printed: Printed) -> None:
    text = "Settle them in a file: " + output.next_command(None, "import FILE --relabel")
    assert printed(output.say, text).splitlines()[-1].strip() == "firstline import FILE --relabel"


def test_an_installation_stays_whole(printed: Printed) -> None:
    text = printed(output.say, f"It needs more. {install_hint('x')}")
    assert "pip install --no-index --find-links DIR x," in text


def test_nothing_is_broken_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    text = "word " * 60 + output.next_command(None, "status")
    output.say(text)
    assert capsys.readouterr().out == "word " * 60 + "firstline status\n"


def test_a_text_is_printed_as_it_is(printed: Printed) -> None:
    assert printed(output.print_text, "word " * 60) == "word " * 60 + "\n"


@pytest.mark.parametrize(
    ("number", "noun", "text"),
    [(1, "row", "1 row"), (0, "row", "0 rows"), (1_068, "message", "1,068 messages"), (2, "class", "2 classes")],
)
def test_counts_agree(number: int, noun: str, text: str) -> None:
    assert output.counted(number, noun) == text


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        ("a.v1 needs more", "needs more"),
        ("It would take long", "it would take long"),
        ("b.v1 is a part of it", "b.v1 is a part of it"),
    ],
)
def test_a_reason_does_not_repeat_the_name(reason: str, text: str) -> None:
    assert output.without_name(reason, "a.v1") == text
