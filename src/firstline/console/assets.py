"""Style, scripts and icon: files of the package whose names hold their hash, so that browsers keep them for good."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable

PREFIX = "/static/"
_HASH_DIGITS = 16
_TYPES = {
    "css": "text/css",
    "js": "text/javascript",
    "svg": "image/svg+xml",
}


@dataclass(frozen=True)
class Asset:
    """One file as it is sent. `address` changes with its content."""

    address: str
    content: bytes
    media_type: str
    etag: str


@cache
def assets() -> Mapping[str, Asset]:
    """The files by their plain names, such as `console.css`."""
    found = {one.name: one for one in (files("firstline.console") / "static").iterdir()}
    return {name: _read(one) for name, one in found.items() if name.rpartition(".")[2] in _TYPES}


def asset_at(address: str) -> Asset | None:
    """The file at an address; None if there is none, or if it has another content by now."""
    return next((asset for asset in assets().values() if asset.address == address), None)


def _read(file: Traversable) -> Asset:
    content = file.read_bytes()
    digest = sha256(content).hexdigest()[:_HASH_DIGITS]
    stem, _, ending = file.name.rpartition(".")
    return Asset(f"{PREFIX}{stem}.{digest}.{ending}", content, _TYPES[ending], f'"{digest}"')
