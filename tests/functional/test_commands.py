"""What commands say and how they end when something is wrong; help for every command and option."""

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

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


def test_every_command_that_ends_with_an_answer_gives_it_in_json() -> None:
    without = {name for name, command in commands() if "--json" not in [o for p in command.params for o in p.opts]}
    assert without == {"serve", "console", "worker", "mask", "keys"}  # `keys` alone shows its help


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


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; from firstline.cli import app\n"
        "heavy = {'numpy', 'polars', 'sqlalchemy', 'pydantic', 'litestar', 'sklearn', 'torch'} & set(sys.modules)\n"
        "print(sorted(heavy))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"


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


def test_mask_shows_what_becomes_of_a_text(firstline: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("мой номер +7 916 555-01-02\n"))
    assert firstline("mask", cwd=tmp_path).stdout == "мой номер <PHONE>\n"


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


def test_version(firstline: Run) -> None:
    from firstline import __version__

    assert firstline("--version").stdout.strip() == __version__


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
