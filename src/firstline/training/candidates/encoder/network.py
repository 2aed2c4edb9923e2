"""A sentence encoder with classes on top, as it is fine-tuned."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from firstline.bundle.parts.head import Head
from firstline.training.candidates.soft_labels import SoftLabelLoss, by_people

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

_LAYER = re.compile(r"\.(?:layers?|h|blocks?)\.(\d+)\.")
_EMBEDDING = re.compile(r"\bembed|_embed|\bw[tp]e\b")
_LEAST_NORM = 1e-6


class TuningNetwork(nn.Module):
    """All modules of `model`, then a dense layer: ids, (n_rows, n_ids) -> scores and vectors.

    Vectors are scaled by `scale`, which makes those of unit length as large as a layer norm's. `pad`
    is the id that fills up a row. Embeddings stay as they are: a few hundred labels cannot teach
    250,000 pieces, and most of the weights need no gradient.
    """

    def __init__(self, model: "SentenceTransformer", n_labels: int, pad: int, dropout: float) -> None:
        super().__init__()
        self.parts = nn.ModuleList(list(model))
        self.pad = pad
        n_dimensions = int(model.get_embedding_dimension() or 0)
        self.scale = n_dimensions**0.5 if type(model[-1]).__name__ == "Normalize" else 1.0
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(n_dimensions, n_labels)
        for name, parameter in self.parts.named_parameters():
            parameter.requires_grad_(bool(_LAYER.search(name)) or not _EMBEDDING.search(name))

    def forward(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        """Scores, (n_rows, n_labels), and vectors, (n_rows, n_dimensions)."""
        features = {"input_ids": ids, "attention_mask": (ids != self.pad).long()}
        for part in self.parts:
            features = part(features)
        vectors = features["sentence_embedding"] * self.scale
        return self.head(self.dropout(vectors)), vectors

    def groups(self) -> list[list[nn.Parameter]]:
        """What learns, nearest the text first: each layer, with the last what comes after it; then the head."""
        layers: dict[int, list[nn.Parameter]] = {}
        others: list[nn.Parameter] = []
        for name, parameter in self.parts.named_parameters():
            found = _LAYER.search(name)
            if found:
                layers.setdefault(int(found[1]), []).append(parameter)
            elif parameter.requires_grad:
                others.append(parameter)
        groups = [layers[number] for number in sorted(layers)] or [[]]
        groups[-1] += others
        return [*groups, list(self.head.parameters())]

    def trained_head(self) -> Head:
        """The head for vectors that are not scaled."""
        weights = self.head.weight.detach().numpy().T * self.scale
        return Head(np.ascontiguousarray(weights, np.float32), self.head.bias.detach().numpy().astype(np.float32))


class TuningLoss(nn.Module):
    """Cross-entropy against distributions over classes, and `contrastive` times supervised contrastive loss.

    The latter (Khosla et al. 2020) draws messages of a class together and others apart, among the pairs
    of one batch that people labelled, so that their number grows with the batches and not with the square
    of the labels.
    """

    def __init__(self, contrastive: float, temperature: float) -> None:
        super().__init__()
        self.plain = SoftLabelLoss()
        self.contrastive = contrastive
        self.temperature = temperature

    def forward(self, found: tuple[Tensor, Tensor], target: Tensor) -> Tensor:
        """`found` is what the network gives, `target` as of `targets_of`."""
        scores, vectors = found
        loss: Tensor = self.plain(scores, target)
        labelled = by_people(target)
        if self.contrastive and bool(labelled.any()):
            labels = target[labelled, :-1].argmax(dim=1)
            loss = loss + self.contrastive * contrastive_loss(vectors.float()[labelled], labels, self.temperature)
        return loss


def contrastive_loss(vectors: Tensor, labels: Tensor, temperature: float) -> Tensor:
    """Mean over rows that have another of their class beside them; 0 where none has. At least 0."""
    unit = functional.normalize(vectors, dim=1, eps=_LEAST_NORM)
    itself = torch.eye(len(labels), dtype=torch.bool)
    log_shares = functional.log_softmax((unit @ unit.T / temperature).masked_fill(itself, -1e4), dim=1)
    same = ((labels[:, None] == labels) & ~itself).float()
    n_same = same.sum(dim=1)
    losses = -(log_shares * same).sum(dim=1) / n_same.clamp(min=1)
    return losses.sum() / (n_same > 0).sum().clamp(min=1)


@contextmanager
def fast_attention(model: "SentenceTransformer") -> Iterator[None]:
    """Meanwhile attention is done by plain products, and without dropout of its own: on a processor twice as fast.

    PyTorch's fused attention has a slow backward pass there, and random numbers take their time, see
    docs/EXPERIMENTS.md.
    """
    from transformers import PreTrainedModel

    before = [
        (module, module.config._attn_implementation)
        for module in model.modules()
        if isinstance(module, PreTrainedModel)
    ]
    found = [getattr(getattr(module, "self", None), "dropout", None) for module in model.modules()]
    dropouts = [(dropout, dropout.p) for dropout in found if isinstance(dropout, nn.Dropout)]
    for module, _ in before:
        module.set_attn_implementation("eager")
    for dropout, _ in dropouts:
        dropout.p = 0.0
    try:
        yield
    finally:
        for module, name in before:
            module.set_attn_implementation(name)
        for dropout, p in dropouts:
            dropout.p = p
