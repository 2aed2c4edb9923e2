import pytest
import torch

from firstline.language_models.network import Shape
from firstline.language_models.reading import MessageRounds
from firstline.training.candidates.ulmfit import speed
from firstline.training.candidates.ulmfit.speed import classifier_speed, language_model_speed

SHAPE = Shape(n_embedding=8, n_hidden=8, n_layers=1)


@pytest.fixture(autouse=True)
def few_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speed, "_MOST_TOKENS", 500)


def test_language_model_reads_tokens() -> None:
    assert language_model_speed(SHAPE, 50, [5, 9], 16, 1) > 0


def test_classifier_reads_tokens() -> None:
    assert classifier_speed(SHAPE, 50, 3, [5, 9], 16, 1) > 0


def test_messages_of_a_single_token_can_be_measured() -> None:
    assert language_model_speed(SHAPE, 50, [1], 16, 1) > 0
    assert classifier_speed(SHAPE, 50, 2, [1], 2, 1) > 0


def test_batches_are_as_large_as_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[MessageRounds] = []

    def remember(network: object, loss: object, rounds: MessageRounds, *_: object, **__: object) -> float:
        found.append(rounds)
        return 1.0

    monkeypatch.setattr(speed, "_speed", remember)
    language_model_speed(SHAPE, 50, [5, 9], 16, 1)
    (rounds,) = found
    batches = [batch for number in range(len(rounds)) for batch in rounds.batches(number)]
    assert len(rounds) == 4
    assert max(len(ids) for ids, _ in batches) == 16
    assert sum(ids.numel() for ids, _ in batches) < 2 * 500


def test_threads_are_as_they_were() -> None:
    before = torch.get_num_threads()
    language_model_speed(SHAPE, 50, [5], 16, before + 1)
    assert torch.get_num_threads() == before
