"""Who may reach a service, by the address that it listens on and by its keys."""

import socket
from pathlib import Path

import pytest

from firstline.errors import ApiKeysUnusable, UsageError
from firstline.serving.entrance import Entrance, decide_entrance
from firstline.serving.keys import add_key
from firstline.serving.source import Source


@pytest.fixture
def source(tmp_path: Path) -> Source:
    return Source(tmp_path)


def decided(source: Source, address: str, *, without_keys: bool = False) -> Entrance:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.create_server((address, 0), family=family) as listener:
        return decide_entrance(source, listener, address, without_keys=without_keys)


def test_this_machine_needs_no_keys(source: Source) -> None:
    assert decided(source, "127.0.0.1") == Entrance("127.0.0.1", is_loopback=True, has_keys=False)
    assert decided(source, "127.0.0.2").is_loopback


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6")
def test_nor_does_it_over_ipv6(source: Source) -> None:
    assert decided(source, "::1").is_loopback
    with pytest.raises(UsageError):
        decided(source, "::")


def test_others_need_a_key_or_the_option(source: Source) -> None:
    with pytest.raises(UsageError, match="Without API keys") as caught:
        decided(source, "0.0.0.0")
    assert "firstline keys add" in caught.value.next_step
    assert "--without-keys" in caught.value.next_step
    assert decided(source, "0.0.0.0", without_keys=True).without_keys
    add_key(source.folder / "keys.json", "desk", ["classify"])
    assert decided(source, "0.0.0.0").has_keys


def test_a_file_of_keys_that_is_named_must_be_there(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    # Otherwise a misspelled name would open the service.
    monkeypatch.setenv("FIRSTLINE_SERVING__KEYS", "secrets/keys.json")
    with pytest.raises(ApiKeysUnusable, match=r"serving\.keys names .*secrets/keys\.json") as caught:
        decided(source, "127.0.0.1")
    assert "firstline keys add" in caught.value.next_step
    assert decided(source, "127.0.0.1", without_keys=True).without_keys
    add_key(source.folder / "secrets/keys.json", "desk", ["classify"])
    assert decided(source, "127.0.0.1").has_keys


def test_a_file_whose_keys_are_all_revoked_does_not_open_the_service(source: Source) -> None:
    (source.folder / "keys.json").write_text("[]")
    entrance = decided(source, "127.0.0.1")
    ring = entrance.key_ring(source, source.settings().serving)
    assert ring is not None
    assert ring.is_in_force


def test_without_keys_the_file_is_not_looked_at(source: Source) -> None:
    (source.folder / "keys.json").write_text("[")
    entrance = decided(source, "127.0.0.1", without_keys=True)
    assert not entrance.has_keys
    assert entrance.key_ring(source, source.settings().serving) is None
