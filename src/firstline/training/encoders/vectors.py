"""Sentence vectors from an encoder on this machine, kept in the workspace by message and encoder.

The file is mapped, so that a training that finds all its vectors there holds only those: a row has the key of its text,
a checksum and the vector.
"""

import hashlib
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import TypeAlias
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from firstline.errors import FileUnwritable
from firstline.files import whole_file
from firstline.training.encoders.base import Encoder

_BATCH = 64
_KEEP_EVERY = 5_000
_COLUMNS = ("key", "check", "vector")
Rows: TypeAlias = NDArray[np.void]


def centred_vectors(
    texts: Sequence[str], encoder: Encoder, cache: Path | None
) -> Generator[tuple[int, int], None, NDArray[np.float32]]:
    """Unit vectors of texts around their mean, (n_texts, n_dimensions); yields and raises as `vectors_of` does."""
    found = yield from vectors_of(texts, encoder, cache)
    found -= found.mean(axis=0)
    return np.asarray(found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-9), np.float32)


def missing_of(texts: Sequence[str], name: str, cache: Path | None) -> list[str]:
    """The texts whose vectors `vectors_of` would have to compute, each once."""
    unique = list(dict.fromkeys(texts))
    rows = _read(cache / f"{name}.npy" if cache else None)
    places = _places(rows, _keys(unique))
    return [text for text, place in zip(unique, places, strict=True) if place < 0]


def vectors_of(
    texts: Sequence[str], encoder: Encoder, cache: Path | None
) -> Generator[tuple[int, int], None, NDArray[np.float32]]:
    """Vectors of texts, (n_texts, n_dimensions), to three digits; yields how many are done, of how many.

    `cache` is a folder that keeps those that were computed before; what is interrupted goes on where
    it was. Raises `FileUnwritable`.
    """
    file = cache / f"{encoder.id}.npy" if cache else None
    keys = _keys(texts)
    rows = _sound(_read(file), keys)
    missing = {int(keys[place]): texts[place] for place in np.flatnonzero(_places(rows, keys) < 0).tolist()}
    # Texts of like length side by side, since a batch takes as long as its longest.
    todo = sorted(missing, key=lambda key: len(missing[key]))
    made = [] if rows is None else [rows]
    n_kept = 0
    for start in range(0, len(todo), _BATCH):
        batch = todo[start : start + _BATCH]
        made.append(_rows(batch, encoder.encode([missing[key] for key in batch])))
        done = start + len(batch)
        if file and (done == len(todo) or done - n_kept >= _KEEP_EVERY):
            _write(file, made)
            n_kept = done
        yield done, len(todo)
    all_rows = np.concatenate(made) if len(made) > 1 else made[0]
    return np.asarray(all_rows["vector"][_places(all_rows, keys)], np.float32)


def _keys(texts: Sequence[str]) -> NDArray[np.uint64]:
    digests = b"".join(hashlib.blake2b(text.encode(), digest_size=8).digest() for text in texts)
    return np.frombuffer(digests, "<u8")


def _rows(keys: Sequence[int], vectors: NDArray[np.float32]) -> Rows:
    """Rows of the file for vectors, (n, n_dimensions)."""
    found = np.empty(len(keys), _kind(vectors.shape[1:]))
    found["key"], found["vector"] = keys, vectors
    found["check"] = _checksums(found["vector"])
    return found


def _kind(shape: tuple[int, ...]) -> np.dtype[np.void]:
    return np.dtype([("key", "<u8"), ("check", "<u4"), ("vector", "<f2", shape)])


def _checksums(vectors: NDArray[np.float16]) -> list[int]:
    return [crc32(vector.tobytes()) for vector in vectors]


def _places(rows: Rows | None, keys: NDArray[np.uint64]) -> NDArray[np.int64]:
    """The row of each key, (n_keys,); -1 if there is none."""
    if rows is None or not len(rows):
        return np.full(len(keys), -1)
    known = np.ascontiguousarray(rows["key"])
    order = np.argsort(known, kind="stable")
    places = order[np.minimum(np.searchsorted(known, keys, sorter=order), len(known) - 1)]
    return np.where(known[places] == keys, places, -1)


def _sound(rows: Rows | None, keys: NDArray[np.uint64]) -> Rows | None:
    """The rows without those of `keys` that are damaged."""
    places = _places(rows, np.unique(keys))
    places = places[places >= 0]
    if rows is None or not len(places):
        return rows
    is_damaged = np.array(_checksums(rows["vector"][places])) != rows["check"][places]
    return np.delete(rows, places[is_damaged]) if is_damaged.any() else rows


def _read(file: Path | None) -> Rows | None:
    if file is None or not file.is_file():
        return None
    try:
        found: Rows = np.load(file, mmap_mode="r", allow_pickle=False)
    # A damaged file fails in many ways, and vectors can be computed again.
    except Exception:
        return None
    is_ours = found.dtype.names == _COLUMNS and found.ndim == 1
    return np.asarray(found) if is_ours and found.dtype == _kind(found.dtype["vector"].shape) else None


def _write(file: Path, parts: Sequence[Rows]) -> None:
    try:
        with whole_file(file) as unfinished, unfinished.open("wb") as opened:
            np.save(opened, np.concatenate(parts), allow_pickle=False)
    except OSError as error:
        raise FileUnwritable(
            f"The sentence vectors cannot be kept in {file}: {error.strerror or error}.", "Make room, then train again."
        ) from None
