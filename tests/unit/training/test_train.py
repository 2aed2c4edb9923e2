import errno
import shutil
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Self

import msgspec
import numpy as np
import pytest

from firstline.bundle.files import read_manifest
from firstline.bundle.manifest import FILE_NAME, Manifest, Measured
from firstline.bundle.predictor import Predictor
from firstline.bundle.registry import champion_id, list_models
from firstline.bundle.self_check import VERSION
from firstline.errors import (
    CandidateUnknown,
    ExtraMissing,
    FileUnwritable,
    LabelsTooFew,
    RunUnwritable,
    TrainingError,
    install_hint,
)
from firstline.evaluation.serving_cost import ServingCost
from firstline.settings import MaskPattern, Settings
from firstline.settings.model import MaskingSettings
from firstline.steps import Note, Step, run_to_end
from firstline.store.messages import Labelled
from firstline.training import candidates as candidates_module
from firstline.training.candidates.base import Context
from firstline.training.candidates.linear import Linear
from firstline.training.folds import Fold
from firstline.training.manifest import draft
from firstline.training.provenance import fingerprint
from firstline.training.request import TrainingRequest
from firstline.training.results import Result
from firstline.training.runs import list_runs
from firstline.training.saved_folds import SavedFolds
from firstline.training.train import train
from firstline.types import Label, Message
from tests.examples import examples
from tests.trainings import Counted, kept_folds, run


def test_first_model_is_champion(tmp_path: Path) -> None:
    _, report = run(tmp_path)
    assert report.is_champion
    assert champion_id(tmp_path) == report.model.id


@pytest.mark.parametrize(
    ("candidate", "is_fresh", "is_kept"),
    [("encoder.v1", False, True), ("encoder.v1", True, False), ("lsa.v1", True, True)],
)
def test_a_fresh_training_forgets_what_was_fine_tuned_by_those_who_use_it(
    tmp_path: Path, candidate: str, is_fresh: bool, is_kept: bool
) -> None:
    kept = tmp_path / "elsewhere" / "one"
    kept.mkdir(parents=True)
    (tmp_path / "language-models").mkdir()
    (tmp_path / "language-models" / "tuned").symlink_to(kept.parent)
    settings = Settings.model_validate({"encoder": {"name": "none"}})
    context = Context.of(settings, 0, tmp_path / "language-models")
    asked = TrainingRequest(("linear.v1", candidate), 3, 0, has_curve=False, is_fresh=is_fresh)
    run_to_end(train(examples(), settings, tmp_path / "models", tmp_path / "runs", asked, context))
    assert kept.exists() is is_kept


def test_champion_stays_when_another_model_comes(tmp_path: Path) -> None:
    _, first = run(tmp_path)
    data = examples()
    _, second = run(tmp_path, replace(data, labels=data.labels[::-1]))
    assert not second.is_champion
    assert champion_id(tmp_path) == first.model.id
    assert len(list_models(tmp_path)[0]) == 2


def test_best_by_macro_f1_is_kept(tmp_path: Path) -> None:
    events, report = run(tmp_path, candidates=("linear.v1", "forest.v1"))
    rows = [event for event in events if isinstance(event, Result)]
    assert [row.candidate for row in rows] == [row.candidate for row in report.results]
    assert report.model.candidate == max(rows, key=lambda row: row.figures.macro_f1).candidate


def test_a_candidate_named_twice_runs_once(tmp_path: Path) -> None:
    _, report = run(tmp_path, candidates=("linear.v1", "linear.v1"))
    assert len(report.results) == 1


def test_steps_count_to_the_total(tmp_path: Path) -> None:
    events, _ = run(tmp_path)
    steps = [event for event in events if isinstance(event, Step)]
    assert [step.done for step in steps] == [1, 2, 3, 4]
    assert {step.total for step in steps} == {4}


def test_same_data_and_seed_same_files(tmp_path: Path) -> None:
    reports = [run(tmp_path / name)[1] for name in ("one", "two")]
    assert reports[0].model.id == reports[1].model.id
    contents = [
        {
            str(path.relative_to(tmp_path / name)): path.read_bytes()
            for path in (tmp_path / name / report.model.id).rglob("*")
            if path.is_file() and path.name != FILE_NAME
        }
        for name, report in zip(("one", "two"), reports, strict=True)
    ]
    assert contents[0] == contents[1]
    one, two = (without_measured(tmp_path / name / reports[0].model.id) for name in ("one", "two"))
    assert one == two


