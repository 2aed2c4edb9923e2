"""Who is let through: hosts, keys, scopes, rates. Through the front and the application, in process."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from litestar import Litestar
from litestar.testing import TestClient

from firstline.serving.access import Guard
from firstline.serving.exchange import Exchange
from firstline.serving.front import Front
from firstline.serving.keyring import KeyRing
from firstline.serving.keys import SCOPES, add_key
from firstline.serving.routes import OTHER, ROUTES, route_of

TEXT = {"text": "карта"}
UNKNOWN = "flk_" + "a" * 43
Asked = Callable[..., httpx.Response]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


def new(file: Path, *scopes: str, per_minute: int | None = None) -> dict[str, str]:
    """The header with a new key."""
    return {"authorization": "Bearer " + add_key(file, "-".join(scopes), scopes, per_minute)[1]}


@pytest.fixture
def ask(app: Litestar, file: Path) -> Iterator[Asked]:
    """Asks a service with the keys that are in the file at the first request."""
    clients: list[TestClient[Any]] = []

    def ask(method: str, path: str, *, key: dict[str, str] | None = None, **options: Any) -> httpx.Response:
        if not clients:
            clients.append(TestClient(Front(app, Guard(KeyRing(file)))))
        return clients[0].request(method, path, headers=key, **options)

    yield ask


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def test_a_key_with_the_scope_is_let_through(ask: Asked, file: Path) -> None:
    key = new(file, "classify")
    assert ask("POST", "/v1/classify", key=key, json=TEXT).json()["label"] == "Карта"
    assert ask("POST", "/v1/classify/batch", key=key, json={"messages": [TEXT]}).status_code == 200


def test_a_request_without_a_key_is_refused_and_told_how(ask: Asked, file: Path) -> None:
    new(file, "classify")
    answer = ask("POST", "/v1/classify", json=TEXT)
    assert code(answer) == (401, "key_missing")
    assert answer.headers["www-authenticate"] == "Bearer"
    assert "x-request-id" in answer.headers


@pytest.mark.parametrize("sent", ["", "Bearer", "Basic dXNlcjpwYXNz", UNKNOWN, "Bearer\t" + UNKNOWN])
def test_other_credentials_are_no_key(ask: Asked, file: Path, sent: str) -> None:
    new(file, "classify")
    assert ask("POST", "/v1/classify", key={"authorization": sent}, json=TEXT).status_code == 401


@pytest.mark.parametrize("sent", ["Bearer " + UNKNOWN, "Bearer " + "a" * 60_000, "Bearer x"])
def test_an_unknown_key_is_refused(ask: Asked, file: Path, sent: str) -> None:
    new(file, "classify")
    answer = ask("POST", "/v1/classify", key={"authorization": sent}, json=TEXT)
    assert code(answer) == (401, "key_unknown")
    assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'
    assert UNKNOWN not in answer.text


def test_the_word_bearer_may_be_written_in_any_case(ask: Asked, file: Path) -> None:
    key = new(file, "classify")["authorization"].replace("Bearer", "bEARER")
    assert ask("POST", "/v1/classify", key={"authorization": key}, json=TEXT).status_code == 200


def test_every_address_refuses_a_key_that_has_all_scopes_but_its_own(ask: Asked, file: Path) -> None:
    for needed in {scope for scope in ROUTES.values() if scope is not None}:
        key = new(file, *(scope for scope in SCOPES if scope != needed))
        # A new client for the new key.
        guard = Guard(KeyRing(file))
        for route in [route for route, scope in ROUTES.items() if scope == needed]:
            refusal = guard.refusal(scope_of(key), Exchange("1", "POST", route))
            assert refusal is not None
            assert (refusal.status, refusal.code) == (403, "key_scope")
            assert f"'{needed}'" in refusal.message


def scope_of(headers: dict[str, str], query: bytes = b"") -> dict[str, Any]:
    encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
    return {"headers": encoded, "query_string": query, "client": ("192.0.2.7", 1)}


def test_probes_and_the_schema_need_no_key(ask: Asked, file: Path) -> None:
    new(file, "classify")
    for path in ("/health/live", "/health/ready", "/schema", "/schema/openapi.json"):
        assert ask("GET", path).status_code == 200


@pytest.mark.parametrize("path", ["/v1/nothing", "/", "/v1", "/v1/classify/x", "/schema/x"])
def test_an_unknown_address_says_nothing_without_a_key(ask: Asked, file: Path, path: str) -> None:
    key = new(file, "metrics")
    assert code(ask("GET", path)) == (401, "key_missing")
    assert code(ask("GET", path, key=key)) == (404, "not_found")


@pytest.mark.parametrize(
    "path", ["/v1/classify/", "//v1/classify", "/v1//classify", "/v1/classify//", "/v1%2Fclassify", "/v1/%63lassify"]
)
def test_no_spelling_of_an_address_evades_its_scope(ask: Asked, file: Path, path: str) -> None:
    key = new(file, "metrics")
    answer = ask("POST", "http://testserver.local" + path, key=key, json=TEXT)
    assert code(answer) in {(403, "key_scope"), (404, "not_found")}


def test_every_address_of_the_application_has_its_scope(app: Litestar) -> None:
    assert [route.path for route in app.routes if route_of(route.path) == OTHER and "{" not in route.path] == []


@pytest.mark.parametrize(
    "query", ["explain=true", "expl%61in=true", "explain=false&explain=true", "a=1&explain=tru%65"]
)
def test_an_explanation_needs_its_own_scope(ask: Asked, file: Path, query: str) -> None:
    key = new(file, "classify")
    assert code(ask("POST", f"/v1/classify?{query}", key=key, json=TEXT)) == (403, "key_scope")


def test_with_both_scopes_an_answer_is_explained(ask: Asked, file: Path) -> None:
    key = new(file, "classify", "explain")
    assert "explanation" in ask("POST", "/v1/classify?explain=true", key=key, json=TEXT).json()


def test_without_an_explanation_its_scope_is_not_needed(ask: Asked, file: Path) -> None:
    key = new(file, "classify")
    assert ask("POST", "/v1/classify?explain=false", key=key, json=TEXT).status_code == 200


def test_beyond_its_rate_a_key_is_told_when_to_ask_again(ask: Asked, file: Path) -> None:
    key = new(file, "classify", per_minute=2)
    other = new(file, "models")
    assert [ask("POST", "/v1/classify", key=key, json=TEXT).status_code for _ in range(2)] == [200, 200]
    answer = ask("POST", "/v1/classify", key=key, json=TEXT)
    assert code(answer) == (429, "rate_limited")
    assert 1 <= int(answer.headers["retry-after"]) <= 30
    assert ask("GET", "/v1/models", key=other).status_code == 200
    assert ask("GET", "/health/live", key=key).status_code == 200


def test_the_exchange_names_the_key_and_a_client_only_if_it_is_refused(file: Path) -> None:
    key = new(file, "classify")
    guard = Guard(KeyRing(file))
    let_through, refused = Exchange("1", "POST", "/v1/classify"), Exchange("2", "POST", "/v1/classify")
    assert guard.refusal(scope_of(key), let_through) is None
    assert guard.refusal(scope_of({}), refused) is not None
    assert (let_through.key, let_through.client) == ("classify", "")
    assert (refused.key, refused.client) == ("", "192.0.2.7")


def test_what_a_proxy_invents_is_no_address(file: Path) -> None:
    new(file, "classify")
    for invented in (("a\nb", 0), None):
        exchange = Exchange("1", "POST", "/v1/classify")
        assert Guard(KeyRing(file)).refusal({**scope_of({}), "client": invented}, exchange) is not None
        assert exchange.client == ""


def test_the_zone_of_an_address_is_left_out(file: Path) -> None:
    new(file, "classify")
    exchange = Exchange("1", "POST", "/v1/classify")
    named = {**scope_of({}), "client": ("fe80::1%a\nsecond line", 0)}
    assert Guard(KeyRing(file)).refusal(named, exchange) is not None
    assert exchange.client == "fe80::1"


def hosted(guard: Guard, host: str | None, route: str = "/v1/classify") -> int:
    refusal = guard.refusal(scope_of({} if host is None else {"host": host}), Exchange("1", "POST", route))
    return 200 if refusal is None else refusal.status


LOCAL = Guard(None, (), "127.0.0.1")


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8080", "127.0.0.1", "127.0.0.1:1", "[::1]", "[::1]:8080"])
def test_a_service_without_keys_answers_to_the_names_of_this_machine(host: str) -> None:
    assert hosted(LOCAL, host) == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8080", "localhost.evil.example", "", None, "[::1", "::1", "localhost@evil"]
)
def test_and_to_no_other_name(host: str | None) -> None:
    assert hosted(LOCAL, host) == 421


def test_it_answers_to_the_address_that_it_was_told_to_listen_on() -> None:
    assert hosted(Guard(None, (), "127.0.0.5"), "127.0.0.5:80") == 200


def test_probes_come_under_any_name() -> None:
    assert hosted(LOCAL, "10.1.2.3:8080", "/health/live") == 200
    assert hosted(Guard(None, ("name",)), "10.1.2.3:8080", "/health/ready") == 200


def test_the_setting_names_the_hosts() -> None:
    guard = Guard(None, ("Firstline.example", "::1"), "127.0.0.1")
    assert [hosted(guard, host) for host in ("firstline.example:443", "[::1]", "localhost")] == [200, 200, 421]


def test_with_keys_any_name_will_do(file: Path) -> None:
    key = new(file, "classify")
    guard = Guard(KeyRing(file), (), "127.0.0.1")
    exchange = Exchange("1", "POST", "/v1/classify")
    assert guard.refusal(scope_of({**key, "host": "firstline.example"}), exchange) is None


def test_keys_do_not_replace_named_hosts(file: Path) -> None:
    key = new(file, "classify")
    refusal = Guard(KeyRing(file), ("right",)).refusal(
        scope_of({**key, "host": "wrong"}), Exchange("1", "POST", "/v1/classify")
    )
    assert refusal is not None
    assert refusal.code == "host_unknown"
