"""Recurrent networks that pool over time, in ONNX: one or more graphs for each reading direction."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import numpy as np
from numpy.typing import NDArray

from firstline.bundle.part_files import PartFile, PartFiles, content_of, damaged
from firstline.bundle.sessions import open_session, problem_of
from firstline.text.readings import Reading
from firstline.text.tokenizer import MODEL_FILE, TOKENS_FILE, Tokenizer
from firstline.types import Direction

if TYPE_CHECKING:
    from onnxruntime import InferenceSession


_DESCRIPTION_FILE = "lstm.json"
_MOST_MEMBERS = 100
_INPUT, _OUTPUT = ("ids", "tensor(int64)"), ("probabilities", "tensor(float)")
_ORDERS: dict[Direction, Callable[[list[int]], list[int]]] = {
    "forward": lambda ids: ids,
    "backward": lambda ids: ids[::-1],
}


class _Described(msgspec.Struct, forbid_unknown_fields=True):
    """`lstm.json`."""

    directions: list[Direction]
    members: Annotated[int, msgspec.Meta(ge=1, le=_MOST_MEMBERS)]
    max_tokens: Annotated[int, msgspec.Meta(ge=1)]

    def __post_init__(self) -> None:
        if not self.directions or len(set(self.directions)) != len(self.directions):
            raise ValueError(f"the directions are {self.directions}, expected one or two different ones")


class UnfitGraph(ValueError):
    """A graph that does not run, or does not fit the tokenizer or the number of labels; `file` is its name."""

    def __init__(self, file: str, why: str) -> None:
        self.file = file
        self.why = why.rstrip(".")
        super().__init__(f"{file} does not fit: {self.why}.")


class PooledLstm:
    """The mean of the probabilities of all graphs, for one direction or both, with the same number for each.

    A graph, given as bytes or a file, maps `ids`, int64 (n_ids,), to `probabilities`, float32 (n_labels,). It reads the
    tokenizer's begin-of-text id, then the first `max_tokens` ids of the text; a backward graph reads these in reverse.
    Thread-safe. Raises `UnfitGraph`.
    """

    kind = "pooled_lstm.v1"
    reads: Reading = "ruled"

    def __init__(
        self,
        tokenizer: Tokenizer,
        graphs: Mapping[Direction, Sequence[bytes | PartFile]],
        max_tokens: int,
        n_labels: int,
    ) -> None:
        self.tokenizer = tokenizer
        self.graphs = {direction: list(members) for direction, members in graphs.items()}
        self.max_tokens = max_tokens
        self.n_labels = n_labels
        self._sessions: dict[Direction, list[InferenceSession]] = {direction: [] for direction in graphs}
        for direction, members in graphs.items():
            for place, graph in enumerate(members):
                file, content = _file(direction, place), content_of(graph)
                # ONNX Runtime's errors have no class in common.
                try:
                    self._sessions[direction].append(open_session(content, _INPUT, _OUTPUT))
                except Exception as error:
                    raise UnfitGraph(file, str(error)) from None
                self._check(self._sessions[direction][-1], file)
        self._n_graphs = sum(map(len, self._sessions.values()))

    def predict_proba(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Probabilities of ruled texts, (n_texts, n_labels)."""
        result = np.zeros((len(texts), self.n_labels), np.float32)
        for row, text in enumerate(texts):
            ids = self.tokenizer.encode(text)[: self.max_tokens]
            for direction, sessions in self._sessions.items():
                sequence = _ORDERS[direction](ids)
                for session in sessions:
                    result[row] += self._read(session, sequence)
        return result / np.float32(self._n_graphs)

    def _read(self, session: "InferenceSession", ids: list[int]) -> NDArray[np.float32]:
        sequence = np.array([self.tokenizer.bos_id, *ids], np.int64)
        return np.asarray(session.run(["probabilities"], {"ids": sequence})[0])

    def _check(self, session: "InferenceSession", file: str) -> None:
        highest = self.tokenizer.n_tokens - 1
        try:
            found = self._read(session, [highest])
        except Exception as error:
            raise UnfitGraph(file, f"it fails on the tokenizer's highest id, {highest:,}: {error}") from None
        if problem := problem_of(found, (self.n_labels,)):
            raise UnfitGraph(file, problem)

    def save(self, folder: Path) -> None:
        self.tokenizer.save(folder)
        for direction, members in self.graphs.items():
            for place, graph in enumerate(members):
                (folder / _file(direction, place)).write_bytes(content_of(graph))
        n_members = max(map(len, self.graphs.values()))
        description = {"directions": list(self.graphs), "members": n_members, "max_tokens": self.max_tokens}
        (folder / _DESCRIPTION_FILE).write_text(json.dumps(description, indent=1), encoding="utf-8")

    @classmethod
    def load(cls, files: PartFiles, n_labels: int) -> "PooledLstm":
        """Read what `save` wrote. Raises `BundleDamaged`, naming the file."""
        described = files.json(_DESCRIPTION_FILE, _Described)
        tokenizer = Tokenizer.of(files.folder, files.read(MODEL_FILE), files.read(TOKENS_FILE))
        graphs: dict[Direction, Sequence[bytes | PartFile]] = {
            direction: [PartFile(files, _file(direction, place)) for place in range(described.members)]
            for direction in described.directions
        }
        try:
            return cls(tokenizer, graphs, described.max_tokens, n_labels)
        except UnfitGraph as error:
            raise damaged(files.folder / error.file, error.why) from None


def _file(direction: Direction, place: int) -> str:
    return f"{direction}.onnx" if place == 0 else f"{direction}-{place + 1}.onnx"
