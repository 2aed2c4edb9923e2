"""The cases of `../shared/cases`, where they lie beside the repository: one test for each row of their table.

`make cases` runs these alone. What each case stands for is tested in full beside the code that it concerns.
"""

import csv
import json
import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from benchmarks.masks import PROMISED
from tests.commands import Done, run_here
from tests.service import served

CASES = Path(__file__).parents[3] / "shared" / "cases"
_CHAT = ("--conversation", "chat", "--author", "from", "--agent-values", "agent", "--sent-at", "time", "--text", "text")

pytestmark = pytest.mark.skipif(not CASES.is_dir(), reason="there are no cases beside the repository")


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    """A fresh workspace."""
    folder = tmp_path / "workspace"
    assert run_here("init", folder).returncode == 0
    return folder


def imported(workspace: Path, *arguments: object) -> Done:
    done = run_here("import", *arguments, "-w", workspace)
    assert done.returncode == 0, done.stderr
    return done


def query(workspace: Path, statement: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(workspace / "firstline.db")) as database:
        return database.execute(statement).fetchall()


def texts(workspace: Path) -> list[str]:
    return [str(text) for (text,) in query(workspace, "SELECT text FROM messages ORDER BY id")]


def labelled(workspace: Path) -> list[tuple[object, ...]]:
    """Text and class of each message, in the order of the file."""
    return query(
        workspace,
        "SELECT text, classes.name FROM messages LEFT JOIN labels ON message_id = messages.id"
        " LEFT JOIN classes ON classes.id = class_id ORDER BY messages.id",
    )


