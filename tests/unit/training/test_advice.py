from dataclasses import replace

import msgspec

from firstline.settings import Settings
from firstline.steps import Stage, run_to_end
from firstline.training.advice import advise
from firstline.training.candidates.base import Context
from firstline.training.candidates.estimate import Workload
from tests.examples import examples


def test_advice_counts_what_there_is() -> None:
    data = replace(examples(), n_disagreements=2)
    found = run_to_end(advise(Workload(data, Context.of(Settings(), 0), 5), ["oracle.v1"]))
    assert (found.n_messages, found.n_labelled, found.n_unlabelled, found.n_disagreements) == (30, 24, 6, 2)
    assert found.segments == {"customer": 15, "lead": 9}
    assert [one.n_labels for one in found.classes] == [8, 8, 8]
    assert [one.candidate for one in found.estimates] == ["oracle.v1"]


def test_names_that_are_codes_are_told_apart_from_names_that_are_learned() -> None:
    labels = ["A7" if label == "Вход" else label for label in examples().labels]
    data = replace(examples(), labels=labels)
    context = Context.of(Settings(), 0)
    assert run_to_end(advise(Workload(data, context, 5), [])).names_not_learned == ["A7"]
    without = replace(context, has_class_names=False)
    assert run_to_end(advise(Workload(data, without, 5), [])).names_not_learned == []


def test_each_candidate_is_named_before_it_is_measured() -> None:
    steps = list(advise(Workload(examples(), Context.of(Settings(), 0), 5), ["oracle.v1", "linear.v1"]))
    assert steps == [Stage("measuring oracle.v1", 0, 2), Stage("measuring linear.v1", 1, 2)]


def test_advice_goes_into_json() -> None:
    found = run_to_end(advise(Workload(examples(), Context.of(Settings(), 0), 3), ["linear.v1", "oracle.v1"]))
    estimates = msgspec.json.decode(msgspec.json.encode(found))["estimates"]
    assert estimates[0]["seconds"] > 0
    assert estimates[0]["memory_bytes"] > estimates[0]["disk_bytes"] > 0
    assert estimates[1]["seconds"] is None


def test_repeats_take_longer() -> None:
    once, thrice = (Workload(examples(), Context.of(Settings(), 0), 3, repeats).learned for repeats in (1, 3))
    assert once == [16, 16, 16, 24]
    assert thrice == [16] * 9 + [24]
