"""Writes the report on a model into its workspace, from what its training left behind."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

from firstline.bundle.explaining import explain
from firstline.bundle.files import read_manifest
from firstline.bundle.predictor import Predictor
from firstline.bundle.registry import champion_id, model_folder
from firstline.errors import BundleError, FileUnwritable, FirstlineError, InputError
from firstline.evaluation.held_out import HeldOut, find_held_out
from firstline.evaluation.promises import decider_of
from firstline.evaluation.report.build import Sources, build_report
from firstline.evaluation.report.data import ReportData
from firstline.evaluation.report.page import LANGUAGES, render_report
from firstline.files import whole_file
from firstline.store.named import read_named
from firstline.store.private import make_private
from firstline.store.workspace import Workspace
from firstline.types import Label, Message

_MOST_WORDS = 5
Tell: TypeAlias = Callable[[str], None]
Words: TypeAlias = Callable[[Message, Label], Sequence[str]]


def write_report(
    place: Workspace,
    model: str | None,
    language: str | None = None,
    out: Path | None = None,
    tell: Tell = lambda text: None,
) -> tuple[Path, ReportData]:
    """Write the page about a model, by default into the workspace, in its language; returns where, and what it says.

    `tell` gets what people should know. Raises `BundleError`, `StoreUnusable`, `FileUnwritable`.
    """
    data = build_report(_sources(place, model, tell))
    file = out or report_file(place, data.facts.id)
    _write(file, render_report(data, language or language_of(place)), is_ours=out is None)
    return file, data


def report_file(place: Workspace, model: str) -> Path:
    """Where the page about the model with this id lies, if it was written."""
    return place.reports / f"{model}.html"


def language_of(place: Workspace) -> str:
    """The language of its pages."""
    return place.settings.language if place.settings.language in LANGUAGES else "en"


def _sources(place: Workspace, model: str | None, tell: Tell) -> Sources:
    manifest = read_manifest(model_folder(place.models, model))
    held_out = _held_out(place, manifest.id)
    champion = None
    try:
        serving = champion_id(place.models)
        if serving is not None and serving != manifest.id:
            champion = read_manifest(model_folder(place.models, serving))
    except BundleError as error:
        serving = None
        tell(f"The champion is left out. {error.message} {error.next_step}")
    keys = [key.tobytes() for key in held_out.keys] if held_out else []
    return Sources(
        manifest=manifest,
        is_champion=serving == manifest.id,
        held_out=held_out,
        messages=read_named(place.database, keys) if keys and place.has_database else {},
        champion=champion,
        champions_held_out=_held_out(place, champion.id) if champion else None,
        decider=decider_of(place, manifest),
        words=_words(place, manifest.id, tell) if held_out else None,
    )


def _held_out(place: Workspace, model: str) -> HeldOut | None:
    try:
        return find_held_out(place.runs, model)
    except InputError:
        return None


def _words(place: Workspace, model: str, tell: Tell) -> Words | None:
    """The words that speak for a label, if the model can be loaded and still answers it."""
    try:
        predictor = Predictor.load(place.models / model)
    except FirstlineError as error:
        tell(f"The report names no words. {error.message} {error.next_step}")
        return None

    def words(message: Message, label: Label) -> list[str]:
        found = explain(predictor, message)
        return [one.word for one in found.words if one.weight > 0][:_MOST_WORDS] if found.label == label else []

    return words


def _write(file: Path, page: str, is_ours: bool) -> None:
    try:
        if is_ours:
            file.parent.mkdir(mode=0o700, exist_ok=True)
            file.parent.chmod(0o700)
        # A folder that is misspelled should not be made.
        (file.parent / "..").stat()
        with whole_file(file) as unfinished:
            make_private(unfinished)
            unfinished.write_text(page, encoding="utf-8")
    except OSError as error:
        raise FileUnwritable(
            f"{file} cannot be written: {error.strerror or error}.",
            "Check the folder, its permissions and the free space.",
        ) from None
