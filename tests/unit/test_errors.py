import re

from firstline import errors
from firstline.errors import FileUnreadable, FirstlineError, kind_of, trace_of

TEXT = "a message of somebody"


def raised() -> Exception:
    try:
        try:
            raise ValueError(TEXT)
        except ValueError as error:
            raise KeyError(TEXT) from error
    except KeyError as error:
        return error


def test_the_kind_of_an_error_has_its_place_and_not_its_text() -> None:
    told = kind_of(raised())
    assert told.startswith("KeyError in test_errors.py, line ")
    assert TEXT not in told


def test_an_error_that_was_never_raised_has_no_place() -> None:
    assert kind_of(ValueError(TEXT)) == "ValueError"


def test_a_trace_has_what_led_to_it_and_no_text() -> None:
    told = trace_of(raised())
    assert told.index("ValueError") < told.index("KeyError")
    assert "in raised" in told
    assert TEXT not in told


def test_a_trace_keeps_what_our_own_errors_say() -> None:
    assert "FileUnreadable: a.csv is empty." in trace_of(FileUnreadable("a.csv is empty."))


def drawn_tree(lines: list[str]) -> list[tuple[str, str]]:
    """Each error of the drawing with the one that it hangs on."""
    found, above = [], {0: "FirstlineError"}
    for line in lines:
        if drawn := re.match(r"((?:[│ ]   )*)[├└]── (\w+)", line):
            depth = len(drawn[1]) // 4 + 1
            above[depth] = drawn[2]
            found.append((drawn[2], above[depth - 1]))
    return found


def tree_of(error: type[FirstlineError]) -> list[tuple[str, str]]:
    ours = [one for one in error.__subclasses__() if one.__module__.startswith("firstline.")]
    return [pair for one in ours for pair in ((one.__name__, error.__name__), *tree_of(one))]


def test_the_drawing_has_every_error_where_it_belongs() -> None:
    assert errors.__doc__
    assert sorted(drawn_tree(errors.__doc__.splitlines())) == sorted(tree_of(FirstlineError))
