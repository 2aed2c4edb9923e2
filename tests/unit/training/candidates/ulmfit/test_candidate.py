import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from firstline.bundle.parts.lstm import PooledLstm
from firstline.errors import ExtraMissing, install_hint
from firstline.language_models.reading import MAX_TOKENS
from firstline.steps import Stage, run_to_end
from firstline.training.candidates import find_candidate
from firstline.training.candidates.base import Context
from firstline.training.candidates.encoder.candidate import FineTuned
from firstline.training.candidates.ulmfit import settings as settings_module
from firstline.training.candidates.ulmfit.candidate import Ulmfit
from firstline.training.candidates.ulmfit.shared_inputs import gather
from firstline.types import Message
from tests.encoders import small_encoder
from tests.examples import examples
from tests.unit.language_models.corpora import RULES

DATA = examples()
ALONE = Context(RULES, chosen={"ulmfit.v1": {"language_model": "none", "encoder": "none"}})


def with_settings(context: Context, **settings: object) -> Context:
    """The same with other settings of `ulmfit.v1`."""
    chosen = {**context.chosen_for("ulmfit.v1"), **settings}
    return replace(context, chosen={**context.chosen, "ulmfit.v1": chosen})


pytestmark = pytest.mark.usefixtures("small_shape")


@pytest.fixture(autouse=True)
def few_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings_module, "_LEAST_BATCHES", 20)


def prepared(context: Context = ALONE, messages: list[Message] | None = None) -> Ulmfit:
    everything = messages or [*DATA.messages, *DATA.unlabelled]
    return run_to_end(Ulmfit.prepare(context, everything))()


def test_both_directions_are_averaged() -> None:
    fitted = prepared(with_settings(ALONE, directions=("forward", "backward")))
    fitted.fit(DATA.messages, DATA.labels, DATA.unlabelled)
    both, graphs = fitted.predict_proba(DATA.messages), fitted.part_.graphs
    alone = []
    for direction, members in graphs.items():
        fitted.part_ = PooledLstm(fitted.part_.tokenizer, {direction: members}, MAX_TOKENS, 3)
        alone.append(fitted.predict_proba(DATA.messages))
    np.testing.assert_allclose(both, sum(alone) / 2, atol=1e-6)
    assert not np.allclose(alone[0], alone[1], atol=1e-3)


def test_members_of_a_direction_differ_and_are_averaged() -> None:
    fitted = prepared(with_settings(ALONE, directions=("forward",), n_members=2))
    fitted.fit(DATA.messages, DATA.labels, DATA.unlabelled)
    together = fitted.predict_proba(DATA.messages)
    alone = []
    for member in fitted.part_.graphs["forward"]:
        fitted.part_ = PooledLstm(fitted.part_.tokenizer, {"forward": [member]}, MAX_TOKENS, 3)
        alone.append(fitted.predict_proba(DATA.messages))
    assert len(alone) == 2
    np.testing.assert_allclose(together, sum(alone) / 2, atol=1e-6)
    assert not np.allclose(alone[0], alone[1], atol=1e-3)


def test_messages_that_were_not_prepared_are_learned_from_all_the_same() -> None:
    candidate = prepared()
    more = [*DATA.messages, Message("хочу ипотеку")]
    assert candidate.fit(more, [*DATA.labels, "Ипотека"], []).labels_[2] == "Ипотека"


def test_the_settings_of_the_workspace_reach_the_manifest() -> None:
    context = with_settings(ALONE, loss="focal", sharpness=1.0)
    described = (fitted := prepared(context).fit(DATA.messages, DATA.labels, DATA.unlabelled)).describe()
    assert (described["loss"], described["sharpness"], described["language_model"]) == ("focal", 1.0, "none")
    assert described["teacher"] == fitted.teacher_.weights_


def test_it_tells_how_far_a_fit_has_come() -> None:
    told: list[Stage] = []
    candidate = prepared(replace(ALONE, report=told.append))
    told.clear()
    candidate.fit(DATA.messages, DATA.labels, DATA.unlabelled)
    names = {f"{direction} classifier{place}" for direction in ("forward", "backward") for place in ("", " 2")}
    assert {stage.what for stage in told} == names
    for what in names:
        assert [stage.done for stage in told if stage.what == what] == list(range(1, told[-1].total + 1))


