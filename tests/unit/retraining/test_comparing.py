from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from firstline.bundle.predictor import Predictor
from firstline.errors import InputError
from firstline.evaluation.held_out import HeldOut, keys_of
from firstline.retraining.comparing import compare
from firstline.store.messages import Labelled
from firstline.types import Message
from tests.bundles import LABELS, make_bundle

N = 60
DATA = Labelled([Message(f"банкомат {n}") for n in range(N)], ["Банкомат"] * N, [], 0)


def held_out(data: Labelled) -> HeldOut:
    """Answers that are all right."""
    n = len(data.messages)
    truth = np.array([LABELS.index(label) for label in data.labels])
    return HeldOut(
        "m",
        LABELS,
        keys_of(data.messages),
        truth,
        np.eye(len(LABELS), dtype=np.float32)[truth],
        np.zeros(n, np.float32),
    )


@pytest.fixture
def champion(tmp_path: Path) -> Predictor:
    return Predictor.load(tmp_path / make_bundle(tmp_path).id)


def without(data: Labelled, n: int) -> Labelled:
    return replace(data, messages=data.messages[n:], labels=data.labels[n:])


def test_what_was_labelled_after_the_training_of_the_challenger_is_left_out(champion: Predictor) -> None:
    earlier = without(DATA, 20)
    found = compare(DATA, champion, held_out(earlier), held_out(earlier))
    assert (len(found.truth), found.is_new.sum()) == (40, 0)
    assert set(found.challenger.labels) == {"Банкомат"}


def test_a_challenger_whose_messages_are_gone_cannot_be_compared(champion: Predictor) -> None:
    with pytest.raises(InputError, match="20 of the 60 messages that the new model learned"):
        compare(without(DATA, 20), champion, held_out(without(DATA, 20)), held_out(DATA))
