"""A pipeline found in training, as an ONNX graph over TF-IDF components or sentence vectors."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from firstline.bundle.arrays import load_array, save_array
from firstline.bundle.part_files import PartFile, PartFiles, content_of, damaged
from firstline.bundle.parts.head import Head
from firstline.bundle.parts.tfidf import Tfidf
from firstline.bundle.sessions import open_session, problem_of
from firstline.errors import BundleDamaged
from firstline.text.readings import Reading

_DESCRIPTION_FILE, _GRAPH_FILE = "pipeline.json", "pipeline.onnx"
_INPUT, _OUTPUT = ("components", "tensor(float)"), ("probabilities", "tensor(float)")


class PipelineGraph:
    """Maps `components`, float32 (n_texts, n_components), to `probabilities`, float32 (n_texts, n_labels).

    Thread-safe. Raises `ValueError` if the graph has another input or output, and whatever ONNX Runtime raises.
    """

    def __init__(self, content: bytes | PartFile, n_components: int, n_labels: int) -> None:
        self.content = content
        self.n_labels = n_labels
        self._session = open_session(content_of(content), _INPUT, _OUTPUT)
        if problem := problem_of(self(np.zeros((1, n_components), np.float32)), (1, n_labels)):
            raise ValueError(problem)

    def __call__(self, components: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(self._session.run(["probabilities"], {"components": components})[0])

    def save(self, folder: Path) -> None:
        (folder / _GRAPH_FILE).write_bytes(content_of(self.content))

    @classmethod
    def load(cls, files: PartFiles, n_components: int, n_labels: int) -> "PipelineGraph":
        """Read what `save` wrote. Raises `BundleDamaged`, naming the file."""
        try:
            return cls(PartFile(files, _GRAPH_FILE), n_components, n_labels)
        except BundleDamaged:
            raise
        # ONNX Runtime's errors have no class in common.
        except Exception as error:
            raise damaged(files.folder / _GRAPH_FILE, str(error)) from None


class TfidfPipeline:
    """TF-IDF features times `to_components`, float16 (n_features, n_components), then a graph.

    Classifies texts one by one. Thread-safe.
    """

    kind = "tfidf_pipeline.v1"
    reads: Reading = "ruled"

    def __init__(self, tfidf: Tfidf, to_components: NDArray[np.float16], graph: PipelineGraph) -> None:
        self.tfidf = tfidf
        self.to_components = to_components
        self.graph = graph

    def components(self, text: str) -> NDArray[np.float32]:
        """The components of a ruled text, (1, n_components)."""
        places, values = self.tfidf.features(text)
        return np.asarray(values @ self.to_components[places].astype(np.float32), np.float32)[None]

    def predict_proba(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Probabilities of ruled texts, (n_texts, n_labels)."""
        result = np.empty((len(texts), self.graph.n_labels), np.float32)
        for row, text in enumerate(texts):
            result[row] = self.graph(self.components(text))[0]
        return result

    def save(self, folder: Path) -> None:
        self.tfidf.save(folder)
        save_array(folder, "to_components", self.to_components)
        self.graph.save(folder)

    @classmethod
    def load(cls, files: PartFiles, n_labels: int) -> "TfidfPipeline":
        """Read what `save` wrote. Raises `BundleDamaged`, naming the file."""
        tfidf = Tfidf.load(files)
        to_components = load_array(files, "to_components", np.float16, 2)
        if len(to_components) != tfidf.n_features:
            why = f"it has {len(to_components):,} rows, expected {tfidf.n_features:,}"
            raise damaged(files.folder / "to_components.npy", why)
        return cls(tfidf, to_components, PipelineGraph.load(files, to_components.shape[1], n_labels))


class VectorScorer(Protocol):
    """An encoder part whose classes are the dimensions of its vectors; see `open_head`."""

    kind: str
    reads: Reading

    def predict_proba(self, texts: Sequence[str]) -> NDArray[np.float32]: ...

    def save(self, folder: Path) -> None: ...


class _Described(msgspec.Struct, forbid_unknown_fields=True):
    """`pipeline.json`: the kind of the encoder part and the number of dimensions of its vectors."""

    encoder: str
    n_dimensions: Annotated[int, msgspec.Meta(ge=1)]


class VectorPipeline:
    """A graph over sentence vectors, which any encoder part returns through `open_head`.

    Classifies texts one by one. Thread-safe.
    """

    kind = "vector_pipeline.v1"
    reads: Reading = "written"

    def __init__(self, encoder: VectorScorer, graph: PipelineGraph, n_dimensions: int) -> None:
        self.encoder = encoder
        self.graph = graph
        self.n_dimensions = n_dimensions

    def predict_proba(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Probabilities of texts as they were written, (n_texts, n_labels)."""
        result = np.empty((len(texts), self.graph.n_labels), np.float32)
        for row, vector in enumerate(vectors_by(self.encoder, texts)):
            result[row] = self.graph(vector[None])[0]
        return result

    def save(self, folder: Path) -> None:
        self.encoder.save(folder)
        self.graph.save(folder)
        description = _Described(self.encoder.kind, self.n_dimensions)
        (folder / _DESCRIPTION_FILE).write_bytes(msgspec.json.format(msgspec.json.encode(description), indent=1))

    @classmethod
    def load(
        cls, files: PartFiles, n_labels: int, kinds: "dict[str, Callable[[PartFiles, int], VectorScorer]]"
    ) -> "VectorPipeline":
        """Read what `save` wrote; `kinds` load the encoder.

        Raises `BundleDamaged`, naming the file, and whatever loading the encoder raises.
        """
        described = files.json(_DESCRIPTION_FILE, _Described)
        if described.encoder not in kinds:
            raise damaged(files.folder / _DESCRIPTION_FILE, f"'{described.encoder}' is not an encoder")
        encoder = kinds[described.encoder](files, described.n_dimensions)
        return cls(encoder, PipelineGraph.load(files, described.n_dimensions, n_labels), described.n_dimensions)


def open_head(vectors: NDArray[np.float32]) -> Head:
    """A head that passes vectors through: each dimension is a class and its value the score.

    The values are scaled to about 1; `vectors`, (n_texts, n_dimensions), are examples that set the scale.
    """
    scale = 1 / max(float(np.sqrt((vectors**2).mean())), 1e-6)
    n_dimensions = vectors.shape[1]
    return Head(np.eye(n_dimensions, dtype=np.float32) * np.float32(scale), np.zeros(n_dimensions, np.float32))


def vectors_by(encoder: VectorScorer, texts: Sequence[str]) -> NDArray[np.float32]:
    """The vectors that an encoder with an open head returns, (n_texts, n_dimensions).

    They are the logarithms of its probabilities, which equal the vector minus a constant, shifted to a mean of 0.
    """
    logs = np.log(np.maximum(encoder.predict_proba(texts), np.finfo(np.float32).tiny))
    return np.asarray(logs - logs.mean(axis=1, keepdims=True), np.float32)
