"""A pipeline that training found, in ONNX, over components of TF-IDF."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from firstline.bundle.arrays import damaged, load_array, save_array
from firstline.bundle.parts.tfidf import Tfidf
from firstline.bundle.sessions import open_session, problem_of
from firstline.text.readings import Reading

_GRAPH_FILE = "pipeline.onnx"
_INPUT, _OUTPUT = ("components", "tensor(float)"), ("probabilities", "tensor(float)")


class TfidfPipeline:
    """`to_components`, float16 (n_features, n_components), then a graph.

    The graph maps `components`, float32 (n_texts, n_components), to `probabilities`, float32 (n_texts, n_labels).
    Texts are read one by one. Safe to use from several threads. Raises `ValueError` where the graph maps something
    else, and what ONNX Runtime raises.
    """

    kind = "tfidf_pipeline.v1"
    reads: Reading = "ruled"

    def __init__(self, tfidf: Tfidf, to_components: NDArray[np.float16], graph: bytes | Path, n_labels: int) -> None:
        self.tfidf = tfidf
        self.to_components = to_components
        self.graph = graph
        self.n_labels = n_labels
        self._session = open_session(graph, _INPUT, _OUTPUT)
        found = self._run(np.zeros((1, to_components.shape[1]), np.float32))
        if problem := problem_of(found, (1, n_labels)):
            raise ValueError(problem)

    def components(self, text: str) -> NDArray[np.float32]:
        """Of a ruled text, (1, n_components)."""
        places, values = self.tfidf.features(text)
        return np.asarray(values @ self.to_components[places].astype(np.float32), np.float32)[None]

    def predict_proba(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Probabilities of ruled texts, (n_texts, n_labels)."""
        result = np.empty((len(texts), self.n_labels), np.float32)
        for row, text in enumerate(texts):
            result[row] = self._run(self.components(text))[0]
        return result

    def _run(self, components: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(self._session.run(["probabilities"], {"components": components})[0])

    def save(self, folder: Path) -> None:
        self.tfidf.save(folder)
        save_array(folder, "to_components", self.to_components)
        content = self.graph.read_bytes() if isinstance(self.graph, Path) else self.graph
        (folder / _GRAPH_FILE).write_bytes(content)

    @classmethod
    def load(cls, folder: Path, n_labels: int) -> "TfidfPipeline":
        """Read what `save` wrote. Raises `BundleDamaged`, naming the file."""
        tfidf = Tfidf.load(folder)
        to_components = load_array(folder, "to_components", np.float16, 2, mapped=True)
        if len(to_components) != tfidf.n_features:
            why = f"it has {len(to_components):,} rows, expected {tfidf.n_features:,}"
            raise damaged(folder / "to_components.npy", why)
        # ONNX Runtime's errors have no class in common.
        try:
            return cls(tfidf, to_components, folder / _GRAPH_FILE, n_labels)
        except Exception as error:
            raise damaged(folder / _GRAPH_FILE, str(error)) from None
