"""The sizes of language models that `firstline pretrain` makes."""

from dataclasses import dataclass

from firstline.language_models.card import Shape


@dataclass(frozen=True)
class Size:
    """The widths of the network, and how many pieces its tokenizer has unless told otherwise."""

    shape: Shape
    n_pieces: int


SIZES = {
    # For processors without a GPU. One layer: in the same time it reads three times the text that two layers
    # of 300/500 read, and knows more afterwards (docs/EXPERIMENTS.md).
    "small": Size(Shape(n_embedding=300, n_hidden=300, n_layers=1), n_pieces=16_000),
    # The widths of Merity et al. 2017 and of fastai's ULMFiT: for a GPU.
    "base": Size(Shape(n_embedding=400, n_hidden=1152, n_layers=3), n_pieces=20_000),
}
