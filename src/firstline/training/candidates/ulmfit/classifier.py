"""The classifier of ULMFiT: from a language model's encoder to a network that names classes."""

from collections.abc import Generator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from firstline.language_models.model import LanguageModel
from firstline.language_models.reading import MAX_BATCH_TOKENS, MessageRounds, batches_of_like_length, pad
from firstline.neural.loop import Rates, RoundDone, TrainingLoop, one_cycle
from firstline.training.candidates.soft_labels import SoftLabelLoss, targets_of
from firstline.training.candidates.ulmfit.network import CLASSIFIER_DROPOUTS, ClassifierNetwork
from firstline.training.candidates.ulmfit.onnx_graph import ClassifierWeights, Dense, LstmLayer
from firstline.training.candidates.ulmfit.settings import UlmfitSettings

_N_TO_SETTLE = 3_000
_FOCAL_GAMMA = 2.0


def train_classifier(
    model: LanguageModel,
    rows: Sequence[NDArray[np.int64]],
    labels: NDArray[np.int64],
    n_labels: int,
    soft_labels: NDArray[np.float32],
    settings: UlmfitSettings,
    seed: int,
) -> Generator[RoundDone, None, ClassifierNetwork]:
    """Train on labelled rows, the first `len(labels)` of `rows`, and on the others by their soft labels.

    `labels` (n_labelled,) holds places of classes, `soft_labels` (n_rows - n_labelled, n_labels) a
    teacher's probabilities. Ends with the network, ready to predict.
    """
    torch.manual_seed(seed)
    dropouts = CLASSIFIER_DROPOUTS.times(settings.dropout_factor)
    network = ClassifierNetwork(model.shape, model.tokenizer.n_tokens, n_labels, dropouts)
    network.take_encoder(model.weights)
    smoothing = settings.smoothing if settings.loss == "smoothing" else 0.0
    target = torch.from_numpy(targets_of(labels, n_labels, soft_labels, smoothing))
    copies = np.ones(len(rows), np.int64)
    copies[: len(labels)] = settings.copies
    rounds = MessageRounds(
        rows,
        lambda places, ids: (ids, target[places]),
        n_epochs=settings.n_epochs,
        seed=seed,
        max_rows=settings.max_rows,
        copies=copies,
    )
    training = TrainingLoop(
        network,
        SoftLabelLoss(_FOCAL_GAMMA if settings.loss == "focal" else 0.0),
        rounds,
        network.groups(),
        Rates(settings.rate),
        one_cycle(warm_up=0.15),
        seed,
    )
    yield from training.run()
    _settle_norms(network, rows, settings.max_rows, seed)
    network.eval()
    return network


def _settle_norms(network: ClassifierNetwork, rows: Sequence[NDArray[np.int64]], max_rows: int, seed: int) -> None:
    """Give batch norm the means and variances of some of `rows` as they are without dropout (Li et al. 2019).

    Dropout scales what it lets through. Where a feature hardly varies, as the maximum of an embedding that
    the begin of text decides, batch norm divides by next to nothing, so a mean that is a hundredth off
    shifts the classes: with some seeds that was worth nine points of accuracy (docs/EXPERIMENTS.md).
    """
    norms = [layer for layer in network.head.modules() if isinstance(layer, nn.BatchNorm1d)]
    drawn = np.random.default_rng(seed).permutation(len(rows))[:_N_TO_SETTLE]
    lengths = np.array([len(row) for row in rows], np.int64)
    batches = [batch for batch in batches_of_like_length(lengths, drawn, max_rows, MAX_BATCH_TOKENS) if len(batch) > 1]
    if not batches:
        return
    network.eval()
    for norm in norms:
        norm.reset_running_stats()
        # The plain mean over all batches.
        norm.momentum = None
        norm.train()
    with torch.no_grad():
        for batch in batches:
            network(pad([rows[place] for place in batch]))


def plain_weights(network: ClassifierNetwork) -> ClassifierWeights:
    """A trained network's weights for its ONNX graph, batch norm folded into the dense layer."""
    layers = [
        LstmLayer(
            _array(rnn.module.weight_ih_l0),
            _array(rnn.weight_hh_l0_raw),
            _array(rnn.module.bias_ih_l0 + rnn.module.bias_hh_l0),
        )
        for rnn in network.encoder.rnns
    ]
    return ClassifierWeights(
        embedding=_array(network.encoder.encoder.weight),
        layers=tuple(layers),
        head=_folded(network.head),
    )


def _folded(block: nn.Module) -> Dense:
    norm = next(layer for layer in block.children() if isinstance(layer, nn.BatchNorm1d))
    dense = next(layer for layer in block.children() if isinstance(layer, nn.Linear))
    mean, variance = norm.get_buffer("running_mean"), norm.get_buffer("running_var")
    scale = norm.weight / torch.sqrt(variance + norm.eps)
    shift = norm.bias - mean * scale
    bias = dense.weight @ shift
    return Dense(_array(dense.weight * scale), _array(bias if dense.bias is None else bias + dense.bias))


def _array(tensor: Tensor) -> NDArray[np.float32]:
    return np.asarray(tensor.detach().cpu().float().numpy(), np.float32)