def without_measured(folder: Path) -> Manifest:
    return msgspec.structs.replace(read_manifest(folder), measured=Measured(""))


def test_same_model_again_is_said_and_not_written_twice(tmp_path: Path) -> None:
    _, first = run(tmp_path)
    _, second = run(tmp_path)
    assert (first.is_new, second.is_new) == (True, False)
    assert len(list_models(tmp_path)[0]) == 1


def test_written_model_answers(tmp_path: Path) -> None:
    _, report = run(tmp_path)
    predictor = Predictor.load(tmp_path / report.model.id)
    assert predictor.predict([Message("банкомат съел карту", "customer")])[0].label == "Банкомат"


def test_written_model_checks_itself(tmp_path: Path) -> None:
    _, report = run(tmp_path)
    kept = report.model.self_check
    assert kept is not None
    assert (kept.sentences, {len(row) for row in kept.answers}) == (VERSION, {3})
    assert read_manifest(tmp_path / report.model.id).self_check == kept


def test_manifest_says_what_it_learned_from(tmp_path: Path) -> None:
    _, report = run(tmp_path)
    data = examples()
    assert report.model.labels == ("Банкомат", "Вход", "Перевод")
    assert report.model.segments == ("customer", "lead")
    learned = report.model.training
    assert learned is not None
    assert learned.n_messages == len(data.messages)
    assert learned.n_unlabelled == len(data.unlabelled)
    assert learned.data_fingerprint == fingerprint(data.messages, data.labels, data.unlabelled)


@pytest.mark.parametrize(("cut_quotes", "emails"), [(True, "emails.v1"), (False, "")])
def test_manifest_says_whether_emails_were_cut(cut_quotes: bool, emails: str) -> None:
    settings = Settings.model_validate({"emails": {"cut_quotes": cut_quotes}})
    data = examples()
    fitted = Linear(Context.of(settings, 0).rules).fit(data.messages, data.labels, [])
    assert draft("linear.v1", fitted, data, settings).emails == emails


def test_manifest_keeps_the_teams_patterns(tmp_path: Path) -> None:
    masking = MaskingSettings(patterns=(MaskPattern(kind="POLICY", pattern=r"ПОЛИС\d+"),))
    training = train(
        examples(),
        Settings(masking=masking),
        tmp_path / "models",
        tmp_path / "runs",
        TrainingRequest(["linear.v1"], 3, 0),
    )
    for _ in training:
        pass
    assert list_models(tmp_path / "models")[0][0].masks.patterns == (("POLICY", r"ПОЛИС\d+"),)


def test_disagreements_are_said(tmp_path: Path) -> None:
    events, _ = run(tmp_path, replace(examples(), n_disagreements=4))
    assert isinstance(events[0], Note)
    assert "4 messages with more than one label are left out" in events[0].text


def test_stopped_training_leaves_no_model(tmp_path: Path) -> None:
    training = train(
        examples(), Settings(), tmp_path / "models", tmp_path / "runs", TrainingRequest(["linear.v1"], 3, 0)
    )
    next(training)
    training.close()
    assert list_models(tmp_path / "models") == ([], [])


def test_unknown_candidate_is_refused_before_anything_runs(tmp_path: Path) -> None:
    with pytest.raises(CandidateUnknown, match=r"no candidate 'oracle\.v1'"):
        run(tmp_path, candidates=("linear.v1", "oracle.v1"))


def test_missing_extra_is_named_with_its_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "firstline.training.candidates.forest", raising=False)
    monkeypatch.setitem(sys.modules, "sklearn.ensemble", None)
    with pytest.raises(ExtraMissing) as caught:
        run(tmp_path, candidates=("forest.v1",))
    assert caught.value.next_step == install_hint("'firstline[train]'")


def test_a_library_that_is_not_installed_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firstline.training.manifest.LIBRARIES", ("numpy", "nowhere-to-be-found"))
    _, report = run(tmp_path)
    assert report.model.training is not None
    assert report.model.training.libraries.keys() == {"python", "numpy"}


def test_no_labels_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LabelsTooFew):
        run(tmp_path, Labelled([], [], [Message("а")], 0))


