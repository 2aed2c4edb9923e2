"""The networks of ULMFiT on fastai's AWD-LSTM: here of a language model; `ulmfit.v1` puts a classifier on its encoder.

Howard and Ruder 2018 (ULMFiT); Merity et al. 2017 (AWD-LSTM and its dropouts).
"""

from dataclasses import dataclass

import torch
from fastai.text.models.awdlstm import AWD_LSTM, RNNDropout
from torch import Tensor, nn
from torch.nn import functional

from firstline.language_models.card import Shape
from firstline.text.tokenizer import PAD


@dataclass(frozen=True)
class Dropouts:
    """The probabilities of AWD-LSTM's dropouts; `times` scales them all."""

    input: float
    hidden: float
    weight: float
    embedding: float
    output: float

    def times(self, factor: float) -> "Dropouts":
        return Dropouts(*(getattr(self, name) * factor for name in self.__dataclass_fields__))


# fastai's own for language models.
LANGUAGE_MODEL_DROPOUTS = Dropouts(input=0.25, hidden=0.15, weight=0.2, embedding=0.02, output=0.1)


def make_encoder(shape: Shape, n_tokens: int, dropouts: Dropouts) -> AWD_LSTM:
    """An AWD-LSTM with random weights: ids, (n_rows, n_ids) -> states, (n_rows, n_ids, n_embedding)."""
    return AWD_LSTM(
        n_tokens,
        shape.n_embedding,
        shape.n_hidden,
        shape.n_layers,
        pad_token=PAD,
        input_p=dropouts.input,
        hidden_p=dropouts.hidden,
        weight_p=dropouts.weight,
        embed_p=dropouts.embedding,
    )


class LanguageNetwork(nn.Module):
    """Predicts the next token; the softmax shares the embedding's weights (Press and Wolf 2017)."""

    def __init__(self, shape: Shape, n_tokens: int, dropouts: Dropouts) -> None:
        super().__init__()
        self.n_tokens = n_tokens
        self.encoder = make_encoder(shape, n_tokens, dropouts)
        self.bias = nn.Parameter(torch.zeros(n_tokens))
        self.output_dropout = RNNDropout(dropouts.output)

    def reset(self) -> None:
        """Forget the text read so far."""
        with torch.no_grad():
            self.encoder.reset()

    def forward(self, ids: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """`ids` (n_rows, n_ids) -> states (n_rows, n_ids, n_embedding): dropped out, raw, dropped out.

        Three, since fastai's `RNNCallback` takes the prediction and what its regulariser needs.
        """
        raw = self.encoder(ids)
        dropped = self.output_dropout(raw)
        return dropped, raw, dropped


class NextTokenLoss(nn.Module):
    """Cross-entropy of the next token, over a sample of the tokens while the network trains.

    The sample holds the batch's own targets and `n_negatives` drawn evenly; a sampled token's logit
    is raised by the log of how seldom it would be drawn, so that the sum over the sample estimates
    the sum over all (Bengio and Senecal 2008; Jean et al. 2015). `frequencies`, (n_tokens,), sums to 1.
    With `n_negatives` 0, or outside training, all tokens are summed over. Padding does not count.
    """

    frequencies: Tensor

    def __init__(self, network: LanguageNetwork, frequencies: Tensor, n_negatives: int) -> None:
        super().__init__()
        self.network = network
        self.n_negatives = n_negatives
        self.register_buffer("frequencies", frequencies)

    def forward(self, states: Tensor, targets: Tensor) -> Tensor:
        """`states` (n_rows, n_ids, n_embedding), `targets` (n_rows, n_ids) -> the mean in nats."""
        counted = targets != PAD
        states, targets = states[counted], targets[counted]
        weight, bias = self.network.encoder.encoder.weight, self.network.bias
        if not (self.network.training and self.n_negatives):
            return functional.cross_entropy(functional.linear(states, weight, bias), targets)
        negatives = torch.randint(self.network.n_tokens, (self.n_negatives,), device=targets.device)
        sample: Tensor = torch.unique(torch.cat([targets, negatives]))
        # A sampled softmax needs exact logits: in bfloat16 it learned far less (docs/EXPERIMENTS.md).
        with torch.autocast(states.device.type, enabled=False):
            logits = functional.linear(states.float(), functional.embedding(sample, weight), bias[sample])
        place = torch.searchsorted(sample, targets).unsqueeze(1)
        correction = -self._log_inclusion(sample, len(targets)).expand_as(logits)
        # A target is in the sample for certain.
        correction = correction.scatter(1, place, 0.0)
        return functional.cross_entropy(logits + correction, place.squeeze(1))

    def _log_inclusion(self, sample: Tensor, n_targets: int) -> Tensor:
        missed_by_targets = (1 - self.frequencies[sample].double()) ** n_targets
        missed_by_negatives = (1 - 1 / self.network.n_tokens) ** self.n_negatives
        return torch.log1p(-missed_by_targets * missed_by_negatives).float()
