"""docs/architecture.md is held to the source: rooms, paths and layers."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import firstline

ROOT = Path(__file__).parent.parent.parent
SOURCE = Path(firstline.__file__).parent
PAGE = (ROOT / "docs" / "architecture.md").read_text("utf-8")
TREE, LAYERS = re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)


def named() -> Iterator[str]:
    """The paths of the tree, relative to the source; a folder ends with a slash."""
    path: list[str] = []
    for line in TREE.splitlines()[1:]:
        name = line.split()[0]
        depth = (len(line) - len(line.lstrip())) // 2 - 1
        path = [*path[:depth], name]
        yield "".join(path)


def layers_of(lines: list[str]) -> list[set[str]]:
    """The rooms of each layer. One in brackets may be absent, and is left out."""
    rooms = [{room.strip() for room in line.split("|") if not room.strip().startswith("(")} for line in lines]
    return [layer for layer in rooms if layer]


def test_the_tree_names_every_package_and_no_other() -> None:
    packages = {f"{file.parent.relative_to(SOURCE)}/" for file in SOURCE.rglob("__init__.py")} - {"./"}
    assert {path for path in named() if path.endswith("/")} == packages


def test_the_tree_names_every_module_that_belongs_to_no_room() -> None:
    modules = {file.name for file in SOURCE.glob("[!_]*.py")}
    assert {path for path in named() if path.endswith(".py")} == modules


def test_every_entry_of_the_tree_says_what_it_is() -> None:
    assert [line for line in TREE.splitlines()[1:] if len(line.split()) < 2] == []


def test_paths_on_the_page_exist() -> None:
    text = PAGE.replace(TREE, "").partition("## Where text may lie")[0]
    paths = re.findall(r"`([a-z_/]+(?:/|\.py))`", text)
    assert paths
    assert [path for path in paths if not (SOURCE / path).exists() and not (ROOT / path).exists()] == []


def test_the_layers_are_those_that_are_enforced() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    contract = settings["tool"]["importlinter"]["contracts"][0]
    assert contract["containers"] == ["firstline"]
    assert layers_of(LAYERS.splitlines()) == layers_of(contract["layers"])