def test_fingerprint_changes_with_a_label() -> None:
    data = examples()
    other = ["Вход", *data.labels[1:]]
    assert fingerprint(data.messages, data.labels, []) != fingerprint(data.messages, other, [])


def test_classes_that_no_fold_learned_do_not_bend_the_calibration(tmp_path: Path) -> None:
    data = examples()
    lonely = [Message(f"единственное {word}") for word in ("лето", "море", "поле", "небо", "утро", "ветер")]
    more = replace(
        data, messages=[*data.messages, *lonely], labels=[*data.labels, *(f"Редкий {n}" for n in range(len(lonely)))]
    )
    _, alone = run(tmp_path / "a", data)
    _, together = run(tmp_path / "b", more)
    ratio = together.model.calibration.temperature / alone.model.calibration.temperature
    assert 0.5 < ratio < 2


@pytest.mark.parametrize(
    ("texts", "labels"),
    [
        (["один", "два", "три"], ["a", "a", "b"]),
        (["...", "...", "...", "...."], ["a", "b", "a", "b"]),
    ],
)
def test_data_too_thin_to_check_a_model_is_a_clear_error(tmp_path: Path, texts: list[str], labels: list[str]) -> None:
    with pytest.raises(LabelsTooFew):
        run(tmp_path, Labelled([Message(text) for text in texts], labels, [], 0))
    assert list_models(tmp_path) == ([], [])


def test_a_stopped_run_trains_only_what_is_missing(
    tmp_path: Path, counted: type[Counted], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Counted, "fails_in", 3)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "models", candidates=("counted.v1",))
    _, resumed = run(tmp_path / "models", candidates=("counted.v1",))
    # Two folds, the one that was stopped, then that one again and the refit.
    assert counted.n_fits == 5
    _, undisturbed = run(tmp_path / "others", candidates=("counted.v1",))
    assert resumed.model.id == undisturbed.model.id
    assert resumed.results[0].figures == undisturbed.results[0].figures


def test_another_candidate_joins_what_was_compared(tmp_path: Path, counted: type[Counted]) -> None:
    run(tmp_path, candidates=("counted.v1",))
    events, report = run(tmp_path, candidates=("counted.v1", "linear.v1"))
    assert counted.n_fits <= 5
    assert [row.candidate for row in report.results] == ["counted.v1", "linear.v1"]
    assert any(isinstance(event, Note) and "resumes run" in event.text for event in events)


def test_what_is_kept_is_prepared_once_it_is_needed(tmp_path: Path, counted: type[Counted]) -> None:
    asked = ("counted.v1", "linear.v1")
    _, first = run(tmp_path / "a", candidates=asked)
    counted.n_prepared = counted.n_fits = 0
    _, within = run(tmp_path / "a", candidates=asked, latency_ms=1_000)
    assert within.model.id == first.model.id
    is_best = first.model.candidate == "counted.v1"
    assert (counted.n_prepared, counted.n_fits) == (int(is_best), int(is_best))


def test_a_run_that_is_stopped_on_all_labels_is_not_finished(
    tmp_path: Path, counted: type[Counted], monkeypatch: pytest.MonkeyPatch
) -> None:
    run(tmp_path / "a", candidates=("counted.v1",))
    assert list_runs(tmp_path / "a-runs")[0].finished_at
    monkeypatch.setattr(counted, "fails_in", counted.n_fits + 1)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "a", candidates=("counted.v1",), latency_ms=1_000)
    assert not list_runs(tmp_path / "a-runs")[0].finished_at


@pytest.mark.parametrize(
    ("error", "reason"),
    [(MemoryError(), "Out of memory."), (ValueError("too much"), "ValueError in ")],
)
def test_what_fails_on_all_labels_makes_room_for_the_next_best(
    tmp_path: Path, counted: type[Counted], monkeypatch: pytest.MonkeyPatch, error: Exception, reason: str
) -> None:
    monkeypatch.setattr(counted, "error", error)
    monkeypatch.setattr(counted, "fails_in", 4)
    _, report = run(tmp_path, candidates=("counted.v1", "forest.v1"))
    assert report.model.candidate == "forest.v1"
    assert [row.candidate for row in report.results] == ["forest.v1"]
    (failed,) = report.skipped
    assert failed.reason.startswith(f"On all labels: {reason}")
    (card,) = list_runs(tmp_path.parent / f"{tmp_path.name}-runs")
    assert {row.candidate: row.problem for row in card.rows} == {"forest.v1": "", "counted.v1": failed.reason}
    counted.n_fits = 0
    with pytest.raises(type(error)):
        run(tmp_path / "alone", candidates=("counted.v1",))


