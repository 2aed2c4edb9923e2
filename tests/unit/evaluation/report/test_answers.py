from dataclasses import replace
from pathlib import Path

from firstline.evaluation.report.answers import held_out_of
from tests.reports import MODEL, answers


def test_the_newest_answers_of_the_model_are_found(tmp_path: Path) -> None:
    held_out, _ = answers()
    for run, model, novelty in (("1", MODEL, 0.1), ("2", MODEL, 0.2), ("3", "other", 0.3)):
        (tmp_path / run).mkdir()
        replace(held_out, model=model, novelty=held_out.novelty + novelty).save(tmp_path / run / "held_out.npz")
    found = held_out_of(tmp_path, MODEL)
    assert found is not None
    assert round(float(found.novelty[0]), 1) == 0.2


def test_there_may_be_none(tmp_path: Path) -> None:
    assert held_out_of(tmp_path / "runs", MODEL) is None
