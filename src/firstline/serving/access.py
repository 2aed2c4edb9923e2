"""Who may ask: the names under which the service answers, keys, their scopes and their rates."""

import base64
import ipaddress
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from firstline.serving.exchange import Exchange
from firstline.serving.keyring import HeldKey, KeyRing
from firstline.serving.refusals import HOST_UNKNOWN, KEY_MISSING, KEY_UNKNOWN, Refusal, rate_limited, scope_missing
from firstline.serving.routes import LABEL_STUDIO, OTHER, ROUTES, Permission

_SCHEME, _PASSWORD_SCHEME = b"bearer", b"basic"
_LOCAL = ("localhost", "127.0.0.1", "::1")


class Guard:
    """Decides on each request; see `front.Access`.

    `ring` is None if the service needs no keys. `hosts` are the only names that Host may have; if there are none, any
    name will do, except that a service without keys on the `loopback` address, which any page in a browser of that
    machine could reach under a name of its own (DNS rebinding), answers to the names of that address alone.
    """

    def __init__(self, ring: KeyRing | None, hosts: Iterable[str] = (), loopback: str = "") -> None:
        self._ring = ring
        self._hosts = frozenset(map(_host_name, hosts))
        self._local = frozenset(map(_host_name, (*_LOCAL, loopback))) if loopback else frozenset[bytes]()

    def refusal(self, scope: Mapping[str, Any], exchange: Exchange) -> Refusal | None:
        """Why a request is refused; None if it is let through. Names the key in `exchange`."""
        host = credentials = b""
        for name, value in scope["headers"]:
            if name == b"host":
                host = value
            elif name == b"authorization":
                credentials = value
        ring = self._ring if self._ring is not None and self._ring.is_in_force else None
        route = exchange.route
        names = self._hosts or (self._local if ring is None else None)
        if names and _without_port(host) not in names and not _is_probe(route):
            return HOST_UNKNOWN
        needed = ROUTES.get(route)
        if ring is None or (needed is None and route != OTHER):
            return None
        held = _find(ring, credentials, takes_password=route.startswith(LABEL_STUDIO))
        if not isinstance(held, HeldKey):
            exchange.client = _address(scope)
            return held
        exchange.key = held.name
        return _without_permission(held, needed, scope["query_string"]) or _too_often(held)


def _is_probe(route: str) -> bool:
    """Whether an orchestrator asks, which knows the address alone."""
    return "/health/" in route or route.endswith("/ready")


def _find(ring: KeyRing, credentials: bytes, *, takes_password: bool) -> HeldKey | Refusal:
    """The key of a request; Label Studio can only send it as the password of basic authentication."""
    scheme, _, key = credentials.partition(b" ")
    if takes_password and scheme.lower() == _PASSWORD_SCHEME:
        key = _password(key)
    elif scheme.lower() != _SCHEME:
        return KEY_MISSING
    return ring.find(key.strip(b" ")) or KEY_UNKNOWN


def _password(encoded: bytes) -> bytes:
    try:
        return base64.b64decode(encoded.strip(b" "), validate=True).partition(b":")[2]
    except ValueError:
        return b""


def _without_permission(held: HeldKey, needed: Permission | None, query: bytes) -> Refusal | None:
    if needed is not None and needed not in held.scopes:
        return scope_missing(needed)
    if query and "explain" not in held.scopes and _explains(query):
        return scope_missing("explain")
    return None


def _explains(query: bytes) -> bool:
    """Whether a query asks for an explanation, read as Litestar reads it."""
    pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True, separator="&")
    return any(name == "explain" and value != "false" for name, value in pairs)


def _too_often(held: HeldKey) -> Refusal | None:
    wait_s = held.allowance.take() if held.allowance is not None else 0
    return rate_limited(wait_s) if wait_s else None


def _host_name(name: str) -> bytes:
    """A name as `_without_port` gives it; IPv6 addresses stand in brackets there."""
    name = name.lower()
    return (f"[{name}]" if ":" in name and not name.startswith("[") else name).encode()


def _without_port(host: bytes) -> bytes:
    """`Name:8080` as `name`, `[::1]:8080` as `[::1]`."""
    end = host.find(b"]") + 1 or (host.find(b":") if b":" in host else len(host))
    return host[:end].lower()


def _address(scope: Mapping[str, Any]) -> str:
    """The client's address; empty if a proxy has named something else.

    Without the zone of an IPv6 address, which may be any text after a "%".
    """
    try:
        return str(ipaddress.ip_address(str(scope["client"][0]).partition("%")[0]))
    except (ValueError, TypeError):
        return ""
