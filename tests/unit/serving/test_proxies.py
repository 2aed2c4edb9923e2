"""Whom the service believes about the address of a client."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from firstline.serving.exchange import Exchange
from firstline.serving.limits import ConnectionLimits
from firstline.serving.refusals import KEY_MISSING, Refusal
from tests.service import served_here
from tests.unit.serving.test_connections import app

FORWARDED = {"x-forwarded-for": "192.0.2.7, 10.0.0.1", "x-forwarded-proto": "https"}


class Looker:
    """Remembers where a request comes from, and refuses it."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str]] = []

    def refusal(self, scope: Mapping[str, Any], exchange: Exchange) -> Refusal:
        self.seen.append((scope["client"][0], scope["scheme"]))
        return KEY_MISSING


@pytest.mark.parametrize(
    ("proxies", "seen"),
    [
        ((), ("127.0.0.1", "http")),
        (("10.0.0.0/8",), ("127.0.0.1", "http")),
        (("127.0.0.1",), ("10.0.0.1", "https")),
        (("127.0.0.1", "10.0.0.0/8"), ("192.0.2.7", "https")),
    ],
)
def test_only_named_proxies_are_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, proxies: tuple[str, ...], seen: tuple[str, str]
) -> None:
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "*")  # what uvicorn would read without the setting
    looker, limits = Looker(), ConnectionLimits(20, 5.0, 5.0, 5.0)
    with served_here(app(tmp_path), limits, access=looker, proxies=proxies) as port:
        assert httpx.get(f"http://127.0.0.1:{port}/v1/models", headers=FORWARDED).status_code == 401
    assert looker.seen == [seen]
