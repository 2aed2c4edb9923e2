"""What can be set of candidates is what they have, with the defaults that they have."""

import inspect
import os
from dataclasses import MISSING, fields
from typing import Any

import pytest

from firstline.settings import Settings
from firstline.steps import run_to_end
from firstline.training.candidates import NAMES, find_candidate
from firstline.training.candidates.base import Context
from firstline.training.candidates.encoder.candidate import TuningSettings
from firstline.training.candidates.spaces import SPACES
from firstline.training.candidates.ulmfit.classifier import ClassifierSettings
from firstline.training.candidates.ranges import defaults_of
from tests.examples import examples

DATACLASSES: dict[str, Any] = {"encoder.v1": TuningSettings, "ulmfit.v1": ClassifierSettings}


def defaults(candidate: str) -> dict[str, object]:
    if candidate in DATACLASSES:
        return {field.name: field.default for field in fields(DATACLASSES[candidate]) if field.default is not MISSING}
    parameters = inspect.signature(find_candidate(candidate)).parameters.values()
    return {one.name: one.default for one in parameters if one.default is not inspect.Parameter.empty}


def test_every_candidate_has_a_space() -> None:
    assert tuple(SPACES) == NAMES


@pytest.mark.parametrize("candidate", NAMES)
def test_defaults_are_those_of_the_candidate(candidate: str) -> None:
    assert defaults_of(SPACES[candidate]).items() <= defaults(candidate).items()


@pytest.mark.parametrize("candidate", ["linear.v1", "lsa.v1", "forest.v1"])
def test_what_is_set_reaches_the_candidate(candidate: str) -> None:
    chosen = {"words_to": 1, "chars_from": 3, "chars_to": 3, "case_tokens": False}
    context = Context.of(Settings(candidates={candidate: chosen}), seed=0)
    made = run_to_end(find_candidate(candidate).prepare(context, []))()
    data = examples()
    described = made.fit(data.messages, data.labels, data.unlabelled).describe()
    assert described["blocks"] == [
        {"analyzer": "word", "low": 1, "high": 1, "case_tokens": False},
        {"analyzer": "char", "low": 3, "high": 3, "case_tokens": True},
    ]


def test_settings_of_a_network_reach_it_too(monkeypatch: pytest.MonkeyPatch) -> None:
    from firstline.training.candidates.ulmfit import initial
    from firstline.training.candidates.ulmfit.candidate import Ulmfit
    from firstline.training.candidates.ulmfit.network import Shape

    monkeypatch.setattr(initial, "OWN_SHAPE", Shape(n_embedding=4, n_hidden=4, n_layers=1))
    # On one core all is done in this process.
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0})

    settings = Settings(
        candidates={"ulmfit.v1": {"sharpness": 1.0}},
        ulmfit={"language_model": "none", "encoder": "none", "adaptation_epochs": 0},
    )
    data = examples()
    made = run_to_end(Ulmfit.prepare(Context.of(settings, seed=0), [*data.messages, *data.unlabelled]))()
    assert made.settings.sharpness == 1.0
