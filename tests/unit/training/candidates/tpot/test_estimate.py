"""What `tpot.v1` says that it takes."""

from dataclasses import replace

import pytest

from firstline.training.candidates.tpot import candidate
from firstline.training.estimates import eligible, estimates
from tests.unit.training.candidates.workloads import workload


def test_it_takes_its_limit_of_time_in_every_training() -> None:
    work = workload(2)
    context = replace(work.context, chosen={"tpot.v1": {"minutes": 2.0}})
    (found,) = estimates(["tpot.v1"], replace(work, context=context))
    assert found.seconds == 120 * (work.folds + 1)


def test_without_tpot_there_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(candidate, "find_spec", lambda name: None)
    makes_sense, reason = eligible("tpot.v1", workload(2))
    assert not makes_sense
    assert "firstline[search]" in reason
