"""The network of `ulmfit.v1`: the encoder of a language model, pooled over time, and a head that tells classes."""

from collections.abc import Mapping

import torch
from fastai.layers import LinBnDrop
from fastai.text.models.core import masked_concat_pool
from torch import Tensor, nn

from firstline.language_models.card import Shape
from firstline.language_models.network import Dropouts, make_encoder
from firstline.text.tokenizer import PAD

# fastai's own for classifiers.
CLASSIFIER_DROPOUTS = Dropouts(input=0.4, hidden=0.3, weight=0.5, embedding=0.05, output=0.4)


class ClassifierNetwork(nn.Module):
    """Reads a message with the encoder, pools over time and says how likely each class is.

    Concat pooling of the states: last, maximum and mean (Howard and Ruder 2018, section 3.3); beside
    them maximum and mean of the embedding, so that the words themselves reach the head as well.
    """

    def __init__(self, shape: Shape, n_tokens: int, n_labels: int, dropouts: Dropouts) -> None:
        super().__init__()
        self.encoder = make_encoder(shape, n_tokens, dropouts)
        self.head = LinBnDrop(5 * shape.n_embedding, n_labels, p=dropouts.output)

    def take_encoder(self, weights: Mapping[str, Tensor]) -> None:
        """Start from the encoder of a `LanguageNetwork`'s weights."""
        prefix = "encoder."
        own = {name.removeprefix(prefix): tensor for name, tensor in weights.items() if name.startswith(prefix)}
        # fastai's embedding dropout names the embedding a second time.
        self.encoder.load_state_dict({**own, "encoder_dp.emb.weight": own["encoder.weight"]})
        self.reset()

    def groups(self) -> list[list[nn.Parameter]]:
        """The parameters by layer, those nearest the text first: embedding, LSTM layers, head."""
        layers = [self.encoder.encoder, *self.encoder.rnns, self.head]
        return [list(layer.parameters()) for layer in layers]

    def reset(self) -> None:
        """Forget the text read so far."""
        with torch.no_grad():
            self.encoder.reset()

    def forward(self, ids: Tensor) -> Tensor:
        """`ids` (n_rows, n_ids), padded at the end -> logits (n_rows, n_labels)."""
        padding = ids == PAD
        embedded = self.encoder.encoder_dp(ids)
        self.encoder.bs = len(ids)
        self.reset()
        states = self.encoder(embedded, from_embeds=True)
        n_ids = ids.shape[1]
        of_embedding = masked_concat_pool(embedded, padding, n_ids)[:, embedded.shape[2] :]
        logits: Tensor = self.head(torch.cat([masked_concat_pool(states, padding, n_ids), of_embedding], dim=1))
        return logits