def read_csv(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8-sig", newline="") as opened:
        return list(csv.DictReader(opened))


def assert_without(text: str, secrets: Sequence[str]) -> None:
    assert [secret for secret in secrets if secret in text] == []


@pytest.mark.parametrize("name", ["trunc.json", "nan.json"])
def test_errors_about_json_name_the_place_without_its_text(name: str, demo: Path, tmp_path: Path) -> None:
    file = CASES / "parse-error-leak" / name

    for command in (("import", file), ("classify", file, "--out", tmp_path / "o.csv"), ("evaluate", file)):
        done = run_here(*command, "-w", demo)
        said = done.stdout + done.stderr
        assert done.returncode == 1
        assert name in said and "line 1, column" in said
        assert_without(said, ["916", "555-01-02", "4111", "мой номер"])


def test_a_file_without_a_header_is_refused_without_its_first_row(empty: Path) -> None:
    done = run_here("import", CASES / "headerless" / "a.csv", "-w", empty)

    assert done.returncode == 1
    assert "first line does not look like column names" in done.stderr
    assert_without(done.stdout + done.stderr, ["916", "4111", "Не могу войти", "Вход"])


def test_personal_data_in_any_column_is_stored_nowhere(empty: Path) -> None:
    imported(empty, CASES / "personal-data-in-columns" / "wa.csv", *_CHAT)

    assert len(texts(empty)) == 2
    stored = b"".join(file.read_bytes() for file in empty.rglob("*") if file.is_file())
    assert [secret for secret in (b"79165550102", b"916 555-01-03", b"9165550103") if secret in stored] == []


def test_bodies_in_html_are_read_and_masked(empty: Path) -> None:
    imported(empty, CASES / "html" / "intercom.jsonl")

    found = texts(empty)
    assert "Здравствуйте, деньги списали дважды <EMAIL>" in found
    assert "Где заказ № 55? Жду" in found
    assert "Цена < 100 & доставка «Почтой»" in found
    assert any(text.startswith("тел: <PHONE>") and "<EMAIL>" in text for text in found)
    assert any("<PHONE>" in text and "<CARD>" in text for text in found)
    assert not any("cdn.example" in text or "<p>" in text for text in found)


def test_masks_remove_what_is_promised_and_keep_the_rest(empty: Path) -> None:
    forms = [json.loads(line) for line in (CASES / "masking" / "forms.jsonl").read_text("utf-8").splitlines()]

    imported(empty, CASES / "masking" / "forms.jsonl", "--text", "text", "--label", "kind")

    stored = set(texts(empty))
    kept = [form for form in forms if form["kind"] == "keep"]
    assert [form["text"] for form in kept if " ".join(form["text"].split()) not in stored] == ["пароль 1234567"]
    whole = "\n".join(stored - {" ".join(form["text"].split()) for form in kept})
    raw = {" ".join(form["text"].split()) for form in forms if form["kind"] in PROMISED}
    assert len(raw & set(whole.split("\n"))) <= 2


def test_phones_as_dialled_at_home_are_masked(empty: Path) -> None:
    imported(empty, CASES / "national-phones" / "a.csv")

    found = texts(empty)
    assert len(found) >= 9
    assert all("<PHONE>" in text and not any(char.isdigit() for char in text) for text in found)


def test_masks_are_of_the_right_kind(empty: Path) -> None:
    imported(empty, CASES / "wrong-masks" / "a.csv")

    found = query(empty, "SELECT external_id, text FROM message_ids JOIN messages ON messages.id = message_id")
    by_id = {row[0]: row[1] for row in found}
    assert "<IP>" in str(by_id["1"]) and "<IP>" in str(by_id["2"])
    assert by_id["7"] == "списания 23.02 07.10 10.11 12.03 не мои"
    assert by_id["8"] == "договор 76668/27-1561 от мая"
    assert "<HANDLE>" in str(by_id["3"]) and "<HANDLE>" in str(by_id["4"])
    assert all("<EMAIL>" in str(by_id[one]) for one in ("5", "6", "9", "10", "11"))
    assert by_id["12"] == "идентификатор 23ec7597-9615-432e-b1b5-ff55819e0387"


def test_every_row_is_answered_in_order(demo: Path, tmp_path: Path) -> None:
    done = run_here("classify", CASES / "rows-kept" / "in.csv", "--out", tmp_path / "o.csv", "-w", demo)

    assert done.returncode == 0, done.stderr
    rows = read_csv(tmp_path / "o.csv")
    assert [row["n"] for row in rows] == ["1", "2", "3", "4", "5"]
    for row in rows:
        is_empty = not row["text"].strip()
        assert bool(row["predicted_label"]) == bool(row["predicted_confidence"]) == (not is_empty)
        assert not is_empty or row["predicted_note"]


def test_text_that_the_model_knows_nothing_of_is_not_routed(demo: Path, tmp_path: Path) -> None:
    """At a promise that the demo's model can keep, so that it does route others."""
    bank, out = Path(shutil.copytree(demo, tmp_path / "bank")), tmp_path / "o.csv"
    assert run_here("decide", "--precision", "0.7", "-w", bank).returncode == 0
    for file in (bank / "history.csv", CASES / "unknown-text" / "a.csv"):
        done = run_here("classify", file, "--out", out, "-w", bank)
        assert done.returncode == 0, done.stderr
        routed = [row["text"] for row in read_csv(out) if row["predicted_decision"] == "route"]
        assert bool(routed) == (file.name == "history.csv")
    reasons = {row["text"]: row["predicted_reason"] for row in read_csv(out)}
    assert {reasons[text] for text in ("👍", "qqq zzz www", ".", "+", "مرحبا")} == {"no_known_words"}


def test_the_column_decides_the_order_of_month_and_day(empty: Path) -> None:
    done = run_here("import", CASES / "month-first" / "a.csv", *_CHAT, "-w", empty)

    if done.returncode:
        assert "--month-first" in done.stderr + done.stdout
        imported(empty, CASES / "month-first" / "a.csv", *_CHAT, "--month-first")
    assert texts(empty) == ["первое: где заказ", "вопрос утром"]


def test_quoted_replies_and_signatures_are_cut(empty: Path) -> None:
    done = imported(empty, CASES / "quoted-replies" / "mails.csv")

    found = texts(empty)
    assert found[0].startswith("Здравствуйте! Посылка так и не пришла.")
    assert found[-1] == "Посылка не пришла"
    assert not any("оплата" in text for text in found)
    assert "2 messages" in done.stdout


def test_telegrams_own_export_is_read(empty: Path) -> None:
    file = CASES / "telegram" / "result.json"
    imported(empty, file, "--agent-values", "Оператор")

    (text,) = texts(empty)
    assert text.startswith("Здравствуйте, не проходит оплата")
    assert "<LINK>" in text and "<PHONE>" in text
    assert "Проверим" not in text


def test_doccano_is_read(empty: Path) -> None:
    imported(empty, CASES / "labelling-tools" / "doccano.jsonl")

    assert labelled(empty) == [("где заказ", "Доставка"), ("верните деньги", "Возврат"), ("привет", None)]


def test_label_studio_is_read(empty: Path) -> None:
    imported(empty, CASES / "labelling-tools" / "label-studio.json")

    assert labelled(empty) == [("где заказ", "Доставка")]


def test_placeholders_are_no_labels(empty: Path) -> None:
    imported(empty, CASES / "placeholders" / "mysql.csv")

    assert [label for _, label in labelled(empty)] == [None, None, None, "Вход"]


def test_several_labels_in_one_cell_are_pointed_out(empty: Path) -> None:
    done = imported(empty, CASES / "placeholders" / "multi.csv")

    names = {str(name) for (name,) in query(empty, "SELECT name FROM classes")}
    assert names & {"Доставка;Возврат", '["Доставка", "Возврат"]'} == set()
    assert "Доставка " not in names
    rejected = (empty / "imports" / "multi.csv.rejects.csv").read_text("utf-8")
    assert rejected.count("several labels") == 2
    assert "rejected" in done.stdout


@pytest.mark.parametrize(
    ("name", "n_rows", "first"),
    [
        ("backslash-quotes.csv", 5, '"Оплата" не прошла, верните'),
        ("space-after-delimiter.csv", 3, "где заказ, жду"),
        ("sep-line.csv", 2, "Где заказ, очень жду"),
    ],
)
def test_dialects_of_csv_keep_all_rows(name: str, n_rows: int, first: str, empty: Path) -> None:
    imported(empty, CASES / "csv-dialects" / name)

    assert len(texts(empty)) == n_rows
    assert texts(empty)[0] == first


@pytest.mark.parametrize("name", ["title.xlsx", "second-sheet.xlsx"])
def test_tables_in_excel_are_found_or_asked_for(name: str, empty: Path) -> None:
    done = run_here("import", CASES / "excel" / name, "-w", empty)
    if done.returncode:
        assert "--sheet" in done.stderr
        imported(empty, CASES / "excel" / name, "--sheet", 2)

    assert texts(empty)


def test_half_an_emoji_in_a_file_is_replaced(empty: Path) -> None:
    imported(empty, CASES / "half-emoji" / "a.jsonl")

    assert texts(empty) == ["смайл обрезан \ufffd", "где заказ"]


def test_half_an_emoji_in_a_batch_spoils_no_other_answer(demo: Path, tmp_path: Path) -> None:
    body = (CASES / "half-emoji" / "batch.json").read_bytes()

    with served(demo, tmp_path / "log") as running:
        answer = httpx.post(
            f"{running.address}/v1/classify/batch", content=body, headers={"Content-Type": "application/json"}
        )

    assert answer.status_code == 200
    results = answer.json()["results"]
    assert [result.get("id") for result in results] == [1, 2, "c", 9007199254740993, None]
    assert [place for place, result in enumerate(results) if "label" in result] in ([0, 3, 4], [0, 1, 3, 4])


def test_settings_with_a_byte_order_mark_are_read(empty: Path) -> None:
    shutil.copyfile(CASES / "settings-bom" / "firstline.toml", empty / "firstline.toml")

    done = run_here("status", "-w", empty)

    assert done.returncode == 0, done.stderr
