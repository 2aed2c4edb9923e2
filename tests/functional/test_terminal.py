"""What every command prints fits a terminal of 80 columns."""

import csv
import re
import shutil
from pathlib import Path

import pytest

from tests.functional.test_commands import commands
from tests.terminal import run_in_terminal

COLUMNS = 80
LONG_CLASS = "Не приходит код подтверждения из СМС при входе в приложение с нового телефона за границей"
COMMANDS = [
    "import history.csv --dry-run",
    "import history.csv",
    "import more.csv",
    "status",
    "status --disagreements",
    "train --candidates linear.v1,lsa.v1,embedding.v1,blend.v1 --folds 2",
    "runs",
    "runs show 20",
    "suspects --n 5",
    "suspects --out suspects.csv",
    "models",
    "models show",
    "evaluate history.csv",
    "classify history.csv --out out.csv",
    "advise --candidates linear.v1,embedding.v1,ulmfit.v1",
    "languages",
    "forget 1 --dry-run",
    "evaluate absent.csv",
    "train --candidates oracle.v1",
]
WHOLE = re.compile(r"\S+|(?:firstline|pip install) .*")  # a path, or a command to copy


@pytest.fixture(scope="module")
def printed(imported: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = Path(shutil.copytree(imported, tmp_path_factory.mktemp("terminal") / "bank"))
    with (folder / "history.csv").open("a", newline="", encoding="utf-8") as file:
        for number in range(4):
            csv.writer(file).writerow((f"код {number} {'за границей ' * 9}", "customer", LONG_CLASS))
    (folder / "more.csv").write_text("id,text,segment,label\n1,Где мой перевод?,customer,Вход\n", "utf-8")
    outputs = run_in_terminal([command.split() for command in COMMANDS], folder, COLUMNS)
    return dict(zip(COMMANDS, outputs, strict=True))


@pytest.mark.parametrize("command", COMMANDS)
def test_no_line_is_wider_than_the_terminal(printed: dict[str, str], command: str) -> None:
    lines = printed[command].splitlines()
    assert lines
    assert [line for line in lines if len(line) > COLUMNS and not WHOLE.fullmatch(line.strip())] == []


@pytest.mark.parametrize("command", COMMANDS)
def test_nothing_is_cut_off_and_no_bar_is_left(printed: dict[str, str], command: str) -> None:
    assert "…" not in printed[command]
    assert "━" not in printed[command]


@pytest.mark.parametrize("command", COMMANDS)
def test_one_is_one(printed: dict[str, str], command: str) -> None:
    assert (
        re.findall(
            r"(?<![\d.,])1 (?:rows|messages|labels|classes|models|runs|words|ids|candidates)\b", printed[command]
        )
        == []
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_no_line_says_a_candidate_twice(printed: dict[str, str], command: str) -> None:
    sentences = [line for line in printed[command].splitlines() if ": " in line]
    assert [line for line in sentences if re.search(r"\b(\w+\.v1)\b.*: \1\b", line)] == []


def test_a_long_class_is_there_to_the_last_word(printed: dict[str, str]) -> None:
    for command in ("status", "models show", "evaluate history.csv"):
        assert set(LONG_CLASS.split()) <= set(printed[command].split())


def test_a_command_to_copy_is_on_one_line(printed: dict[str, str]) -> None:
    assert re.search(r"^ *firstline import FILE --relabel$", printed["status --disagreements"], re.MULTILINE)


def test_flags_in_help_take_no_value(tmp_path: Path) -> None:
    names = ["", *(name for name, _ in commands())]
    helps = run_in_terminal([[*name.split(), "--help"] for name in names], tmp_path, COLUMNS)
    for name, text in zip(names, helps, strict=True):
        assert "--help" in text, name
        assert "<bool>" not in text, name
        assert not re.search(r"--no-(?!header|worker)", text), name
        assert max(map(len, text.splitlines())) <= COLUMNS, name
