"""The parts that serving runs. Each kind reads its own files and scores texts."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from firstline.bundle.part_files import PartFiles
from firstline.bundle.parts.forest import TfidfForest
from firstline.bundle.parts.linear import TfidfLinear
from firstline.bundle.parts.lstm import PooledLstm
from firstline.bundle.parts.package_encoder import PackageEncoder
from firstline.bundle.parts.pipeline import TfidfPipeline, VectorPipeline, VectorScorer
from firstline.bundle.parts.transformer import Transformer
from firstline.bundle.parts.word_vectors import WordVectors
from firstline.errors import BundleVersionUnknown
from firstline.text.readings import Reading


class Scorer(Protocol):
    """A loaded part."""

    reads: Reading
    """How its texts are prepared; see `text.readings.read`."""

    def predict_proba(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Uncalibrated probabilities of texts, (n_texts, n_labels); rows sum to 1."""


_ENCODERS: dict[str, Callable[[PartFiles, int], VectorScorer]] = {
    Transformer.kind: Transformer.load,
    PackageEncoder.kind: PackageEncoder.load,
    WordVectors.kind: WordVectors.load,
}
KINDS: dict[str, Callable[[PartFiles, int], Scorer]] = {
    TfidfLinear.kind: TfidfLinear.load,
    TfidfForest.kind: TfidfForest.load,
    PooledLstm.kind: PooledLstm.load,
    **_ENCODERS,
    TfidfPipeline.kind: TfidfPipeline.load,
    VectorPipeline.kind: partial(VectorPipeline.load, kinds=_ENCODERS),
}


def load_part(kind: str, files: PartFiles, n_labels: int) -> Scorer:
    """The part of a kind, which tells `n_labels` classes apart.

    Raises `BundleVersionUnknown` if this version does not know the kind, and `BundleDamaged`.
    """
    if kind not in KINDS:
        raise BundleVersionUnknown(
            f"The model in {files.folder} has a part of kind '{kind}', which this version of Firstline does not know.",
            "Use the version that trained it, or a later one.",
        )
    return KINDS[kind](files, n_labels)
