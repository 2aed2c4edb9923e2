"""What `import` says and stores: the report, a rehearsal, taking an import back, what it asks for."""

import json
from pathlib import Path

import pytest

from tests.commands import Run


def test_import_reports_in_json(firstline: Run, tmp_path: Path) -> None:
    firstline("init", tmp_path / "w")
    (tmp_path / "a.csv").write_text("text,label\nкарта,Карта\nкарта,Перевод\n,Карта\n", "utf-8")
    report = json.loads(firstline("import", tmp_path / "a.csv", "-w", tmp_path / "w", "--json").stdout)[0]
    assert (report["n_new"], report["n_repeated"], report["n_rejected"], report["n_disagreements"]) == (1, 1, 1, 1)
    assert "disagreements" in firstline("status", "-w", tmp_path / "w").stdout
    shown = firstline("status", "-w", tmp_path / "w", "--disagreements").stdout
    assert "Карта | Перевод" in shown


def test_import_says_how_many_emails_it_cut(firstline: Run, tmp_path: Path) -> None:
    firstline("init", tmp_path / "w")
    (tmp_path / "a.csv").write_text('text\n"Где карта?\n\nОтправлено с iPhone"\nГде перевод?\n', "utf-8")
    done = firstline("import", tmp_path / "a.csv", "-w", tmp_path / "w")
    assert "quoted replies or a signature cut from 1 message" in done.stdout


def test_a_rehearsed_import_shows_masked_messages_and_stores_nothing(firstline: Run, tmp_path: Path) -> None:
    firstline("init", tmp_path / "w")
    (tmp_path / "a.csv").write_text("body,label\nзвоните +7 916 555-01-02,Звонок\n,Звонок\n", "utf-8")
    done = firstline("import", tmp_path / "a.csv", "--text", "body", "--dry-run", "-w", tmp_path / "w")
    assert done.returncode == 0, done.stderr
    assert "1 new message" in done.stdout
    assert "звоните <PHONE>" in done.stdout
    assert "Nothing was stored." in done.stdout
    status = json.loads(firstline("status", "--json", "-w", tmp_path / "w").stdout)
    assert (status["n_messages"], status["classes"]) == (0, {})
    assert "text =" not in (tmp_path / "w" / "firstline.toml").read_text("utf-8")
    assert not list((tmp_path / "w" / "imports").iterdir())


def test_a_rehearsed_import_says_what_would_be(firstline: Run, tmp_path: Path) -> None:
    firstline("init", tmp_path)
    (tmp_path / "a.csv").write_text("text,label\nгде карта,Карта\nгде карта,Перевод\n", "utf-8")
    rehearsed = firstline("import", tmp_path / "a.csv", "--dry-run", "-w", tmp_path).stdout
    assert "2 with a label, 1 message would be newly labelled" in rehearsed
    assert "1 message would have more than one label in this workspace\n" in rehearsed
    stored = firstline("import", tmp_path / "a.csv", "-w", tmp_path).stdout
    assert "1 message newly labelled" in stored
    assert "1 message has more than one label in this workspace: firstline status --disagreements" in stored


def test_a_time_that_cannot_be_read_is_found_by_its_line(firstline: Run, tmp_path: Path) -> None:
    firstline("init", tmp_path)
    (tmp_path / "a.csv").write_text("text,date\nраз,2026-01-31\nдва,вчера\nтри,завтра\n", "utf-8")
    done = firstline("import", tmp_path / "a.csv", "-w", tmp_path)
    assert "2 with a time that could not be read, the first in line 3" in done.stdout


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ((), "answers of firstline classify; to import them as labels: --label predicted_label"),
        (("--label", "predicted_label"), "the other answers of firstline classify"),
    ],
)
def test_guesses_that_are_not_used_are_told_by_what_was_named(
    firstline: Run, tmp_path: Path, option: tuple[str, ...], said: str
) -> None:
    firstline("init", tmp_path)
    (tmp_path / "a.csv").write_text("text,predicted_label,predicted_note\nгде карта,Карта,\n", "utf-8")
    assert f"  unused columns: {said}\n" in firstline("import", tmp_path / "a.csv", *option, "-w", tmp_path).stdout


