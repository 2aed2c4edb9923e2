"""What commands say and how they end when something is wrong; help for every command and option."""

import csv
import io
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
import typer.main
from click import Command, Group

from firstline.cli import app
from firstline.training import folds
from tests.commands import Run, run_process
from tests.examples import write_examples
from tests.service import served


def commands() -> list[tuple[str, Command]]:
    root = typer.main.get_command(app)
    found: list[tuple[str, Command]] = []
    for name, command in root.commands.items():  # type: ignore[attr-defined]
        found.append((name, command))
        if isinstance(command, Group) or hasattr(command, "commands"):
            found += [(f"{name} {inner}", item) for inner, item in command.commands.items()]
    return found


def test_every_command_and_option_has_help() -> None:
    for name, command in commands():
        assert command.help, name
        for parameter in command.params:
            assert getattr(parameter, "help", None), f"{name} {parameter.name}"


def test_every_command_but_serve_and_mask_answers_in_json() -> None:
    without = {name for name, command in commands() if "--json" not in [o for p in command.params for o in p.opts]}
    assert without == {"serve", "mask", "keys"}  # `keys` alone shows its help


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["status", "-w", "nowhere"], 1, "firstline init nowhere"),
        (["status"], 1, "No firstline.toml in"),
        (["nonsense"], 2, "No such command"),
        (["import"], 2, "Missing argument"),
        (["train", "--folds", "1"], 2, "Invalid value"),
        (["init", "w", "--language", "Russian"], 2, "'Russian' is not a language code"),
    ],
)
def test_exit_code_and_next_step(firstline: Run, tmp_path: Path, arguments: list[str], code: int, said: str) -> None:
    done = firstline(*arguments, cwd=tmp_path)
    assert done.returncode == code
    assert said in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["import", "absent.csv"], 1, "absent.csv does not exist"),
        (["import", "odd.docx"], 1, "Firstline does not read files that end in '.docx'"),
        (["import", "empty.csv"], 1, "empty.csv is empty"),
        (["import", "plain.csv", "--text", "body"], 1, "Its columns: text, label"),
        (["import", "plain.csv", "--encoding", "klingon"], 2, "'klingon' is not an encoding"),
        (["import", "plain.csv", "--delimiter", ";;"], 2, "one character"),
        (["train"], 1, "no labelled messages"),
        (["train", "--candidates", "oracle.v1"], 2, "Known: auto, linear.v1, lsa.v1"),
        (["evaluate", "plain.csv"], 1, "firstline train"),
        (["classify", "plain.csv", "-o", "out.csv"], 1, "firstline train"),
        (["serve", "--port", "0"], 1, "firstline train"),
        (["runs", "show", "gone"], 2, "There is no run 'gone'"),
        (["models", "show", "gone"], 1, "There is no model 'gone'"),
        (["models", "promote", "gone"], 1, "There is no model 'gone'"),
    ],
)
def test_in_an_empty_workspace(firstline: Run, tmp_path: Path, arguments: list[str], code: int, said: str) -> None:
    firstline("init", tmp_path)
    (tmp_path / "plain.csv").write_text("text,label\nкарта,Карта\n", "utf-8")
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "odd.docx").write_text("x")
    done = firstline(*arguments, cwd=tmp_path)
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_no_models_is_an_answer(firstline: Run, tmp_path: Path) -> None:
    firstline("init", tmp_path / "w")
    assert "no model yet" in firstline("models", "-w", tmp_path / "w").stdout


def test_a_workspace_is_made_once(firstline: Run, tmp_path: Path) -> None:
    assert firstline("init", tmp_path / "w").returncode == 0
    again = firstline("init", tmp_path / "w")
    assert again.returncode == 1
    assert "is already a workspace" in again.stderr


def test_port_that_is_taken_is_said(trained: Path, tmp_path: Path) -> None:
    with served(trained, tmp_path / "log") as service:
        port = service.address.rsplit(":", 1)[1]
        done = run_process("serve", "-w", trained, "--port", port)
    assert done.returncode == 1
    assert f"port {port}" in done.stderr


