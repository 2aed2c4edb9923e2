"""`tpot.v1` over sentence vectors. That over components keeps the contract of all candidates."""

from importlib.metadata import version
from pathlib import Path

import msgspec
import numpy as np
import pytest

from firstline.bundle.files import write_bundle
from firstline.bundle.predictor import Predictor
from firstline.errors import EncoderUnusable
from firstline.settings.model import EncoderSettings
from firstline.steps import run_to_end
from firstline.text.rules import TextRules
from firstline.training import provenance
from firstline.training.candidates.base import Context
from firstline.training.candidates.tpot import engine
from firstline.training.candidates.tpot.candidate import Tpot
from firstline.types import Message
from tests.bundles import manifest
from tests.encoders import small_encoder
from tests.examples import examples

CHOSEN = {"tpot.v1": {"over": "vectors", "population": 4, "generations": 1}}


def context(encoder: str) -> Context:
    rules = TextRules.of_language("ru")
    return Context(rules, seed=3, chosen=CHOSEN, encoder=EncoderSettings(name=encoder))


@pytest.mark.slow
def test_the_bundle_predicts_what_training_predicted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "n_usable_cores", lambda: 1)
    data = examples()
    make = run_to_end(Tpot.prepare(context(str(small_encoder())), data.messages))
    fitted = make().fit(data.messages, data.labels, data.unlabelled)
    draft = msgspec.structs.replace(manifest(), labels=tuple(fitted.labels_))
    served = Predictor.load(tmp_path / write_bundle(tmp_path, draft, fitted.parts()).id)
    messages = [*data.messages, Message("банкомат опять не работает", "customer"), Message("?")]
    expected = fitted.predict_proba(messages)
    np.testing.assert_allclose(served.predict_proba(messages), expected, atol=1e-5)
    guesses = expected[: len(data.labels)].argmax(axis=1)
    right = sum(fitted.labels_[guess] == label for guess, label in zip(guesses, data.labels, strict=True))
    assert right >= 0.9 * len(data.labels)
    assert fitted.describe()["over"] == "vectors"


def test_without_an_encoder_it_is_refused_before_anything_runs() -> None:
    with pytest.raises(EncoderUnusable, match="over vectors needs a sentence encoder"):
        run_to_end(Tpot.prepare(context("none"), []))


def test_another_version_of_tpot_starts_from_something_else(monkeypatch: pytest.MonkeyPatch) -> None:
    here = Tpot.starts_from(context("none"))
    assert here == Tpot.starts_from(context("none"))
    monkeypatch.setattr(provenance, "version", lambda name: "9.9" if name == "tpot" else version(name))
    assert Tpot.starts_from(context("none")) != here