def test_odd_messages_and_labels_are_learned_from() -> None:
    odd = [
        Message(""),
        Message("", "lead"),
        Message("<PHONE> <CARD>"),
        Message("а" * 100_000),
        Message("..."),
        Message("одно и то же", "lead"),
        Message("одно и то же", "customer"),
        Message("Одно и то же"),
    ]
    messages, labels = [*DATA.messages, *odd], [*DATA.labels, "10", "9", "9", "9", "-", "Ё", "ё", "Е"]
    fitted = prepared(messages=messages).fit(messages, labels, [])
    assert fitted.labels_ == sorted(set(labels))
    np.testing.assert_allclose(fitted.predict_proba(odd).sum(axis=1), 1, atol=1e-5)


def test_without_any_word_it_learns_what_there_is() -> None:
    messages = [Message("." * n, segment) for n in range(1, 8) for segment in ("lead", "customer")]
    fitted = prepared(messages=messages).fit(messages, ["a", "b"] * 7, [])
    assert fitted.labels_ == ["a", "b"]


@pytest.mark.parametrize("package", ["torch", "fastai", "onnx", "safetensors"])
def test_a_package_that_is_missing_is_named_with_its_command(monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    ours = ("firstline.training.candidates.ulmfit", "firstline.language_models")
    for name in sorted((name for name in sys.modules if name.startswith(ours)), reverse=True):
        parent, _, module = name.rpartition(".")
        # So that it is put back: the import that follows replaces it.
        monkeypatch.setattr(sys.modules[parent], module, sys.modules[name], raising=False)
        monkeypatch.delitem(sys.modules, name)
    for name in [name for name in sys.modules if name.startswith(f"{package}.")]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ExtraMissing) as raised:
        find_candidate("ulmfit.v1")
    assert raised.value.next_step == install_hint("'firstline[train]'")


def test_the_same_training_gives_the_same_with_language_models_of_just_now_and_of_before(tmp_path: Path) -> None:
    context = replace(ALONE, folder=tmp_path)
    now, later = (prepared(context).fit(DATA.messages, DATA.labels, DATA.unlabelled) for _ in range(2))
    np.testing.assert_array_equal(now.predict_proba(DATA.unlabelled), later.predict_proba(DATA.unlabelled))


def test_it_starts_from_the_language_models_that_are_kept(tmp_path: Path) -> None:
    messages = [*DATA.messages, *DATA.unlabelled]
    context = replace(ALONE, folder=tmp_path)
    assert Ulmfit.starts_from(context) == ""
    run_to_end(Ulmfit.prepare(context, messages))
    first = Ulmfit.starts_from(context)
    assert first == Ulmfit.starts_from(context) != ""
    run_to_end(gather(replace(context, seed=9), messages, is_forced=True))
    assert Ulmfit.starts_from(context) != first


@pytest.mark.parametrize("is_tuned", [True, False])
def test_an_encoder_that_can_be_is_fine_tuned_as_an_expert(
    is_tuned: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[int] = []

    def answers(expert: FineTuned, messages: list[Message]) -> NDArray[np.float32]:
        asked.append(len(messages))
        return np.full((len(messages), 3), 1 / 3, np.float32)

    monkeypatch.setattr(FineTuned, "answers", answers)
    plain = replace(ALONE, folder=tmp_path, chosen={**ALONE.chosen, "encoder.v1": {"n_epochs": 2}})
    context = with_settings(plain, encoder=str(small_encoder()), directions=("forward",), tuned_encoder=is_tuned)
    fitted = prepared(context).fit(DATA.messages, DATA.labels, DATA.unlabelled)
    assert asked == ([len(DATA.unlabelled)] if is_tuned else [])
    teacher = fitted.describe()["teacher"]
    assert isinstance(teacher, dict)
    assert ("expert" in teacher) is is_tuned
    if is_tuned:
        assert teacher["expert"]["n_epochs"] == 2


def test_how_the_expert_is_set_keeps_folds_apart(tmp_path: Path) -> None:
    plain = replace(ALONE, folder=tmp_path)
    changed = replace(plain, chosen={**plain.chosen, "encoder.v1": {"n_epochs": 2}})
    assert Ulmfit.starts_from(plain) != Ulmfit.starts_from(changed)
    without = with_settings(changed, tuned_encoder=False)
    assert Ulmfit.starts_from(without) == Ulmfit.starts_from(plain)
