"""Which keys are in force while their file changes, and how often each may ask."""

import logging
from pathlib import Path

import pytest

from firstline.errors import ApiKeysUnusable
from firstline.serving import keyring
from firstline.serving.keyring import Allowance, KeyRing
from firstline.serving.keys import Key, add_key, read_keys, revoke_key


class Clock:
    """Time that passes when a test says so."""

    def __init__(self) -> None:
        self.now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


def new(file: Path, name: str = "desk", per_minute: int | None = None) -> bytes:
    return add_key(file, name, ["classify"], per_minute)[1].encode()


def test_a_minute_of_requests_may_come_at_once_and_then_one_at_a_time() -> None:
    clock = Clock()
    allowance = Allowance(6, clock)
    assert [allowance.take() for _ in range(8)] == [0] * 6 + [10, 10]
    clock.now_s += 9
    assert allowance.take() == 1
    clock.now_s += 1
    assert [allowance.take(), allowance.take()] == [0, 10]
    clock.now_s += 3_600
    assert [allowance.take() for _ in range(7)] == [0] * 6 + [10]


def test_less_than_one_request_a_minute_is_still_one_now_and_then() -> None:
    clock = Clock()
    allowance = Allowance(0.5, clock)
    assert [allowance.take(), allowance.take()] == [0, 120]
    clock.now_s += 120
    assert allowance.take() == 0


def test_a_key_is_found_whole_and_exact(file: Path) -> None:
    key = new(file)
    ring = KeyRing(file)
    found = ring.find(key)
    assert found is not None
    assert found.name == "desk"
    for other in (b"", key[:-1], key + b"x", key.lower(), key[4:], b"flk_" + b"a" * 43):
        assert ring.find(other) is None


def test_a_new_key_and_a_revoked_one_are_taken_from_the_file(file: Path) -> None:
    first = new(file)
    ring = KeyRing(file)
    second = new(file, "shop")
    ring.look()
    assert ring.find(second) is not None
    revoke_key(file, "desk")
    ring.look()
    assert ring.find(first) is None
    assert ring.find(second) is not None


def test_without_a_file_no_key_is_needed_until_there_is_one(file: Path) -> None:
    ring = KeyRing(file)
    assert not ring.is_in_force
    ring.look()
    assert not ring.is_in_force
    new(file)
    ring.look()
    assert ring.is_in_force


def test_when_the_last_key_is_revoked_the_service_does_not_open(file: Path) -> None:
    key = new(file)
    ring = KeyRing(file)
    revoke_key(file, "desk")
    ring.look()
    assert ring.is_in_force
    assert ring.find(key) is None


@pytest.mark.parametrize("change", ["gone", "empty", "damaged", "a folder"])
def test_a_file_that_cannot_be_read_leaves_the_keys_in_force_and_is_logged_once(
    file: Path, change: str, caplog: pytest.LogCaptureFixture
) -> None:
    key = new(file)
    ring = KeyRing(file)
    file.unlink()
    if change == "a folder":
        file.mkdir()
    elif change != "gone":
        file.write_text("" if change == "empty" else "[{")
    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            ring.look()
    assert ring.find(key) is not None
    assert ring.find(b"flk_" + b"a" * 43) is None
    assert len(caplog.records) == 1


def test_a_file_that_is_mended_is_taken(file: Path) -> None:
    new(file)
    ring = KeyRing(file)
    content = file.read_bytes()
    file.write_text("[")
    ring.look()
    file.write_bytes(content)
    key = new(file, "shop")
    ring.look()
    assert ring.find(key) is not None


def test_a_file_is_read_once_its_mode_is_mended(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = new(file)

    def read(path: Path) -> tuple[Key, ...]:
        # Root may read a file of any mode.
        if not path.stat().st_mode & 0o400:
            raise ApiKeysUnusable(f"{path} cannot be read: Permission denied.", "")
        return read_keys(path)

    monkeypatch.setattr(keyring, "read_keys", read)
    file.chmod(0o000)
    ring = KeyRing(file, is_in_force=True)
    assert ring.find(key) is None
    file.chmod(0o600)
    ring.look()
    assert ring.find(key) is not None


def test_a_process_that_starts_later_does_not_open_if_the_file_has_gone(file: Path) -> None:
    ring = KeyRing(file, is_in_force=True)
    assert ring.is_in_force
    assert ring.find(b"flk_" + b"a" * 43) is None


def test_a_damaged_file_never_opens_the_service(file: Path) -> None:
    ring = KeyRing(file)
    file.write_text("[")
    ring.look()
    assert ring.is_in_force


def test_what_a_key_has_used_of_its_rate_stays_when_another_key_is_added(file: Path) -> None:
    key = new(file, per_minute=1)
    ring = KeyRing(file)
    before = ring.find(key)
    assert before is not None
    assert before.allowance is not None
    assert before.allowance.take() == 0
    new(file, "shop")
    ring.look()
    after = ring.find(key)
    assert after is not None
    assert after.allowance is not None
    assert after.allowance.take() > 0


def test_each_of_several_processes_has_its_share_of_a_rate(file: Path) -> None:
    key = new(file, per_minute=6)
    held = KeyRing(file, processes=3).find(key)
    assert held is not None
    assert held.allowance is not None
    assert [held.allowance.take() > 0 for _ in range(3)] == [False, False, True]
