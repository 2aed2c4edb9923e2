"""`firstline decide`, and what follows from a promise, in a workspace with a model made by hand."""

import csv
import json
from pathlib import Path

import pytest

from firstline.bundle.answer_record import AnswerRecord
from firstline.bundle.promise import Promise, read_promise
from firstline.bundle.registry import promote
from tests.bundles import RECORD, hand_made_record, make_bundle
from tests.commands import Done, run_here


@pytest.fixture
def bank(tmp_path: Path) -> Path:
    return workspace(tmp_path / "bank", RECORD)


def workspace(folder: Path, record: AnswerRecord | None) -> Path:
    assert run_here("init", folder).returncode == 0
    promote(folder / "models", make_bundle(folder / "models", record=record).id)
    return folder


def decide(place: Path, *arguments: object) -> Done:
    return run_here("decide", "-w", place, *arguments)


def classified(place: Path, *texts: str) -> list[tuple[str, str]]:
    file = place / "in.csv"
    file.write_text("text\n" + "".join(f"{text}\n" for text in texts), "utf-8")
    assert run_here("classify", file, "--out", place / "out.csv", "-w", place).returncode == 0
    with (place / "out.csv").open(encoding="utf-8-sig", newline="") as opened:
        return [(row["predicted_decision"], row["predicted_reason"]) for row in csv.DictReader(opened)]


def test_without_options_it_shows_the_curve(bank: Path) -> None:
    done = decide(bank)
    assert done.returncode == 0
    assert "62 labelled messages that it had not learned" in done.stdout
    assert "80 %" in done.stdout
    assert "32 (6 to 101)" in done.stdout
    assert "out of reach" in done.stdout


def test_a_promise_in_words(bank: Path) -> None:
    told = decide(bank, "--precision", "0.9").stdout
    assert "of 1,000 messages 1,000 go by themselves, about 32 of them wrongly (6 to 101); 0 go to people" in told


def test_showing_sets_nothing(bank: Path) -> None:
    decide(bank)
    assert not (bank / "models" / "promise.json").exists()


def test_a_promise_is_set_and_the_answers_follow(bank: Path) -> None:
    assert classified(bank, "карта карта") == [("review", "promise_out_of_reach")]

    done = decide(bank, "--precision", "0.9")

    assert done.returncode == 0
    assert "Asked for from now on: 90 % precision" in done.stdout
    assert read_promise(bank / "models") == Promise(precision=0.9)
    assert classified(bank, "карта карта", "слова") == [("route", "confident"), ("unknown", "no_known_words")]


def test_a_promise_that_the_data_cannot_keep_is_said(bank: Path) -> None:
    done = decide(bank, "--precision", "99.5")
    assert done.returncode == 0
    assert "The labelled messages cannot keep 99.5 % precision, so nothing is routed" in done.stdout


def test_the_highest_promise_that_can_be_kept_is_suggested(bank: Path) -> None:
    decide(bank, "--precision", "99.5")
    curve = json.loads(decide(bank, "--json").stdout)["curve"]
    kept = max(one["promise"]["precision"] for one in curve if not one["is_out_of_reach"])
    assert f"decide --precision {kept:g} " in decide(bank).stdout


def test_a_share_for_review(bank: Path) -> None:
    assert "at most 20 % review" in decide(bank, "--review", "20%").stdout
    assert read_promise(bank / "models") == Promise(review=0.2)


@pytest.mark.parametrize("given", ["0.95", ".95", "0,95", "95", "95%", " 95 %"])
def test_a_share_may_be_a_percentage(bank: Path, given: str) -> None:
    assert decide(bank, "--precision", given).returncode == 0
    assert read_promise(bank / "models").precision == pytest.approx(0.95)


@pytest.mark.parametrize("given", ["0", "1", "100", "nan", "inf", "-0.5", "-5", "x", ""])
def test_what_is_no_share_is_refused(bank: Path, given: str) -> None:
    done = decide(bank, f"--precision={given}")
    assert done.returncode == 2
    assert "needs a share between 0 and 1" in done.stderr
    assert not (bank / "models" / "promise.json").exists()


def test_one_promise_at_a_time(bank: Path) -> None:
    assert decide(bank, "--precision", "0.9", "--review", "0.2").returncode == 2


def test_as_json(bank: Path) -> None:
    found = json.loads(decide(bank, "--precision", "0.9", "--json").stdout)
    assert found["promise"] == {"precision": 0.9}
    assert (found["is_changed"], found["is_out_of_reach"]) == (True, False)
    assert found["threshold"] == pytest.approx(0.7)
    assert found["outlook"]["routed"] == 1_000
    assert [one["promise"]["precision"] for one in found["curve"]] == [0.8, 0.85, 0.9, 0.95, 0.98, 0.99]


