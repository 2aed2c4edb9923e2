"""The thread that looks at files."""

import os
from pathlib import Path

from firstline.serving.looking import Looking, stamp
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


def test_a_new_mode_and_a_new_owner_change_the_stamp(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch(0o600)
    before = stamp(file)
    assert stamp(file) == before
    file.chmod(0o640)
    changed = stamp(file)
    assert changed != before
    # The mode is the same from here on; only the ctime changes, whose clock has steps.
    wait_until(lambda: _is_later(file, changed))


def _is_later(file: Path, before: tuple[int, ...]) -> bool:
    os.chown(file, os.getuid(), os.getgid())
    return stamp(file) != before
