"""A language model becomes a distribution that pip installs from a file, offline; As spaCy does."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import tomlkit

from firstline.errors import ExtraMissing, FileUnwritable, LanguageModelUnusable, UsageError
from firstline.language_models.card import Card
from firstline.language_models.installed import AUTO, ENTRY_POINTS, NONE, installed_languages
from firstline.language_models.model import LanguageModel
from firstline.language_models.workspace_model import SEEN_FILE

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_VERSION = re.compile(r"(0|[1-9][0-9]{0,7})(\.(0|[1-9][0-9]{0,7})){0,3}")
_PROJECT_FILE = "pyproject.toml"
_OWN = ("src", "dist", "README.md", _PROJECT_FILE)


@dataclass(frozen=True)
class Packed:
    """A project folder, and the wheel that was built of it."""

    name: str
    project: Path
    wheel: Path


def pack(folders: Sequence[Path], output: Path, name: str | None = None, version: str = "1.0.0") -> Packed:
    """Write the language models in `folders`, one a direction, as a project into `output` and build its wheel.

    `name` is `firstline-` and the language unless given. Weights are rounded to int8. Raises
    `UsageError` for models that do not belong together, `LanguageModelUnusable` for one that is damaged,
    has read a workspace's messages or cannot be written, `FileUnwritable` for the project around them.
    """
    models = [_pretrained(folder) for folder in folders]
    _check_that_they_belong_together(models)
    if name is None:
        name = f"firstline-{models[0].card.language}"
    for what, value, pattern in (("name", name, _NAME), ("version", version, _VERSION)):
        if not pattern.fullmatch(value):
            raise UsageError(f"'{value}' is not a valid {what} of a distribution.", "For example: firstline-ru, 1.0.0")
    if name in (AUTO, NONE) or _is_taken(name):
        raise UsageError(f"The name '{name}' is taken.", "Choose another: --name bank-ru")
    project = output / name
    if project.exists() and not _is_project(project, name):
        raise UsageError(f"{project} already exists and is not a project named {name}.", "Name another folder.")
    try:
        output.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=output, prefix=f".{name}-", ignore_cleanup_errors=True) as folder:
            unfinished = Path(folder) / name
            _write_project(unfinished, models, name, version)
            wheel = _build(unfinished)
            _replace(unfinished, project, Path(folder))
    except OSError as error:
        raise FileUnwritable(
            f"{project} cannot be written: {error.strerror or error}.", "Check the free space and the permissions."
        ) from None
    return Packed(name, project, project / wheel.relative_to(unfinished))


def _replace(unfinished: Path, project: Path, aside: Path) -> None:
    """Put the parts of a project into its folder; the old ones go into `aside`, what else is there is not touched."""
    project.mkdir(exist_ok=True)
    for name in _OWN:
        if (project / name).exists():
            (project / name).rename(aside / name)
        (unfinished / name).rename(project / name)


def _pretrained(folder: Path) -> LanguageModel:
    model = LanguageModel.load(folder)
    if model.card.base or SEEN_FILE in model.card.files:
        raise LanguageModelUnusable(
            f"The language model in {folder} has read a workspace's messages, which must not be given away.",
            "Pack what firstline pretrain made.",
        )
    # What it was made with is told, where that lay on somebody's disk is not.
    card = msgspec.structs.replace(model.card, command=_without_folders(model.card.command))
    return LanguageModel(card, model.tokenizer, model.weights)


def _without_folders(command: str) -> str:
    try:
        parts = shlex.split(command)
    except ValueError:
        return ""
    return shlex.join(part.rstrip("/").rpartition("/")[2] or part for part in parts)


def _is_taken(name: str) -> bool:
    """Whether the module of such a distribution would stand in the way of another that is here."""
    installed = [language.name for language in installed_languages()[0]]
    return name not in installed and find_spec(name.replace("-", "_")) is not None


def _check_that_they_belong_together(models: Sequence[LanguageModel]) -> None:
    if not models:
        raise UsageError("No language model to pack.", "Name the folders that firstline pretrain made.")
    first = models[0]
    for number, model in enumerate(models):
        if model.card.direction in [other.card.direction for other in models[:number]]:
            raise UsageError(f"Two language models read {model.card.direction}.", "Name one for each direction.")
        if model.card.language != first.card.language:
            raise UsageError(
                f"One language model is for '{first.card.language}', another for '{model.card.language}'.",
                "Pack each language by itself.",
            )
        if model.card.text_rules != first.card.text_rules:
            raise UsageError(
                f"The {model.card.direction} language model reads by other text rules than the"
                f" {first.card.direction} one.",
                "Make both with one version of Firstline: firstline pretrain",
            )
        if not model.tokenizer.is_same_as(first.tokenizer):
            raise UsageError(
                f"The {model.card.direction} language model has another tokenizer than the {first.card.direction} one.",
                "Make it with the other's: firstline pretrain --tokenizer DIR",
            )


def _is_project(folder: Path, name: str) -> bool:
    try:
        found = tomlkit.parse((folder / _PROJECT_FILE).read_text("utf-8")).unwrap()
    except (OSError, UnicodeDecodeError, ValueError):
        return False
    about = found.get("project")
    points = about.get("entry-points") if isinstance(about, dict) else None
    return isinstance(about, dict) and about.get("name") == name and isinstance(points, dict) and ENTRY_POINTS in points


def _write_project(folder: Path, models: Sequence[LanguageModel], name: str, version: str) -> None:
    module = name.replace("-", "_")
    package = folder / "src" / module
    package.mkdir(parents=True)
    language = models[0].card.language
    summary = f"Language models of '{language}' for Firstline."
    (package / "__init__.py").write_text(f'"""{summary}"""\n', encoding="utf-8")
    for model in models:
        model.save(package / model.card.direction, in_int8=True)
    content = {
        "build-system": {"requires": ["hatchling"], "build-backend": "hatchling.build"},
        "project": {
            "name": name,
            "version": version,
            "description": summary,
            "readme": "README.md",
            "requires-python": ">=3.11",
            "keywords": ["firstline", language],
            "entry-points": {ENTRY_POINTS: {language: module}},
        },
        # A .gitignore somewhere above must not leave weights out.
        "tool": {"hatch": {"build": {"ignore-vcs": True, "targets": {"wheel": {"packages": [f"src/{module}"]}}}}},
    }
    (folder / _PROJECT_FILE).write_text(tomlkit.dumps(content), encoding="utf-8")
    (folder / "README.md").write_text(_readme(name, summary, [model.card for model in models]), encoding="utf-8")


def _readme(name: str, summary: str, cards: Sequence[Card]) -> str:
    """The model card, for people."""
    lines = [f"# {name}", "", summary, "", "`pip install` it beside Firstline; `firstline languages` lists it.", ""]
    for card in cards:
        shape = card.shape
        lines += [
            f"## {card.direction.capitalize()}",
            "",
            f"- {shape.n_layers} LSTM layer(s) of {shape.n_hidden}, embedding of {shape.n_embedding}, int8",
            f"- {card.tokens_seen:,} tokens seen",
            f"- perplexity on text held out, before rounding to int8: {_figure(card.perplexity_per_token)} per token,"
            f" {_figure(card.perplexity_per_character)} per character",
            f"- hardware: {card.hardware}",
            f"- made by: `{card.command}`",
            "",
            "| source | licence | weight | tokens it has |",
            "|---|---|---|---|",
            *(f"| {used.name} | {used.licence} | {used.weight:g} | {used.n_tokens:,} |" for used in card.sources),
            "",
        ]
    return "\n".join(lines)


def _figure(value: float | None) -> str:
    return "not measured" if value is None else f"{value:,.2f}"


def _build(project: Path) -> Path:
    """The wheel in the project's `dist`. Raises `LanguageModelUnusable` if hatchling makes none."""
    if find_spec("hatchling") is None:
        raise ExtraMissing("Packing", "train")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel"]
    done = subprocess.run(  # noqa: S603 - nothing in it is anybody's input
        # Where the disk is full, hatchling leaves a file where it keeps its temporary ones.
        command,
        cwd=project,
        env={**os.environ, "TMPDIR": str(project.parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    wheels = list((project / "dist").glob("*.whl"))
    if done.returncode or len(wheels) != 1:
        last = (done.stderr or done.stdout).strip().splitlines()[-1:]
        raise LanguageModelUnusable(
            f"The wheel could not be built: {' '.join(last) or 'hatchling gave none'}.",
            "Check the free space, and that hatchling works: python -m hatchling --version",
        )
    return wheels[0]
