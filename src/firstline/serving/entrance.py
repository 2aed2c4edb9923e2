"""How the service can be reached, as decided before its processes start."""

import ipaddress
import shlex
import socket
from dataclasses import dataclass
from pathlib import Path

from firstline.errors import ApiKeysUnusable, UsageError
from firstline.serving.access import Guard
from firstline.serving.certificate import Certificate
from firstline.serving.keyring import KeyRing
from firstline.serving.keys import read_keys
from firstline.serving.source import Source
from firstline.settings.model import ServingSettings

_DEFAULT_KEYS = ServingSettings.model_fields["keys"].default


@dataclass(frozen=True)
class Entrance:
    """`host` as it was named; whether keys are in force from the start, and whether they are looked at at all."""

    host: str = "127.0.0.1"
    is_loopback: bool = True
    processes: int = 1
    has_keys: bool = False
    without_keys: bool = False

    def key_ring(self, source: Source, settings: ServingSettings) -> KeyRing | None:
        """The keys that are in force; None if the service takes no keys."""
        if self.without_keys:
            return None
        return KeyRing(source.folder / settings.keys, self.processes, is_in_force=self.has_keys)

    def guard(self, ring: KeyRing | None, settings: ServingSettings) -> Guard:
        """What decides on each request."""
        return Guard(ring, settings.hosts, self.host if self.is_loopback and not self.without_keys else "")


def decide_entrance(
    source: Source, listener: socket.socket, host: str, processes: int = 1, *, without_keys: bool = False
) -> Entrance:
    """Who may reach a service that listens on `listener`.

    Raises `UsageError` if others than this machine could reach it without a key, `ApiKeysUnusable`, also if the
    settings name a file of keys that does not exist, and `SettingsInvalid`.
    """
    is_loopback = ipaddress.ip_address(listener.getsockname()[0]).is_loopback
    named = source.settings().serving.keys
    file = source.folder / named
    if not without_keys and named != _DEFAULT_KEYS and not file.exists():
        raise ApiKeysUnusable(
            f"serving.keys names {file}, and there is no such file.", f"{_make_key(file)}\nOr correct serving.keys."
        )
    keys = () if without_keys else read_keys(file)
    if not (keys or is_loopback or without_keys):
        raise UsageError(
            f"Without API keys, the service listens on this machine alone, and {host} can be reached from others.",
            f"{_make_key(file)}\nOr add --without-keys to let anyone ask who reaches it.",
        )
    return Entrance(host, is_loopback, processes, not without_keys and (bool(keys) or file.exists()), without_keys)


def _make_key(file: Path) -> str:
    return f"Make a key: firstline keys add NAME --scope classify --file {shlex.quote(str(file))}"


def certificate_of(source: Source, settings: ServingSettings) -> Certificate | None:
    """The certificate that the settings name; None without TLS. Raises `CertificateUnusable`."""
    if not settings.tls_certificate:
        return None
    return Certificate(source.folder / settings.tls_certificate, source.folder / settings.tls_key)