def test_fresh_trains_everything_again(tmp_path: Path, counted: type[Counted]) -> None:
    run(tmp_path, candidates=("counted.v1",))
    run(tmp_path, candidates=("counted.v1",), is_fresh=True)
    assert counted.n_fits == 8


def test_repeats_draw_other_folds_and_are_counted(tmp_path: Path) -> None:
    events, report = run(tmp_path, repeats=2)
    assert [event.done for event in events if isinstance(event, Step)] == [1, 2, 3, 4, 5, 6, 7]
    assert report.model.metrics is not None
    assert report.model.metrics.method == "3-fold cross-validation, 2 times, seed 0"
    assert report.results[0].figures.n_messages == len(examples().labels)


class Failing(Linear):
    error: Exception = ValueError("the moon is wrong")

    def fit(self, messages: Sequence[Message], labels: Sequence[Label], unlabelled: Sequence[Message]) -> Self:
        raise self.error


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (MemoryError(), "Out of memory."),
        (LabelsTooFew("a class is too small."), "a class is too small."),
        (FileUnwritable("no room for vectors."), "no room for vectors."),
        (ValueError("the moon is wrong"), "ValueError in test_train.py, line "),
    ],
)
def test_a_candidate_that_fails_is_a_line_and_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, reason: str
) -> None:
    monkeypatch.setitem(candidates_module.CLASSES, "failing.v1", f"{__name__}:Failing")
    monkeypatch.setattr(Failing, "error", error)
    events, report = run(tmp_path, candidates=("failing.v1", "linear.v1"))
    (failed,) = report.skipped
    assert failed.candidate == "failing.v1"
    assert failed.reason.startswith(reason)
    assert failed in events
    assert report.model.candidate == "linear.v1"
    if "see " in reason:
        assert "the moon is wrong" in Path(failed.reason.split("see ")[1]).read_text("utf-8")


def test_no_room_for_the_run_ends_the_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save = SavedFolds.save_fold

    def fills_up(saved: SavedFolds, repeat: int, fold: Fold) -> None:
        if "linear.v1" not in saved.folder.name:
            raise RunUnwritable("no room")
        save(saved, repeat, fold)

    monkeypatch.setattr(SavedFolds, "save_fold", fills_up)
    with pytest.raises(RunUnwritable):
        run(tmp_path, candidates=("linear.v1", "lsa.v1"))


@pytest.mark.parametrize("least_labels", [0, 24])
def test_a_full_disk_ends_the_training_instead_of_leaving_it_to_a_lesser_candidate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, least_labels: int
) -> None:
    fit = Linear.fit

    def fills_up(
        self: Linear, messages: Sequence[Message], labels: Sequence[Label], *others: Sequence[Message]
    ) -> Linear:
        if len(labels) >= least_labels:  # In a fold, or on all labels.
            raise OSError(errno.ENOSPC, "No space left on device")
        return fit(self, messages, labels, *others)

    monkeypatch.setattr(Linear, "fit", fills_up)
    with pytest.raises(RunUnwritable, match="no space is left on the disk") as caught:
        run(tmp_path, candidates=("linear.v1", "lsa.v1"))
    assert "finished folds are reused" in caught.value.next_step


def test_the_best_within_the_latency_is_kept(tmp_path: Path) -> None:
    _, all_of_them = run(tmp_path / "a", candidates=("linear.v1", "forest.v1"))
    slowest = max(all_of_them.results, key=lambda row: row.latency_ms["p99"])
    fastest = min(all_of_them.results, key=lambda row: row.latency_ms["p99"])
    limit = (slowest.latency_ms["p99"] + fastest.latency_ms["p99"]) / 2
    _, within = run(tmp_path / "a", candidates=("linear.v1", "forest.v1"), latency_ms=limit)
    assert within.model.candidate == fastest.candidate
    with pytest.raises(TrainingError, match=r"No candidate answers within 0\.0001 ms"):
        run(tmp_path / "a", candidates=("linear.v1",), latency_ms=0.0001)
    (card,) = list_runs(tmp_path / "a-runs")
    assert card.model == within.model.id