def test_a_model_from_before_decisions_is_named(tmp_path: Path) -> None:
    place = workspace(tmp_path / "old", None)
    done = decide(place, "--precision", "0.9")
    assert done.returncode == 0
    assert "it has no held-out answers to decide by" in done.stdout
    assert json.loads(decide(place, "--json").stdout)["outlook"] is None
    assert classified(place, "карта карта") == [("review", "no_thresholds")]


def test_a_class_of_the_settings_always_goes_to_people(bank: Path) -> None:
    file = bank / "firstline.toml"
    file.write_text(file.read_text("utf-8").replace("always_review = []", 'always_review = ["Карта"]'), "utf-8")
    assert "Always to people: Карта" in decide(bank, "--precision", "0.8").stdout
    assert classified(bank, "карта карта") == [("review", "always_review")]


def test_a_damaged_promise_stops_with_its_file(bank: Path) -> None:
    (bank / "models" / "promise.json").write_text("{", "utf-8")
    done = decide(bank)
    assert done.returncode == 1
    assert "promise.json cannot be read" in done.stderr


def test_a_damaged_promise_is_mended_by_a_new_one(bank: Path) -> None:
    (bank / "models" / "promise.json").write_text("{", "utf-8")
    assert decide(bank, "--precision", "0.9").returncode == 0
    assert read_promise(bank / "models") == Promise(precision=0.9)


def evaluated(place: Path, content: str, *arguments: object) -> dict[str, object]:
    file = place / "test.csv"
    file.write_text(content, "utf-8")
    done = run_here("evaluate", file, "-w", place, "--json", "-", *arguments)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def test_evaluate_says_what_is_routed_and_how_much_of_it_rightly(bank: Path) -> None:
    decide(bank, "--precision", "0.9")
    found = evaluated(bank, "text,label\nкарта карта,Карта\nкарта карта,Перевод\nслова,Карта\nслова,Перевод\n")
    assert found["decisions"] == {"route": 2, "review": 0, "unknown": 2}
    assert (found["coverage"], found["routed_precision"]) == (0.5, 0.5)
    assert found["routed_precision_promised"] == [0.5, 1.0]
    assert {"label": "Перевод", "predicted": "Карта", "n": 1} in found["confusion"]  # type: ignore[operator]
    assert (found["n_unknown"], found["unknown_recall"]) == (0, None)


def test_evaluate_reads_a_file_of_none_of_the_classes(bank: Path) -> None:
    decide(bank, "--precision", "0.9")
    (bank / "unknown.csv").write_text("текст\nкарта карта\nслова\n", "utf-8")
    found = evaluated(bank, "text,label\nкарта,Карта\n", "--unknown", bank / "unknown.csv")
    assert (found["n_messages"], found["n_unknown"]) == (1, 2)
    assert (found["unknown_recall"], found["unknown_routed"], found["unknown_auroc"]) == (0.5, 0.5, None)


def test_rows_of_none_of_the_classes_in_the_labelled_file_count_as_unknown(bank: Path) -> None:
    decide(bank, "--precision", "0.9")
    file = bank / "firstline.toml"
    file.write_text(file.read_text("utf-8").replace("\nnone = []", '\nnone = ["Прочее"]'), "utf-8")
    found = evaluated(bank, "text,label\nкарта карта,Карта\nкарта карта,Прочее\n")
    assert (found["n_messages"], found["n_unknown"], found["unknown_routed"]) == (1, 1, 1)
    assert found["routed_precision"] == 0.5


def test_evaluate_says_that_a_promise_is_out_of_reach(tmp_path: Path) -> None:
    place = workspace(tmp_path / "bank", hand_made_record(30, 30))
    (place / "test.csv").write_text("text,label\nкарта,Карта\n", "utf-8")
    done = run_here("evaluate", place / "test.csv", "-w", place)
    assert "route 0 %, review 100 %" in done.stdout
    assert "cannot keep 95 % precision" in done.stdout


def test_evaluate_says_how_far_confidence_is_from_accuracy(bank: Path) -> None:
    found = evaluated(bank, "text,label\nкарта карта,Карта\nкарта карта,Перевод\n")
    for figure in ("calibration_error", "brier"):
        low, high = found["intervals"][figure]  # type: ignore[index]
        assert 0 <= low <= found[figure] <= high <= 1
    assert found["brier"] == pytest.approx(0.47, abs=0.01)