def test_an_import_is_undone(firstline: Run, tmp_path: Path) -> None:
    firstline("init", tmp_path)
    (tmp_path / "a.csv").write_text("id,text,label\n1,где карта,Карта\n2,где заказ,Заказ\n", "utf-8")
    firstline("import", tmp_path / "a.csv", "-w", tmp_path)
    done = firstline("import", "--undo", "-w", tmp_path)
    assert "The import of a.csv" in done.stdout
    assert "2 messages and 2 labels removed" in done.stdout
    assert json.loads(firstline("status", "--json", "-w", tmp_path).stdout)["n_messages"] == 0
    again = firstline("import", "--undo", "-w", tmp_path)
    assert again.returncode == 2
    assert "There is no import to undo." in again.stderr


def test_ids_of_another_system_are_not_taken_for_corrections(firstline: Run, tmp_path: Path) -> None:
    firstline("init", tmp_path)
    file = tmp_path / "export-2026-11-29.csv"
    file.write_text("id,text\n1,где карта\n2,где заказ\n", "utf-8")
    firstline("import", file, "-w", tmp_path)
    file.write_text("id,text\n1,спасибо большое\n2,добрый день\n", "utf-8")
    refused = firstline("import", file, "-w", tmp_path)
    assert refused.returncode == 1
    assert "2 of 2 known ids of 'export' have an unrelated text" in refused.stderr
    assert "--source NAME" in refused.stderr
    assert firstline("import", file, "--source", "chat", "-w", tmp_path).returncode == 0
    assert json.loads(firstline("status", "--json", "-w", tmp_path).stdout)["n_messages"] == 4


def test_report_of_the_first_file_is_not_lost_where_the_second_is_bad(firstline: Run, tmp_path: Path) -> None:
    firstline("init", tmp_path / "w")
    (tmp_path / "good.csv").write_text("text\nкарта\n", "utf-8")
    (tmp_path / "bad.csv").write_text("", "utf-8")
    done = firstline("import", tmp_path / "good.csv", tmp_path / "bad.csv", "-w", tmp_path / "w", "--json")
    assert done.returncode == 1
    assert [report["n_new"] for report in json.loads(done.stdout)] == [1]


def test_columns_that_are_not_used_are_named(firstline: Run, tmp_path: Path) -> None:
    firstline("init", tmp_path)
    (tmp_path / "a.csv").write_text("text,Интент,Канал\nгде карта,Карта,чат\n", "utf-8")
    done = firstline("import", tmp_path / "a.csv", "-w", tmp_path)
    assert "unused columns: Интент, Канал; if one of them is the class, name it: --label COLUMN" in done.stdout


@pytest.mark.parametrize("option", [("--dry-run",), ("--relabel",), ("--source", "crm")])
def test_undo_goes_with_no_other_option(firstline: Run, tmp_path: Path, option: tuple[str, ...]) -> None:
    firstline("init", tmp_path)
    (tmp_path / "a.csv").write_text("text\nгде карта\n", "utf-8")
    firstline("import", tmp_path / "a.csv", "-w", tmp_path)
    done = firstline("import", "--undo", *option, "-w", tmp_path)
    assert done.returncode == 2
    assert json.loads(firstline("status", "--json", "-w", tmp_path).stdout)["n_messages"] == 1


def test_the_order_of_days_and_months_is_asked_for_and_remembered(firstline: Run, tmp_path: Path) -> None:
    firstline("init", tmp_path)
    (tmp_path / "a.csv").write_text("text,date\nгде карта,02/03/2026\n", "utf-8")
    asked = firstline("import", tmp_path / "a.csv", "-w", tmp_path)
    assert asked.returncode == 1
    assert "--day-first or --month-first" in asked.stderr
    told = firstline("import", tmp_path / "a.csv", "--month-first", "-w", tmp_path)
    assert "dates: month first, as you said" in told.stdout
    assert "dates: month first, as remembered" in firstline("import", tmp_path / "a.csv", "-w", tmp_path).stdout


def test_why_rows_are_rejected_is_summed_up(firstline: Run, tmp_path: Path) -> None:
    firstline("init", tmp_path)
    rows = ['"text": "а", "label": ["Вход", "Карта"]', '"text": "б", "label": ["Вход", "Карта"]', '"text": "в"']
    (tmp_path / "a.jsonl").write_text("\n".join(f"{{{row}}}" for row in rows), "utf-8")
    assert "2: several labels in one cell" in firstline("import", tmp_path / "a.jsonl", "-w", tmp_path).stdout


def test_classes_that_differ_little_are_pointed_out(firstline: Run, tmp_path: Path) -> None:
    firstline("init", tmp_path)
    (tmp_path / "a.csv").write_text("text,label\nгде карта,Карта\nкарта где,карта\n", "utf-8")
    assert "class names that look alike: Карта, карта" in firstline("import", tmp_path / "a.csv", "-w", tmp_path).stderr