def test_a_limit_that_the_table_shows_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cost = ServingCost({"p50": 1.0, "p99": 2.514}, 1)
    monkeypatch.setattr("firstline.training.compare.serving_cost", lambda folder, messages: cost)
    _, report = run(tmp_path, latency_ms=2.51)
    assert report.is_new


@pytest.mark.parametrize("is_lost", [True, False])
def test_a_fold_that_costs_are_measured_with_takes_time(tmp_path: Path, is_lost: bool) -> None:
    run(tmp_path / "a", candidates=("linear.v1", "forest.v1"))
    if is_lost:
        for file in tmp_path.glob("a-runs/*/forest.v1-*/cost.json"):
            file.unlink()
    _, report = run(tmp_path / "a", candidates=("linear.v1", "forest.v1"), minutes=1e-6)
    assert [failed.candidate for failed in report.skipped] == (["forest.v1"] if is_lost else [])


def test_differences_are_to_the_champions_kind(tmp_path: Path) -> None:
    _, first = run(tmp_path, candidates=("forest.v1",))
    assert first.reference == "forest.v1"
    _, second = run(tmp_path, candidates=("linear.v1", "forest.v1"))
    assert second.reference == "forest.v1"
    linear, forest = second.results
    assert forest.differences is None
    assert linear.differences is not None
    found = linear.differences["macro_f1"]
    assert found.value == pytest.approx(linear.figures.macro_f1 - forest.figures.macro_f1)
    assert found.low <= found.value <= found.high


@pytest.mark.parametrize("what", ["held_out", "probabilities", "learned"])
def test_a_kept_fold_that_does_not_fit_is_trained_again(tmp_path: Path, counted: type[Counted], what: str) -> None:
    models = tmp_path / "models"
    run(models, candidates=("counted.v1",))
    file = kept_folds(models)[0]
    with np.load(file) as content:
        changed = dict(content)
    changed[what] = {
        "held_out": changed["held_out"] + 1,
        "probabilities": np.full_like(changed["probabilities"], np.nan),
        "learned": changed["learned"][:1],
    }[what]
    np.savez(file, **changed)
    run(models, candidates=("counted.v1",))
    # Three folds and the refit, then one fold and the refit.
    assert counted.n_fits == 6


def test_a_later_failure_does_not_hide_earlier_figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(tmp_path / "models", candidates=("linear.v1", "lsa.v1"))

    def broken(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("firstline.training.candidates.lsa.Lsa.fit", broken)
    run(tmp_path / "models", candidates=("lsa.v1", "linear.v1"), repeats=2)
    (card,) = list_runs(tmp_path / "models-runs")
    assert all(row.macro_f1 is not None and not row.problem for row in card.rows)


def test_other_code_begins_another_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(tmp_path / "models")
    monkeypatch.setattr("firstline.training.runs.code_digest", lambda: "other")
    run(tmp_path / "models")
    assert len(list_runs(tmp_path / "models-runs")) == 2


def test_the_highest_seed_has_repeats(tmp_path: Path) -> None:
    training = train(
        examples(),
        Settings(),
        tmp_path / "m",
        tmp_path / "r",
        TrainingRequest(["linear.v1"], 3, 2**32 - 1, repeats=2, has_curve=False),
    )
    for _ in training:
        pass
    assert len(list_models(tmp_path / "m")[0]) == 1


def test_a_champion_that_is_gone_makes_room(tmp_path: Path) -> None:
    _, first = run(tmp_path)
    shutil.rmtree(tmp_path / first.model.id)
    data = examples()
    events, second = run(tmp_path, replace(data, labels=data.labels[::-1]))
    assert second.is_champion
    assert champion_id(tmp_path) == second.model.id
    assert any(isinstance(event, Note) and "no longer exists" in event.text for event in events)


def test_the_model_holds_the_answers_of_the_folds(tmp_path: Path) -> None:
    data = examples()
    _, report = run(tmp_path, data)
    record = Predictor.load(tmp_path / report.model.id).decider.record
    assert record is not None
    assert record.n_messages == len(data.labels)
    assert record.right.mean() == pytest.approx(report.results[0].figures.accuracy)
