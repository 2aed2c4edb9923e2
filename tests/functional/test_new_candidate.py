"""A new candidate is one file and one line in the list: everything else finds it there."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from firstline.bundle.predictor import Predictor
from firstline.errors import SettingsInvalid
from firstline.search.search import searched
from firstline.settings import Settings
from firstline.steps import run_to_end
from firstline.training.advice import advise
from firstline.training.candidates import CLASSES, expand
from firstline.training.candidates.base import Context
from firstline.training.candidates.estimate import Workload
from firstline.training.estimates import eligible
from tests.examples import examples
from tests.make_docs import settings_page
from tests.trainings import run

CONTEXT = Context.of(Settings(), 0)


@pytest.fixture(autouse=True)
def line(monkeypatch: pytest.MonkeyPatch) -> None:
    """The line in the list."""
    monkeypatch.setitem(CLASSES, "toy.v1", "tests.toy_candidate:Toy")


def test_it_trains_is_in_the_table_and_serves_from_its_bundle(tmp_path: Path) -> None:
    data = examples()
    _, report = run(tmp_path / "models", data, candidates=("toy.v1", "linear.v1"))
    assert {row.candidate for row in report.results} == {"toy.v1", "linear.v1"}
    _, alone = run(tmp_path / "alone", data, candidates=("toy.v1",))
    served = Predictor.load(tmp_path / "alone" / alone.model.id)
    assert alone.model.training
    assert alone.model.training.candidate_settings == {"letters": 3}
    right = served.predict_proba(data.messages).argmax(axis=1) == np.unique(data.labels, return_inverse=True)[1]
    assert right.mean() > 0.9


def test_auto_takes_it_if_it_makes_sense() -> None:
    assert "toy.v1" in expand(["auto"])
    data = examples()
    few = replace(data, messages=data.messages[:12], labels=data.labels[:12])
    assert eligible("toy.v1", Workload(data, CONTEXT, 3)) == (True, "means of 24 messages")
    assert not eligible("toy.v1", Workload(few, CONTEXT, 3))[0]


def test_advice_has_its_reason_and_its_figures() -> None:
    workload = Workload(examples(), CONTEXT, 3)
    (found,) = run_to_end(advise(workload, ["toy.v1"])).estimates
    assert (found.makes_sense, found.reason) == (True, "means of 24 messages")
    assert found.seconds is not None
    assert found.disk_bytes
    assert found.seconds > 0
    assert found.disk_bytes > 0


def test_its_settings_are_checked_searched_and_reach_it() -> None:
    with pytest.raises(SettingsInvalid, match=r"letters' \(letters in .*\) expected .* from 2 to 5, got 9"):
        Context.of(Settings(candidates={"toy.v1": {"letters": 9}}), 0)
    assert list(searched("toy.v1")) == ["letters"]


def test_its_settings_are_in_the_documentation() -> None:
    assert '| `candidates."toy.v1".letters` | `3` | a whole number from 2 to 5 | letters in' in settings_page()
