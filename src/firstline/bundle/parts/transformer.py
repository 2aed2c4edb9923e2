"""A transformer classifier in ONNX, with a tokenizer of the library `tokenizers`."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import numpy as np
from numpy.typing import NDArray

from firstline.bundle.part_files import PartFile, PartFiles, content_of, damaged
from firstline.bundle.sessions import open_session, problem_of
from firstline.errors import ExtraMissing
from firstline.text.readings import Reading

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_DESCRIPTION_FILE, _TOKENIZER_FILE, GRAPH_FILE = "transformer.json", "tokenizer.json", "network.onnx"
_LONGEST_PREFIX = 10_000
_MOST_TRIED = 10_000
"""No text has more ids, since no more characters are read."""
_INPUT, _OUTPUT = ("ids", "tensor(int64)"), ("probabilities", "tensor(float)")


class _Described(msgspec.Struct, forbid_unknown_fields=True):
    """`transformer.json`."""

    prefix: Annotated[str, msgspec.Meta(max_length=_LONGEST_PREFIX)]
    max_tokens: Annotated[int, msgspec.Meta(ge=3)]


class UnfitFile(ValueError):
    """A tokenizer or a graph that cannot be used, or that does not fit the other; `file` is its name."""

    def __init__(self, file: str, why: str) -> None:
        self.file = file
        self.why = why.rstrip(".")
        super().__init__(f"{file} does not fit: {self.why}.")


class Transformer:
    """Probabilities from a graph that maps `ids`, int64 (1, n_ids), to `probabilities`, float32 (1, n_labels).

    The graph contains everything from the embedding to the softmax; `tokenizer` is a tokenizer.json. A text gets
    `prefix` in front and is cut after `max_tokens` ids, special ones included. Texts are classified one by one, because
    int8 activations of a batch share one scale, so an answer would depend on its neighbours. Thread-safe. Raises
    `UnfitFile`, or `ExtraMissing` if `tokenizers` is not installed.
    """

    kind = "transformer.v1"
    reads: Reading = "written"

    def __init__(self, tokenizer: bytes, graph: bytes | PartFile, prefix: str, max_tokens: int, n_labels: int) -> None:
        self.tokenizer = tokenizer
        self.graph = graph
        self.prefix = prefix
        self.max_tokens = max_tokens
        self.n_labels = n_labels
        self._tokenizer = open_tokenizer(tokenizer, max_tokens)
        content = content_of(graph)
        # ONNX Runtime's errors have no class in common.
        try:
            self._session = open_session(content, _INPUT, _OUTPUT)
        except Exception as error:
            raise UnfitFile(GRAPH_FILE, str(error)) from None
        self._check()

    def predict_proba(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Probabilities of texts as they were written, (n_texts, n_labels)."""
        result = np.empty((len(texts), self.n_labels), np.float32)
        for row, text in enumerate(texts):
            result[row] = self._run(self._tokenizer.encode(self.prefix + text).ids)[0]
        return result

    def _run(self, ids: list[int]) -> NDArray[np.float32]:
        return np.asarray(self._session.run(["probabilities"], {"ids": np.array([ids], np.int64)})[0])

    def _check(self) -> None:
        if not self._tokenizer.encode("").ids:
            raise UnfitFile(_TOKENIZER_FILE, "it returns no ids for an empty text")
        highest = max(self._tokenizer.get_vocab().values())
        try:
            # As many as a text may have, since a network counts their positions.
            found = self._run([highest] * min(self.max_tokens, _MOST_TRIED))
        except Exception as error:
            raise UnfitFile(GRAPH_FILE, f"it fails on the tokenizer's highest id, {highest:,}: {error}") from None
        if problem := problem_of(found, (1, self.n_labels)):
            raise UnfitFile(GRAPH_FILE, problem)

    def save(self, folder: Path) -> None:
        (folder / _TOKENIZER_FILE).write_bytes(self.tokenizer)
        (folder / GRAPH_FILE).write_bytes(content_of(self.graph))
        description = {"prefix": self.prefix, "max_tokens": self.max_tokens}
        (folder / _DESCRIPTION_FILE).write_text(json.dumps(description, indent=1), encoding="utf-8")

    @classmethod
    def load(cls, files: PartFiles, n_labels: int) -> "Transformer":
        """Read what `save` wrote. Raises `BundleDamaged`, naming the file, or `ExtraMissing`."""
        described = files.json(_DESCRIPTION_FILE, _Described)
        tokenizer, graph = files.read(_TOKENIZER_FILE), PartFile(files, GRAPH_FILE)
        try:
            return cls(tokenizer, graph, described.prefix, described.max_tokens, n_labels)
        except UnfitFile as error:
            raise damaged(files.folder / error.file, error.why) from None


def open_tokenizer(content: bytes, max_tokens: int) -> "Tokenizer":
    """Open a tokenizer.json so that it cuts after `max_tokens` ids and does not pad.

    Raises `UnfitFile`, or `ExtraMissing` if `tokenizers` is not installed.
    """
    try:
        # Imported here, since no other part needs it.
        from tokenizers import Tokenizer
    except ModuleNotFoundError as error:
        raise ExtraMissing("A model with a transformer", "encoder-serving") from error
    # The library raises plain exceptions.
    try:
        tokenizer = Tokenizer.from_str(content.decode("utf-8"))
        tokenizer.no_padding()
        tokenizer.enable_truncation(max_tokens)
    except Exception as error:
        raise UnfitFile(_TOKENIZER_FILE, str(error)) from None
    return tokenizer
