"""The thread that looks at files."""

from firstline.serving.looking import Looking
from tests.service import wait_until


def test_all_are_called_again_and_again_even_if_one_fails() -> None:
    calls = []

    def fail() -> None:
        calls.append("fail")
        raise RuntimeError("a bug")

    looking = Looking([fail, lambda: calls.append("look")])
    looking.start()
    try:
        wait_until(lambda: calls.count("look") >= 2)
    finally:
        looking.stop()
    assert calls[:4] == ["fail", "look", "fail", "look"]
