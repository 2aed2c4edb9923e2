"""Training: messages of none of the classes."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from firstline.bundle.predictor import Predictor
from firstline.errors import (
    LabelsTooFew,
)
from firstline.steps import Note
from firstline.store.messages import StoredMessage
from firstline.training.provenance import fingerprint
from firstline.training.runs import runs_that_read
from firstline.types import NONE, Message
from tests.examples import examples, with_outsiders
from tests.trainings import Counted, kept_folds, run


def test_outsiders_are_learned_and_no_class_of_the_model(tmp_path: Path) -> None:
    data = with_outsiders()
    events, report = run(tmp_path, data)
    assert Note("8 labelled messages are of none of the classes, and learned as such") in events
    model = report.model
    assert (model.labels, model.none) == (("Банкомат", "Вход", "Перевод"), True)
    assert model.training is not None
    assert (model.training.n_messages, model.training.data_fingerprint) == (
        len(data.messages),
        fingerprint(*data.learned, data.unlabelled),
    )
    assert report.results[0].figures.n_messages == len(data.messages)
    assert NONE not in report.results[0].figures.per_class
    predictor = Predictor.load(tmp_path / model.id)
    assert {one.label for found in predictor.predict(data.none) for one in found.ranking} == set(model.labels)


def test_decisions_rest_on_held_out_outsiders_too(tmp_path: Path) -> None:
    data = with_outsiders()
    _, report = run(tmp_path, data)
    record = Predictor.load(tmp_path / report.model.id).decider.record
    assert record is not None
    assert (record.n_messages, record.is_none.sum()) == (len(data.labels) + 8, 8)
    assert record.right[~record.is_none].mean() == pytest.approx(report.results[0].figures.accuracy)


def test_a_run_says_that_it_read_outsiders(tmp_path: Path) -> None:
    data = with_outsiders()
    _, report = run(tmp_path / "a", data)
    keys = [StoredMessage(message.text).key for message in data.none]
    assert runs_that_read(tmp_path / "a-runs", keys) == {report.run: 8}


def test_other_outsiders_begin_another_run(tmp_path: Path, counted: type[Counted]) -> None:
    models, data = tmp_path / "models", with_outsiders()
    reports = [
        run(models, one, candidates=("counted.v1",))[1]
        for one in (examples(), data, replace(data, none=data.none[1:]), data)
    ]
    assert len({report.run for report in reports}) == 3
    assert reports[1].run == reports[3].run
    # Three folds and the refit each, and for the last only the refit.
    assert counted.n_fits == 13
    assert reports[1].model.id == reports[3].model.id != reports[0].model.id


@pytest.mark.parametrize("what", ["none", "outsiders"])
def test_a_kept_fold_without_its_outsiders_is_trained_again(tmp_path: Path, counted: type[Counted], what: str) -> None:
    models = tmp_path / "models"
    run(models, with_outsiders(), candidates=("counted.v1",))
    file = kept_folds(models)[0]
    with np.load(file) as content:
        changed = {name: found for name, found in content.items() if name != what}
    np.savez(file, **changed)
    run(models, with_outsiders(), candidates=("counted.v1",))
    assert counted.n_fits == 6


def test_one_outsider_changes_nothing_but_a_note(tmp_path: Path) -> None:
    events, report = run(tmp_path / "a", replace(examples(), none=[Message("погода")]))
    assert Note("1 labelled message is of none of the classes, and left out: fewer than 5 teach nothing") in events
    assert report.model.id == run(tmp_path / "b")[1].model.id
    assert not report.model.none


def test_outsiders_and_one_class_are_not_enough(tmp_path: Path) -> None:
    data = with_outsiders()
    with pytest.raises(LabelsTooFew, match="at least two classes"):
        run(tmp_path, replace(data, labels=["Банкомат"] * len(data.labels)))
