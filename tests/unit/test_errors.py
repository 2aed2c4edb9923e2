from firstline.errors import FileUnreadable, kind_of, trace_of

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
