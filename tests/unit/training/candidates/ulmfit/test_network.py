import torch

from firstline.language_models.card import Shape
from firstline.language_models.network import Dropouts
from firstline.text.tokenizer import PAD
from firstline.training.candidates.ulmfit.network import ClassifierNetwork

SHAPE = Shape(n_embedding=6, n_hidden=8, n_layers=3)
NONE = Dropouts(0, 0, 0, 0, 0)
N_TOKENS = 300


def random_ids(n_rows: int, n_ids: int) -> torch.Tensor:
    return torch.randint(PAD + 1, N_TOKENS, (n_rows, n_ids))


def test_the_classifier_does_not_see_padding() -> None:
    torch.manual_seed(1)
    network = ClassifierNetwork(SHAPE, N_TOKENS, 4, NONE).eval()
    ids = random_ids(2, 7)
    padded = torch.cat([ids, torch.full((2, 5), PAD)], dim=1)
    torch.testing.assert_close(network(padded), network(ids))


def test_the_classifier_answers_a_row_the_same_among_others() -> None:
    torch.manual_seed(1)
    network = ClassifierNetwork(SHAPE, N_TOKENS, 4, NONE).eval()
    ids = random_ids(5, 7)
    torch.testing.assert_close(torch.cat([network(row[None]) for row in ids]), network(ids))
