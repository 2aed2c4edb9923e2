"""A recurrent network that pools over time, in ONNX: one graph for each direction of reading."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from firstline.bundle.arrays import damaged
from firstline.bundle.sessions import open_session, problem_of
from firstline.text.readings import Reading
from firstline.text.tokenizer import Tokenizer

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

Direction = Literal["forward", "backward"]

_DESCRIPTION_FILE = "lstm.json"
_INPUT, _OUTPUT = ("ids", "tensor(int64)"), ("probabilities", "tensor(float)")
_ORDERS: dict[Direction, Callable[[list[int]], list[int]]] = {
    "forward": lambda ids: ids,
    "backward": lambda ids: ids[::-1],
}


class _Described(msgspec.Struct, forbid_unknown_fields=True):
    """`lstm.json`."""

    directions: list[Direction]
    max_tokens: Annotated[int, msgspec.Meta(ge=1)]

    def __post_init__(self) -> None:
        if not self.directions or len(set(self.directions)) != len(self.directions):
            raise ValueError(f"the directions are {self.directions}, expected one, or two that differ")


class UnfitGraph(ValueError):
    """A graph that does not run, or not with this tokenizer and this number of labels."""

    def __init__(self, direction: Direction, why: str) -> None:
        self.direction = direction
        self.why = why.rstrip(".")
        super().__init__(f"The {direction} graph does not fit: {self.why}.")


class PooledLstm:
    """The mean of the probabilities that the graphs of one or both directions give.

    A graph, its bytes or its file, maps `ids`, int64 (n_ids,), to `probabilities`, float32 (n_labels,).
    It reads the tokenizer's begin of text, then at most `max_tokens` ids from the beginning of the
    text; the backward graph reads these from last to first. Safe to use from several threads.
    Raises `UnfitGraph`.
    """

    kind = "pooled_lstm.v1"
    reads: Reading = "ruled"

    def __init__(
        self, tokenizer: Tokenizer, graphs: Mapping[Direction, bytes | Path], max_tokens: int, n_labels: int
    ) -> None:
        self.tokenizer = tokenizer
        self.graphs = dict(graphs)
        self.max_tokens = max_tokens
        self.n_labels = n_labels
        self._sessions: dict[Direction, InferenceSession] = {}
        for direction, graph in graphs.items():
            # ONNX Runtime's errors have no class in common.
            try:
                self._sessions[direction] = open_session(graph, _INPUT, _OUTPUT)
            except Exception as error:
                raise UnfitGraph(direction, str(error)) from None
            self._check(direction)

    def predict_proba(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Probabilities of ruled texts, (n_texts, n_labels)."""
        result = np.zeros((len(texts), self.n_labels), np.float32)
        for row, text in enumerate(texts):
            ids = self.tokenizer.encode(text)[: self.max_tokens]
            for direction in self._sessions:
                result[row] += self._read(direction, ids)
        return result / np.float32(len(self._sessions))

    def _read(self, direction: Direction, ids: list[int]) -> NDArray[np.float32]:
        sequence = np.array([self.tokenizer.bos_id, *_ORDERS[direction](ids)], np.int64)
        return np.asarray(self._sessions[direction].run(["probabilities"], {"ids": sequence})[0])

    def _check(self, direction: Direction) -> None:
        highest = self.tokenizer.n_tokens - 1
        try:
            found = self._read(direction, [highest])
        except Exception as error:
            raise UnfitGraph(direction, f"it fails on the tokenizer's highest id, {highest:,}: {error}") from None
        if problem := problem_of(found, (self.n_labels,)):
            raise UnfitGraph(direction, problem)

    def save(self, folder: Path) -> None:
        self.tokenizer.save(folder)
        for direction, graph in self.graphs.items():
            content = graph.read_bytes() if isinstance(graph, Path) else graph
            (folder / f"{direction}.onnx").write_bytes(content)
        description = {"directions": list(self.graphs), "max_tokens": self.max_tokens}
        (folder / _DESCRIPTION_FILE).write_text(json.dumps(description, indent=1), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path, n_labels: int) -> "PooledLstm":
        """Read what `save` wrote. Raises `BundleDamaged`, naming the file."""
        file = folder / _DESCRIPTION_FILE
        try:
            described = msgspec.json.decode(file.read_bytes(), type=_Described)
        except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
            raise damaged(file, str(error)) from None
        tokenizer = Tokenizer.load(folder)
        graphs = {direction: folder / f"{direction}.onnx" for direction in described.directions}
        try:
            return cls(tokenizer, graphs, described.max_tokens, n_labels)
        except UnfitGraph as error:
            raise damaged(graphs[error.direction], error.why) from None
