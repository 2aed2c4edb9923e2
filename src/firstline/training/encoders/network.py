"""A sentence-transformers network as serving runs it, before it has classes: graph, tokenizer and how to read."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from firstline.bundle.parts.head import Head
from firstline.bundle.parts.transformer import Transformer, open_tokenizer
from firstline.bundle.sessions import open_session
from firstline.errors import EncoderUnusable
from firstline.training.encoders.atomic import write_folder
from firstline.training.encoders.vocabulary import pruned, unknown_id

if TYPE_CHECKING:
    from onnxruntime import InferenceSession
    from sentence_transformers import SentenceTransformer
    from tokenizers import Tokenizer

LONGEST = 128
"""What stands beyond is not read, see docs/EXPERIMENTS.md; a folder may set less."""

_GRAPH_FILE, _TOKENIZER_FILE, _DESCRIPTION_FILE = "network.onnx", "tokenizer.json", "network.json"


class Described(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`network.json`: the prompt in front of a text, the most ids of one, and how many ids keep their number.

    Some networks count positions by the id of padding, so ids up to that one stay as they are.
    """

    prefix: str
    max_tokens: int
    n_first: int


@dataclass(frozen=True)
class Network:
    """`graph` maps `ids`, int64 (1, n_ids), to `vector`, float32 (1, n_dimensions); `tokenizer` is a tokenizer.json."""

    graph: bytes
    tokenizer: bytes
    described: Described

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors, (n_texts, n_dimensions)."""
        rows = [self._session.run(["vector"], {"ids": self._ids(text)})[0][0] for text in texts]
        return np.asarray(np.stack(rows), np.float32)

    def part(self, head: Head, texts: Sequence[str]) -> Transformer:
        """What serves: `head` on top, and of the vocabulary what `texts` and texts like them need."""
        from firstline.training.encoders.graph import with_head, with_rows

        described = self.described
        tokenizer, kept = pruned(self.tokenizer, texts, described.n_first, described.prefix)
        graph = self.graph if kept is None else with_rows(self.graph, kept)
        graph = with_head(graph, head.weights, head.bias)
        return Transformer(tokenizer, graph, described.prefix, described.max_tokens, len(head.bias))

    def save(self, folder: Path) -> None:
        """Write it, all or nothing. Raises `FileUnwritable`."""
        with write_folder(folder) as unfinished:
            (unfinished / _GRAPH_FILE).write_bytes(self.graph)
            (unfinished / _TOKENIZER_FILE).write_bytes(self.tokenizer)
            (unfinished / _DESCRIPTION_FILE).write_bytes(msgspec.json.encode(self.described))

    @classmethod
    def kept(cls, folder: Path) -> "Network | None":
        """The one that `save` wrote; None if there is none."""
        try:
            described = msgspec.json.decode((folder / _DESCRIPTION_FILE).read_bytes(), type=Described)
            return cls((folder / _GRAPH_FILE).read_bytes(), (folder / _TOKENIZER_FILE).read_bytes(), described)
        except (OSError, msgspec.DecodeError):
            return None

    def _ids(self, text: str) -> NDArray[np.int64]:
        return np.array([self._opened.encode(self.described.prefix + text).ids], np.int64)

    @cached_property
    def _opened(self) -> "Tokenizer":
        return open_tokenizer(self.tokenizer, self.described.max_tokens)

    @cached_property
    def _session(self) -> "InferenceSession":
        return open_session(self.graph, ("ids", "tensor(int64)"), ("vector", "tensor(float)"))


def network_of(model: "SentenceTransformer") -> Network:
    """Export a model that sentence-transformers has opened, with int8 weights. Raises `EncoderUnusable`."""
    from firstline.training.encoders.graph import vector_graph

    tokenizer, described = tokenizer_of(model)
    # What the exporter cannot do has no class in common.
    try:
        graph = vector_graph(model)
    except Exception as error:
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise EncoderUnusable(
            f"The encoder cannot be exported to ONNX: {first.rstrip('.')}.", "Name another in [encoder] name."
        ) from error
    return Network(graph, tokenizer, described)


def tokenizer_of(model: "SentenceTransformer") -> tuple[bytes, Described]:
    """The tokenizer.json of an opened model, and how it reads. Raises `EncoderUnusable`."""
    backend = getattr(model.tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise EncoderUnusable(
            f"The encoder's tokenizer, {type(model.tokenizer).__name__}, is not one of the tokenizers library.",
            "Name another folder in [encoder] name.",
        )
    description = json.loads(backend.to_str())
    if not _knows_the_unknown(description["model"]):
        raise EncoderUnusable(
            "The encoder's tokenizer has no piece for what it does not know, and would fail on such a message.",
            "Copy the folder again, or name another in [encoder] name.",
        )
    description["padding"] = description["truncation"] = None
    if getattr(model[0], "do_lower_case", False):
        others = [description["normalizer"]] if description["normalizer"] else []
        description["normalizer"] = {"type": "Sequence", "normalizers": [{"type": "Lowercase"}, *others]}
    tokenizer = json.dumps(description, ensure_ascii=False, separators=(",", ":")).encode()
    prefix = model.prompts.get(model.default_prompt_name or "") or ""
    longest = model.max_seq_length or LONGEST
    return tokenizer, Described(prefix, min(LONGEST, longest), (model.tokenizer.pad_token_id or 0) + 1)


def _knows_the_unknown(model: dict[str, Any]) -> bool:
    """Whether a tokenizer can read any text; BPE leaves out what it does not know, where its pieces are not bytes."""
    return model["type"] == "BPE" or bool(model.get("byte_fallback")) or unknown_id(model) is not None
