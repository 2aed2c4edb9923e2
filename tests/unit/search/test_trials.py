"""What a search keeps of its trials."""

from pathlib import Path

import pytest

from firstline.errors import FileUnwritable
from firstline.search.evaluating import Outcome
from firstline.search.evolution import Trial
from firstline.search.trials import FILE_NAME, Trials

TRIAL = Trial({"C": 30.0, "words_to": 2, "case_tokens": True, "kind": "a"}, Outcome(0.5, 3, 1.5, (0, 2, -1)))


def test_a_trial_is_found_again(tmp_path: Path) -> None:
    Trials(tmp_path / "new").keep(TRIAL)
    kept = Trials(tmp_path / "new")
    assert len(kept) == 1
    assert kept.find(dict(reversed(list(TRIAL.settings.items())))) == TRIAL.outcome
    assert kept.find({**TRIAL.settings, "C": 31.0}) is None


def test_true_is_not_1(tmp_path: Path) -> None:
    trials = Trials(tmp_path)
    trials.keep(Trial({"a": True}, TRIAL.outcome))
    assert Trials(tmp_path).find({"a": 1}) is None


def test_a_line_that_was_cut_off_is_forgotten_and_the_next_is_whole(tmp_path: Path) -> None:
    trials = Trials(tmp_path)
    trials.keep(TRIAL)
    other = Trial({"C": 1.0}, TRIAL.outcome)
    trials.keep(other)
    file = tmp_path / FILE_NAME
    file.write_bytes(file.read_bytes()[:-10])
    again = Trials(tmp_path)
    assert again.find(TRIAL.settings) == TRIAL.outcome
    assert again.find(other.settings) is None
    again.keep(other)
    assert len(Trials(tmp_path)) == 2


def test_damaged_bytes_are_forgotten(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"\xff\x00\n[]\n{}\n")
    assert len(Trials(tmp_path)) == 0


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FileUnwritable):
        Trials(tmp_path / "file" / "below").keep(TRIAL)
