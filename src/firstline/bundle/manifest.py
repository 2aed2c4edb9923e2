"""`manifest.json`: what a bundle is, in full. Written last, so a folder without one does not exist."""

from collections.abc import Mapping
from typing import Any

import msgspec

FORMAT_VERSION = 1
FILE_NAME = "manifest.json"


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The files of one model; `kind` names the code that reads them."""

    kind: str
    files: dict[str, str]
    """File name to SHA-256, hexadecimal."""


class MaskPatterns(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How texts were masked: the version of the built-in patterns, and the team's own."""

    version: str
    patterns: tuple[tuple[str, str], ...] = ()


class Calibration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Temperature scaling: probabilities to the power of 1 / temperature, made to sum to 1."""

    temperature: float = 1.0


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything about a bundle that is not in its parts.

    `metrics` come from cross-validation; `training` holds the data's fingerprint, the resolved
    settings and the library versions; `measured` is all that differs when the same model is
    trained again: times, speeds, sizes.
    """

    id: str
    candidate: str
    language: str
    labels: tuple[str, ...]
    segments: tuple[str, ...]
    text_rules: tuple[str, ...]
    masks: MaskPatterns
    parts: tuple[Part, ...]
    calibration: Calibration
    metrics: Mapping[str, Any]
    training: Mapping[str, Any]
    measured: Mapping[str, Any]
    format_version: int = FORMAT_VERSION

    @property
    def created_at(self) -> str:
        return str(self.measured.get("created_at", ""))
