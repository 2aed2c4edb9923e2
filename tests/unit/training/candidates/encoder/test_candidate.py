"""What is fine-tuned once is not fine-tuned again, and what is read of unlabelled messages."""

from dataclasses import replace

import numpy as np
import pytest

from firstline.settings.model import EncoderSettings
from firstline.steps import Stage, run_to_end
from firstline.text.rules import TextRules
from firstline.training.candidates.base import Context
from firstline.training.candidates.encoder import candidate as module
from firstline.training.candidates.encoder.candidate import FineTuned, TuningSettings
from firstline.types import Message
from tests.encoders import small_encoder
from tests.examples import examples

DATA = examples()
CONTEXT = Context(TextRules.of_language("ru"), encoder=EncoderSettings(name=str(small_encoder())))
QUICK = TuningSettings(n_epochs=2, unlabelled_epochs=1, n_unlabelled=5, least_batches=2, most_batches=6)


def prepared(context: Context, settings: TuningSettings = QUICK) -> FineTuned:
    made = run_to_end(FineTuned.prepare(context, [*DATA.messages, *DATA.unlabelled]))()
    made.settings = settings
    return made


class Again(Exception):
    """Something was trained."""


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Context:
    """A workspace in which the examples were learned."""
    context = replace(CONTEXT, folder=tmp_path_factory.mktemp("workspace"))
    prepared(context).fit(DATA.messages, DATA.labels, DATA.unlabelled)
    return context


@pytest.fixture
def kept(learned: Context, monkeypatch: pytest.MonkeyPatch) -> Context:
    """The same, in which nothing may be trained any more."""

    def refuse(*_: object) -> None:
        raise Again

    monkeypatch.setattr(FineTuned, "_trained", refuse)
    return learned


def test_the_same_again_is_taken_from_the_workspace(kept: Context) -> None:
    found = prepared(kept).fit(DATA.messages, DATA.labels, DATA.unlabelled)
    assert found.predict_proba(DATA.messages).shape == (len(DATA.messages), 3)
    assert found.borrowed_s > 0


@pytest.mark.parametrize("what", ["labels", "unlabelled", "seed", "settings"])
def test_anything_else_is_trained(kept: Context, what: str) -> None:
    labels = [DATA.labels[-1], *DATA.labels[1:]] if what == "labels" else DATA.labels
    unlabelled = DATA.unlabelled[1:] if what == "unlabelled" else DATA.unlabelled
    context = replace(kept, seed=7) if what == "seed" else kept
    settings = replace(QUICK, rate=3e-4) if what == "settings" else QUICK
    with pytest.raises(Again):
        prepared(context, settings).fit(DATA.messages, labels, unlabelled)


def test_without_unlabelled_messages_labels_are_read_alone() -> None:
    found = prepared(CONTEXT).fit(DATA.messages, DATA.labels, [])
    assert np.isfinite(found.predict_proba([Message("карта")])).all()


def test_every_core_answers_what_one_answers(kept: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_AT_A_TIME", 5)
    told: list[Stage] = []
    found = prepared(replace(kept, report=told.append)).fit(DATA.messages, DATA.labels, DATA.unlabelled)
    many = DATA.messages
    np.testing.assert_array_equal(found.answers(many), found.predict_proba(many))
    assert (told[-1].done, told[-1].total) == (len(many), len(many))
    assert found.answers([]).shape == (0, 3)


@pytest.mark.parametrize(
    ("n_labelled", "n_unlabelled", "expected"),
    [
        (24, 0, (1, 8, 30)),
        (1_000, 0, (1, 16, 378)),
        (1_000, 5_000, (3, 32, 500)),
        (1_500, 5_000, (3, 32, 594)),
        (40_000, 0, (1, 32, 900)),
    ],
)
def test_labels_are_read_as_often_with_and_without_a_pool(
    n_labelled: int, n_unlabelled: int, expected: tuple[int, int, int]
) -> None:
    assert TuningSettings().reading(n_labelled, n_unlabelled) == expected
