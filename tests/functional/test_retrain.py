"""`firstline retrain` and what looks after champions, by commands."""

import json
import shutil
from pathlib import Path

import pytest

from firstline.bundle.registry import champion_id
from firstline.retraining import retrain as module
from firstline.retraining.gates import Gate
from tests.commands import Run
from tests.examples import examples

NEW_CLASS = [f"как взять ипотеку на {what}" for what in ("квартиру", "дом", "участок", "гараж", "студию", "дачу")]


@pytest.fixture
def place(trained: Path, tmp_path: Path) -> Path:
    """A workspace of one's own with a champion, whose training compares `linear.v1` alone."""
    folder = Path(shutil.copytree(trained, tmp_path / "bank"))
    settings = folder / "firstline.toml"
    text = settings.read_text("utf-8").replace('candidates = ["auto"]', 'candidates = ["linear.v1"]\nfolds = 3')
    settings.write_text(text, "utf-8")
    return folder


def of_class(label: str) -> list[str]:
    """The demo messages of a class."""
    found = examples()
    return [message.text for message, given in zip(found.messages, found.labels, strict=True) if given == label]


def add(firstline: Run, place: Path, rows: list[tuple[str, str]]) -> None:
    file = place / "new.csv"
    file.write_text("text,label\n" + "".join(f"{text},{label}\n" for text, label in rows), "utf-8")
    assert firstline("import", file, "-w", place).returncode == 0


def test_with_nothing_new_the_champion_comes_out_again(firstline: Run, place: Path) -> None:
    done = firstline("retrain", "-w", place)
    assert done.returncode == 0, done.stderr
    assert "is the champion and came out again: nothing that it learns from has changed." in done.stdout
    assert not (place / "models" / "promotions.jsonl").read_text("utf-8").count("\n") > 1


def test_a_new_class_goes_from_labels_to_the_champion(firstline: Run, place: Path) -> None:
    before = champion_id(place / "models")
    add(firstline, place, [(text, "Ипотека") for text in NEW_CLASS])
    done = firstline("retrain", "--json", "-w", place)
    found = json.loads(done.stdout)
    assert (done.returncode, found["promoted"], found["champion"]) == (0, True, before)
    assert found["reason"] == "every gate let it pass"
    assert "Ипотека" in Path(found["report"]).read_text("utf-8")
    assert {gate["gate"] for gate in found["gates"]} >= {"self_check", "macro_f1", "classes", "new_labels"}
    assert champion_id(place / "models") == found["challenger"]
    asked = place / "asked.csv"
    asked.write_text("text\nхочу ипотеку на дом\n", "utf-8")
    firstline("classify", asked, "--out", place / "out.csv", "-w", place)
    assert "Ипотека" in (place / "out.csv").read_text("utf-8")
    history = firstline("models", "history", "-w", place).stdout
    assert "retrain: every gate let it pass" in history
    assert "train: there was no champion" in history


