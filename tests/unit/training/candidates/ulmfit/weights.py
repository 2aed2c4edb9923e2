"""A small classifier with random weights that tells inputs apart."""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from firstline.training.candidates.ulmfit.onnx_graph import ClassifierWeights, Dense, LstmLayer


def random_weights(
    n_tokens: int = 200,
    n_embedding: int = 12,
    n_hidden: int = 24,
    n_layers: int = 3,
    n_labels: int = 5,
    seed: int = 0,
) -> ClassifierWeights:
    """As AWD-LSTM: the last layer is as wide as the embedding."""
    random = np.random.default_rng(seed)

    def normal(scale: float, *shape: int) -> NDArray[np.float32]:
        return (random.normal(size=shape) * scale).astype(np.float32)

    widths = [n_embedding, *[n_hidden] * (n_layers - 1), n_embedding]
    layers = [
        LstmLayer(
            normal(1.5 / np.sqrt(n_in), 4 * n_out, n_in),
            normal(1 / np.sqrt(n_out), 4 * n_out, n_out),
            normal(0.3, 4 * n_out),
        )
        for n_in, n_out in pairwise(widths)
    ]
    weight = normal(5 / np.sqrt(5 * n_embedding), n_labels, 5 * n_embedding)
    # Rows that sum to 0 tell inputs apart: what all inputs have in common falls out, as by batch norm.
    head = Dense(weight - weight.mean(axis=1, keepdims=True), normal(0.1, n_labels))
    return ClassifierWeights(normal(1, n_tokens, n_embedding), tuple(layers), head)