def test_damaged_model_is_refused_by_name(firstline: Run, tmp_path: Path) -> None:
    from firstline.bundle.registry import promote
    from tests.bundles import make_bundle

    firstline("init", tmp_path)
    written = make_bundle(tmp_path / "models")
    promote(tmp_path / "models", written.id)
    (tmp_path / "models" / written.id / "weights.npy").write_bytes(b"damaged")
    done = firstline("serve", "-w", tmp_path, "--port", "0")
    assert done.returncode == 1
    assert "weights.npy is damaged" in done.stderr


@pytest.mark.parametrize("command", [["serve", "--port", "0"], ["evaluate", "labelled.csv"]])
def test_instead_of_a_damaged_champion_an_older_model_is_named(
    firstline: Run, tmp_path: Path, command: list[str]
) -> None:
    from firstline.bundle.registry import promote
    from tests.bundles import make_bundle

    firstline("init", tmp_path)
    (tmp_path / "labelled.csv").write_text("text,label\nкарта,Карта\n", "utf-8")
    good, champion = (make_bundle(tmp_path / "models", strength) for strength in (4.0, 5.0))
    promote(tmp_path / "models", champion.id)
    (tmp_path / "models" / champion.id / "weights.npy").write_bytes(b"damaged")
    done = firstline(*command, cwd=tmp_path)
    assert done.returncode == 1
    assert "weights.npy is damaged" in done.stderr
    assert f"firstline models promote {good.id}" in " ".join(done.stderr.split())


def test_models_without_a_champion_have_no_footnote_about_one(firstline: Run, tmp_path: Path) -> None:
    from tests.bundles import make_bundle

    firstline("init", tmp_path)
    written = make_bundle(tmp_path / "models")
    done = firstline("models", "-w", tmp_path)
    assert "* the champion" not in done.stdout
    assert f"No model is the champion. Choose one: firstline models promote {written.id}" in " ".join(
        done.stderr.split()
    )
    firstline("models", "promote", written.id, "-w", tmp_path)
    done = firstline("models", "-w", tmp_path)
    assert ("* the champion" in done.stdout, done.stderr) == (True, "")


def test_models_of_a_folder_need_no_workspace(firstline: Run, tmp_path: Path) -> None:
    from firstline.bundle.registry import champion_id
    from tests.bundles import make_bundle

    written = make_bundle(tmp_path)
    assert f"{written.id} is the champion" in firstline("models", "promote", written.id, "--models", tmp_path).stdout
    assert champion_id(tmp_path) == written.id
    assert written.id in firstline("models", "--models", tmp_path).stdout
    assert f"{written.id}, the champion" in firstline("models", "--models", tmp_path, "show").stdout
    assert not (tmp_path / ".locks").exists()


def test_a_folder_of_models_and_a_workspace_exclude_each_other(firstline: Run, tmp_path: Path) -> None:
    done = firstline("models", "promote", "x", "--models", tmp_path, "-w", tmp_path)
    assert (done.returncode, "exclude each other" in done.stderr) == (2, True)


@pytest.mark.parametrize("command", [["models", "promote"], ["serve", "--port", "0", "--model"]])
def test_a_model_that_fails_its_self_check_neither_serves_nor_becomes_champion(
    firstline: Run, tmp_path: Path, command: list[str]
) -> None:
    from tests.bundles import make_bundle, rewrite

    firstline("init", tmp_path)
    models = tmp_path / "models"
    written = make_bundle(models, checks_itself=True)
    assert written.self_check is not None
    rewrite(models, written.id, self_check=msgspec.structs.replace(written.self_check, read="otherwise"))
    done = firstline(*command, written.id, "-w", tmp_path)
    assert done.returncode == 1
    assert f"Model {written.id} fails its self-check" in done.stderr
    assert not (models / "champion.json").exists()