def test_what_fails_a_gate_leaves_the_champion(firstline: Run, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = champion_id(place / "models")
    add(firstline, place, [(text, "Ипотека") for text in NEW_CLASS])
    failed = Gate("macro_f1", False, -0.1, 0.0, "macro-F1 is lower")
    monkeypatch.setattr(module, "gates", lambda *_: [failed])
    done = firstline("retrain", "-w", place)
    assert done.returncode == 3
    assert f"The champion stays {before}: macro-F1 is lower." in " ".join(done.stdout.split())
    assert "models promote linear.v1-" in done.stdout
    assert champion_id(place / "models") == before
    never = firstline("retrain", "--promote", "never", "-w", place)
    assert never.returncode == 3
    always = firstline("retrain", "--promote", "always", "-w", place)
    assert always.returncode == 0
    assert "asked for, although macro-F1 is lower" in always.stdout
    assert champion_id(place / "models") != before


def test_a_report_that_cannot_be_written_costs_no_model(firstline: Run, place: Path) -> None:
    (place / "reports").write_text("")
    add(firstline, place, [(text, "Ипотека") for text in NEW_CLASS])
    done = firstline("retrain", "-w", place)
    assert done.returncode == 0, done.stderr
    assert "no report: " in done.stderr


def test_without_a_champion_the_first_model_becomes_it(firstline: Run, bank: Path) -> None:
    settings = bank / "firstline.toml"
    settings.write_text(
        settings.read_text("utf-8").replace('candidates = ["auto"]', 'candidates = ["linear.v1"]'), "utf-8"
    )
    done = firstline("retrain", "-w", bank)
    assert done.returncode == 0, done.stderr
    assert "is the champion: there was no champion." in done.stdout


def test_a_champion_whose_run_is_gone_cannot_be_compared(firstline: Run, place: Path) -> None:
    shutil.rmtree(place / "runs")
    add(firstline, place, [(text, "Ипотека") for text in NEW_CLASS])
    done = firstline("retrain", "--json", "-w", place)
    found = json.loads(done.stdout)
    assert done.returncode == 3
    assert [gate["gate"] for gate in found["gates"] if not gate["passed"]] == ["comparison"]
    assert "to held-out messages are not known" in found["reason"]


def test_a_champion_can_be_compared_again_after_its_run_has_made_a_challenger(firstline: Run, bank: Path) -> None:
    settings = bank / "firstline.toml"
    settings.write_text(
        settings.read_text("utf-8").replace('candidates = ["auto"]', 'candidates = ["linear.v1"]\nfolds = 3'), "utf-8"
    )
    assert firstline("train", "--candidates", "forest.v1", "-w", bank).returncode == 0
    found = [json.loads(firstline("retrain", "--promote", "never", "--json", "-w", bank).stdout) for _ in range(2)]
    assert found[0]["challenger"].startswith("linear.v1")
    assert len(list((bank / "runs").iterdir())) == 1
    assert found[1] == found[0]
    assert "macro_f1" in {gate["gate"] for gate in found[1]["gates"]}


def test_a_rollback_is_recorded_and_can_be_told_why(firstline: Run, place: Path) -> None:
    before = champion_id(place / "models")
    add(firstline, place, [(text, "Ипотека") for text in NEW_CLASS])
    firstline("retrain", "-w", place)
    done = firstline("models", "rollback", "--why", "too many mortgages", "-w", place)
    assert done.returncode == 0, done.stderr
    assert f"{before} is the champion again" in done.stdout
    newest = json.loads(firstline("models", "history", "--json", "-w", place).stdout)[0]
    assert (newest["model"], newest["why"], newest["is_rollback"]) == (before, "too many mortgages", True)
    again = firstline("models", "rollback", "-w", place)
    assert again.returncode == 1
    assert "No earlier champion is left" in again.stderr


def test_the_very_model_that_was_rolled_back_from_is_not_promoted_again(firstline: Run, place: Path) -> None:
    add(firstline, place, [(text, "Ипотека") for text in NEW_CLASS])
    firstline("retrain", "-w", place)
    firstline("models", "rollback", "--why", "too many mortgages", "-w", place)
    done = firstline("retrain", "-w", place)
    assert done.returncode == 3
    assert "rolled back from this very model (too many mortgages)" in " ".join(done.stdout.split())
    assert firstline("retrain", "--promote", "always", "-w", place).returncode == 0


def test_a_model_that_a_person_replaced_is_not_promoted_again(firstline: Run, place: Path) -> None:
    before = champion_id(place / "models")
    add(firstline, place, [(text, "Ипотека") for text in NEW_CLASS])
    firstline("retrain", "-w", place)
    firstline("models", "promote", before, "--why", "until Monday", "-w", place)
    done = firstline("retrain", "-w", place)
    assert done.returncode == 3
    said = " ".join(done.stdout.split())
    assert f"put {before} in the place of this very model (until Monday)" in said


def test_a_fall_in_what_is_routed_is_pointed_out(firstline: Run, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add(firstline, place, [(text, "Ипотека") for text in NEW_CLASS])
    shares = iter((0.2, 0.6) * 2)
    monkeypatch.setattr(module, "routed_share", lambda _: next(shares))
    done = firstline("retrain", "--promote", "always", "-w", place)
    assert "Look at this: it routes 20 % of all messages by itself, the champion 60 %." in done.stderr


def test_a_renamed_class_overlaps_nothing(firstline: Run, place: Path) -> None:
    firstline("classes", "rename", "Перевод", "Переводы", "-w", place)
    listed = firstline("classes", "-w", place)
    assert "overlaps" not in listed.stderr
    assert "Переводы" in listed.stdout
    add(firstline, place, [("перевод так и не пришёл", "Перевод")])


def test_a_class_that_lost_its_labels_keeps_the_champion(firstline: Run, place: Path) -> None:
    file = place / "gone.csv"
    found = examples()
    rows = [
        f'"{message.text}",{message.segment or ""},Перевод\n'
        for message, label in zip(found.messages, found.labels, strict=True)
        if label == "Вход"
    ]
    file.write_text("text,segment,label\n" + "".join(rows), "utf-8")
    assert firstline("import", file, "--relabel", "-w", place).returncode == 0
    done = firstline("retrain", "--json", "-w", place)
    assert done.returncode == 3
    failed = [gate["gate"] for gate in json.loads(done.stdout)["gates"] if not gate["passed"]]
    assert failed in (["classes_lost"], ["comparison"])


def test_two_classes_that_were_exchanged_keep_the_champion(firstline: Run, place: Path) -> None:
    other = {"Вход": "Перевод", "Перевод": "Вход"}
    found = examples()
    rows = [
        f'"{message.text}",{message.segment or ""},{other[label]}\n'
        for message, label in zip(found.messages, found.labels, strict=True)
        if label in other
    ]
    file = place / "exchanged.csv"
    file.write_text("text,segment,label\n" + "".join(rows), "utf-8")
    assert firstline("import", file, "--relabel", "-w", place).returncode == 0
    done = firstline("retrain", "--json", "-w", place)
    assert done.returncode == 3
    assert "changed_labels" in [gate["gate"] for gate in json.loads(done.stdout)["gates"] if not gate["passed"]]


@pytest.mark.parametrize(
    "changes",
    [[("retire", "Вход", "--yes"), ("rename", "Перевод", "Переводы")], [("merge", "Вход", "Перевод", "--yes")]],
    ids=["retired and renamed", "merged"],
)
def test_classes_that_the_team_changes_need_no_consent(
    firstline: Run, place: Path, changes: list[tuple[str, ...]]
) -> None:
    for change in changes:
        assert firstline("classes", *change, "-w", place).returncode == 0
    done = firstline("retrain", "--json", "-w", place)
    found = json.loads(done.stdout)
    assert (done.returncode, found["promoted"], found["new_classes"]) == (0, True, []), found["reason"]


def test_an_import_with_a_former_name_says_so(firstline: Run, place: Path) -> None:
    firstline("classes", "rename", "Перевод", "Переводы", "-w", place)
    firstline("classes", "retire", "Вход", "--yes", "-w", place)
    assert "once Перевод" in firstline("classes", "-w", place).stdout
    file = place / "new.csv"
    file.write_text("text,label\nперевод так и не пришёл,Перевод\nвойти не получается,Вход\n", "utf-8")
    said = firstline("import", file, "-w", place).stdout
    assert "'Перевод' is called 'Переводы' now, and counts as that" in said
    assert "1 retired class, whose labels are stored but not learned: Вход" in said


def test_a_new_class_is_reported_on_its_own_and_its_suspects_are_listed(firstline: Run, place: Path) -> None:
    add(firstline, place, [(text, "Ипотека") for text in NEW_CLASS])
    done = firstline("retrain", "--promote", "always", "-w", place)
    assert f"New: 'Ипотека', {len(NEW_CLASS)} labels: F1 " in done.stdout
    found = firstline("suspects", "--suggested", "Ипотека", "--json", "-w", place)
    assert {one["suggested_label"] for one in json.loads(found.stdout)["suspects"]} <= {"Ипотека"}
    unknown = firstline("suspects", "--suggested", "Нет", "-w", place)
    assert (unknown.returncode, "does not know the class 'Нет'" in unknown.stderr) == (2, True)


def test_a_new_class_that_overlaps_an_old_one_is_pointed_out_at_import(firstline: Run, place: Path) -> None:
    texts = of_class("Перевод")
    file = place / "new.csv"
    file.write_text("text,label\n" + "".join(f'"{text} срочно",Платежи\n' for text in texts), "utf-8")
    done = firstline("import", file, "-w", place)
    assert "'Платежи' overlaps 'Перевод': the champion takes" in done.stderr


def test_messages_drawn_at_random_measure_the_champion_before_they_are_learned(firstline: Run, place: Path) -> None:
    before = champion_id(place / "models")
    rows = [("не могу войти, пароль не подходит", "Вход"), ("банкомат не выдал купюры", "Банкомат")]
    drawn = place / "drawn.csv"
    drawn.write_text(
        "text,label\n" + "".join(f'"{text}",{label}\n' for text, label in rows) + '"перевод",Вход\n', "utf-8"
    )
    said = firstline("import", drawn, "--random", "-w", place).stdout
    assert "3 of messages drawn at random: they measure the champion when it is trained again" in said
    assert "Next: firstline retrain" in said
    done = firstline("retrain", "--promote", "always", "-w", place)
    assert "the champion answered 2 of 3 messages right that were drawn at random" in done.stderr
    history = json.loads(firstline("models", "history", "--json", "-w", place).stdout)
    by_model = {one["model"]: one["measured"] for one in history}
    assert by_model[before]["n_messages"] == 3
    assert by_model[before]["accuracy"] == pytest.approx(2 / 3)
    assert by_model[champion_id(place / "models")] is None
    # They are learned now, so they are not asked again.
    again = firstline("retrain", "-w", place)
    assert "drawn at random" not in again.stderr
    assert "accuracy" in firstline("models", "history", "-w", place).stdout


def test_random_labels_are_labels(firstline: Run, place: Path) -> None:
    file = place / "texts.csv"
    file.write_text("text\nкак дела\n", "utf-8")
    done = firstline("import", file, "--random", "-w", place)
    assert (done.returncode, "--random needs a column with labels" in done.stderr) == (1, True)


def test_old_models_are_deleted(firstline: Run, place: Path) -> None:
    for number in range(3):
        add(firstline, place, [(f"{examples().messages[0].text} {number}", "Банкомат")])
        assert firstline("retrain", "--promote", "always", "-w", place).returncode == 0
    shown = firstline("models", "prune", "--keep", "1", "-w", place)
    assert shown.returncode == 0
    assert "2 models deleted: linear.v1-" in shown.stdout
    assert len(json.loads(firstline("models", "--json", "-w", place).stdout)) == 2
