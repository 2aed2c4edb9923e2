"""Sentence vectors from an encoder on this machine, kept in the workspace by message and encoder."""

import hashlib
from collections.abc import Generator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from firstline.errors import FileUnwritable
from firstline.files import whole_file
from firstline.training.encoders.base import Encoder

_BATCH = 64
_KEEP_EVERY = 5_000


def centred_vectors(
    texts: Sequence[str], encoder: Encoder, cache: Path | None
) -> Generator[tuple[int, int], None, NDArray[np.float32]]:
    """Unit vectors of texts around their mean, (n_texts, n_dimensions); yields and raises as `vectors_of` does."""
    found = yield from vectors_of(texts, encoder, cache)
    found -= found.mean(axis=0)
    return np.asarray(found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-9), np.float32)


def missing_of(texts: Sequence[str], name: str, cache: Path | None) -> list[str]:
    """The texts whose vectors `vectors_of` would have to compute, each once."""
    known = _read(cache / f"{name}.npz" if cache else None)
    return [text for text in dict.fromkeys(texts) if _key(text) not in known]


def vectors_of(
    texts: Sequence[str], encoder: Encoder, cache: Path | None
) -> Generator[tuple[int, int], None, NDArray[np.float32]]:
    """Vectors of texts, (n_texts, n_dimensions), to three digits; yields how many are done, of how many.

    `cache` is a folder that keeps those that were computed before; what is interrupted goes on where
    it was. Raises `FileUnwritable`.
    """
    file = cache / f"{encoder.id}.npz" if cache else None
    known = _read(file)
    keys = [_key(text) for text in texts]
    missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
    if missing:
        # Texts of like length side by side, since a batch takes as long as its longest.
        todo = sorted(missing, key=lambda key: len(missing[key]))
        n_kept = 0
        for start in range(0, len(todo), _BATCH):
            batch = todo[start : start + _BATCH]
            vectors = encoder.encode([missing[key] for key in batch])
            known.update(zip(batch, vectors.astype(np.float16), strict=True))
            done = min(start + _BATCH, len(todo))
            if file and (done == len(todo) or done - n_kept >= _KEEP_EVERY):
                _write(file, known)
                n_kept = done
            yield done, len(todo)
    return np.stack([known[key] for key in keys]).astype(np.float32)


def _key(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def _read(file: Path | None) -> dict[int, NDArray[np.float16]]:
    if file is None:
        return {}
    try:
        with file.open("rb") as opened, np.load(opened, allow_pickle=False) as content:
            return dict(zip(content["keys"].tolist(), content["vectors"], strict=True))
    # A damaged archive fails in many ways, and vectors can be computed again.
    except Exception:
        return {}


def _write(file: Path, known: dict[int, NDArray[np.float16]]) -> None:
    try:
        with whole_file(file) as unfinished, unfinished.open("wb") as opened:
            np.savez(opened, keys=np.array(list(known), np.uint64), vectors=np.stack(list(known.values())))
    except OSError as error:
        raise FileUnwritable(
            f"The sentence vectors cannot be kept in {file}: {error.strerror or error}.", "Make room, then train again."
        ) from None