def test_second_training_is_told_who_holds_the_models(firstline: Run, tmp_path: Path) -> None:
    from firstline.store.workspace import Workspace

    firstline("init", tmp_path)
    with Workspace.find(tmp_path).hold("models", "train"):
        done = firstline("train", "-w", tmp_path)
    assert done.returncode == 1
    assert "is in use by 'firstline train' (process" in done.stderr


def test_training_says_how_to_install_what_it_lacks(
    firstline: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    firstline("init", tmp_path)
    monkeypatch.setitem(sys.modules, "sklearn", None)
    done = firstline("train", "-w", tmp_path)
    assert done.returncode == 1
    assert "--find-links DIR 'firstline[train]'" in done.stderr


def test_import_reports_in_json(firstline: Run, tmp_path: Path) -> None:
    firstline("init", tmp_path / "w")
    (tmp_path / "a.csv").write_text("text,label\nкарта,Карта\nкарта,Перевод\n,Карта\n", "utf-8")
    report = json.loads(firstline("import", tmp_path / "a.csv", "-w", tmp_path / "w", "--json").stdout)[0]
    assert (report["n_new"], report["n_repeated"], report["n_rejected"], report["n_disagreements"]) == (1, 1, 1, 1)
    assert "disagreements" in firstline("status", "-w", tmp_path / "w").stdout
    shown = firstline("status", "-w", tmp_path / "w", "--disagreements").stdout
    assert "Карта | Перевод" in shown


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; from firstline.cli import app\n"
        "heavy = {'numpy', 'polars', 'sqlalchemy', 'pydantic', 'litestar', 'sklearn', 'torch'} & set(sys.modules)\n"
        "print(sorted(heavy))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"


def test_import_says_how_many_emails_it_cut(firstline: Run, tmp_path: Path) -> None:
    firstline("init", tmp_path / "w")
    (tmp_path / "a.csv").write_text('text\n"Где карта?\n\nОтправлено с iPhone"\nГде перевод?\n', "utf-8")
    done = firstline("import", tmp_path / "a.csv", "-w", tmp_path / "w")
    assert "quoted replies or a signature cut from 1 message" in done.stdout


def test_a_new_pattern_is_applied_before_training(firstline: Run, tmp_path: Path) -> None:
    folder = tmp_path / "w"
    firstline("init", folder)
    words = ("дом", "сад", "лес", "мост", "парк", "порт")
    rows = "".join(f"заказ ЗК-12345 {word},Заказ\nкарта ЗК-55555 {word},Карта\n" for word in words)
    (tmp_path / "a.csv").write_text("text,label\n" + rows, "utf-8")
    firstline("import", tmp_path / "a.csv", "-w", folder)
    settings = folder / "firstline.toml"
    written = settings.read_text("utf-8").replace(
        "patterns = []", "patterns = [{ kind = \"ORDER\", pattern = 'ЗК-\\d{5}' }]"
    )
    settings.write_text(written, "utf-8")
    done = firstline("train", "-w", folder, "--candidates", "linear.v1")
    assert "12 stored messages masked again" in done.stderr
    vocabulary = next((folder / "models").glob("*/vocabulary.txt")).read_text("utf-8")
    assert "xxmask_order" in vocabulary
    assert "зк" not in vocabulary.split("\n")


def test_interrupted_training_says_so_and_leaves_nothing(
    firstline: Run, bank: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(folds.Folds, "train", stop)
    done = firstline("train", "-w", bank)
    assert done.returncode == 130
    assert "Stopped." in done.stderr
    assert not list((bank / "models").glob("*"))


@pytest.mark.parametrize(
    "arguments",
    [
        ("status",),
        ("advise", "--candidates", "linear.v1"),
        ("evaluate", "history.csv", "--json", "-"),
        ("models",),
        ("runs",),
        ("languages",),
    ],
    ids=lambda arguments: arguments[0],
)
def test_in_a_process_of_its_own_it_says_the_same(firstline: Run, trained: Path, arguments: tuple[str, ...]) -> None:
    """Those that the README shows run so in test_docs, the others in the tests of what kills them."""
    there, here = run_process(*arguments, cwd=trained), firstline(*arguments, cwd=trained)
    assert there.returncode == 0, there.stderr
    assert there.stdout.count("\n") == here.stdout.count("\n") > 0


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


def test_mask_shows_what_becomes_of_a_text(firstline: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("мой номер +7 916 555-01-02\n"))
    assert firstline("mask", cwd=tmp_path).stdout == "мой номер <PHONE>\n"


def test_report_of_the_first_file_is_not_lost_where_the_second_is_bad(firstline: Run, tmp_path: Path) -> None:
    firstline("init", tmp_path / "w")
    (tmp_path / "good.csv").write_text("text\nкарта\n", "utf-8")
    (tmp_path / "bad.csv").write_text("", "utf-8")
    done = firstline("import", tmp_path / "good.csv", tmp_path / "bad.csv", "-w", tmp_path / "w", "--json")
    assert done.returncode == 1
    assert [report["n_new"] for report in json.loads(done.stdout)] == [1]


def test_a_defect_is_told_by_its_place_and_not_by_its_text(
    firstline: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> None:
        raise ValueError(text)

    text = "a message of somebody"
    monkeypatch.setattr("firstline.labelling.overview.overview", fail)
    firstline("init", tmp_path)
    done = firstline("status", "-w", tmp_path)
    assert done.returncode == 1
    assert "Error: Firstline has a bug: ValueError in test_commands.py, line " in done.stderr
    assert "Traceback" in done.stderr
    assert text not in done.stderr


def test_evaluate_names_lines_and_not_classes_that_nobody_knows(firstline: Run, tmp_path: Path, trained: Path) -> None:
    (tmp_path / "a.csv").write_text("text,label\nгде банкомат,Банкомат\nгде арбуз,Арбузы\n", "utf-8")
    done = firstline("evaluate", tmp_path / "a.csv", "-w", trained)
    assert done.returncode == 0
    assert "1 row with a class that is not known here: counted as errors, and as 1 more class" in done.stderr
    assert "; lines: 3" in done.stderr
    assert "Арбузы" not in done.stdout + done.stderr


def test_evaluate_shows_a_class_of_the_workspace_that_the_model_does_not_know(
    firstline: Run, tmp_path: Path, trained: Path
) -> None:
    settings = tmp_path / "w" / "firstline.toml"
    shutil.copytree(trained, tmp_path / "w")
    settings.write_text(settings.read_text("utf-8").replace("fixed = []", 'fixed = ["Арбузы"]'), "utf-8")
    (tmp_path / "a.csv").write_text("text,label\nгде банкомат,Банкомат\nгде арбуз,Арбузы\n", "utf-8")
    done = firstline("evaluate", tmp_path / "a.csv", "-w", tmp_path / "w")
    assert "class 'Арбузы' (1 row) is not known to the model: counted as errors, and as 1 more class" in done.stderr
    assert re.search(r"Арбузы +\.000 +\.000 +\.000 +1", done.stdout)


def test_models_show_says_how_far_confidence_can_be_believed(firstline: Run, trained: Path) -> None:
    shown = firstline("models", "show", "-w", trained).stdout
    assert re.search(r"calibration error \d?\.\d{3} \(\d?\.\d{3}-\d?\.\d{3}\), before calibration \d?\.\d{3}\n", shown)
    assert re.search(r"Brier score +\d?\.\d{3} \(\d?\.\d{3}-\d?\.\d{3}\)\n", shown)


def test_evaluate_says_which_classes_the_averages_leave_out(firstline: Run, tmp_path: Path, trained: Path) -> None:
    (tmp_path / "a.csv").write_text("text,label\nгде банкомат,Банкомат\n", "utf-8")
    done = firstline("evaluate", tmp_path / "a.csv", "-w", trained, "--json", "-")
    left_out = json.loads(done.stdout)["classes_without_messages"]
    assert left_out
    assert "Банкомат" not in left_out
    shown = firstline("evaluate", tmp_path / "a.csv", "-w", trained)
    assert f"Not in this file, and left out of the macro averages: {left_out[0]}" in shown.stdout
    assert left_out[0] not in shown.stderr


def test_version(firstline: Run) -> None:
    from firstline import __version__

    assert firstline("--version").stdout.strip() == __version__


@pytest.mark.parametrize("content", ["{", '{"model": ""}', '{"model": "../w"}'])
def test_damaged_champion_does_not_hide_the_models(firstline: Run, tmp_path: Path, content: str) -> None:
    from tests.bundles import make_bundle

    firstline("init", tmp_path)
    written = make_bundle(tmp_path / "models")
    (tmp_path / "models" / "champion.json").write_text(content)
    assert written.id in firstline("models", "-w", tmp_path).stdout
    assert firstline("serve", "-w", tmp_path, "--port", "0").returncode == 1
    assert firstline("models", "promote", written.id, "-w", tmp_path).returncode == 0


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


def test_labels_of_none_of_the_classes_stand_apart(firstline: Run, tmp_path: Path) -> None:
    from firstline.bundle.registry import promote
    from tests.bundles import make_bundle

    firstline("init", tmp_path)
    promote(tmp_path / "models", make_bundle(tmp_path / "models").id)
    settings = tmp_path / "firstline.toml"
    settings.write_text(settings.read_text("utf-8").replace("none = []", 'none = ["Прочее"]'), "utf-8")
    (tmp_path / "a.csv").write_text("text,label\nкарта,Карта\nпогода,Прочее\n", "utf-8")
    told = firstline("import", tmp_path / "a.csv", "-w", tmp_path)
    assert "1 of them with a label that means none of the classes" in told.stdout
    assert "none of the classes, learned but never answered: Прочее 1" in firstline("status", "-w", tmp_path).stdout
    figures = json.loads(firstline("evaluate", tmp_path / "a.csv", "--json", "-", "-w", tmp_path).stdout)
    assert (figures["n_messages"], figures["n_none"]) == (1, 1)


def test_a_label_becomes_none_of_the_classes_between_two_trainings(firstline: Run, tmp_path: Path) -> None:
    firstline("init", tmp_path)
    data = tmp_path / "a.csv"
    write_examples(data)
    firstline("import", data, "-w", tmp_path)
    train = ("train", "--candidates", "linear.v1", "--folds", "3", "-w", tmp_path)
    before = json.loads(firstline(*train, "--json").stdout)
    settings = tmp_path / "firstline.toml"
    settings.write_text(settings.read_text("utf-8").replace("none = []", 'none = ["Вход"]'), "utf-8")
    told = firstline("classify", data, "--out", tmp_path / "old.csv", "-w", tmp_path)
    assert "was trained before 'Вход' meant none of the classes" in told.stderr

    told = firstline(*train, "--json")
    after = json.loads(told.stdout)
    assert "8 labelled messages are of none of the classes, and learned as such" in told.stderr
    assert (before["n_classes"], after["n_classes"], after["n_messages"]) == (3, 2, 16)
    assert after["run"] != before["run"]
    firstline("models", "promote", after["model"], "-w", tmp_path)
    assert "learned beside the classes" in firstline("models", "show", "-w", tmp_path).stdout
    firstline("classify", data, "--out", tmp_path / "new.csv", "-w", tmp_path)
    with (tmp_path / "new.csv").open(encoding="utf-8", newline="") as file:
        answered = {row["predicted_label"] for row in csv.DictReader(file)}
    assert answered == {"Банкомат", "Перевод"}
    # Back to three classes, the first run is resumed.
    settings.write_text(settings.read_text("utf-8").replace('none = ["Вход"]', "none = []"), "utf-8")
    assert json.loads(firstline(*train, "--json").stdout)["model"] == before["model"]
