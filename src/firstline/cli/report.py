"""`firstline report`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from firstline.cli.options import JsonOption, ModelOption, WorkspaceOption
from firstline.cli.output import note, print_json, say
from firstline.cli.promising import decider_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from firstline.evaluation.held_out import HeldOut
    from firstline.evaluation.report.build import Sources
    from firstline.evaluation.report.data import ReportData
    from firstline.store.workspace import Workspace
    from firstline.types import Label, Message

_MOST_WORDS = 5


def report(
    model: ModelOption = None,
    language: Annotated[
        str | None,
        typer.Option(metavar="ru|en", help="The language of the page. Default: the workspace's, or else English."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The page to write. Default: reports/MODEL.html in the workspace."),
    ] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a report on a model for people: one page that opens in any browser, without a network.

    It quotes masked messages, so only its owner may read it.
    """
    from firstline.errors import UsageError
    from firstline.evaluation.report.page import LANGUAGES
    from firstline.store.workspace import Workspace

    place = Workspace.find(workspace)
    if language is not None and language not in LANGUAGES:
        raise UsageError(f"'{language}' is not a language of the report.", f"Choose one of {', '.join(LANGUAGES)}.")
    chosen = language or _language_of(place)
    file, data = write_report(place, model, chosen, out)
    if as_json:
        print_json({"model": data.facts.id, "file": str(file), "language": chosen, "gaps": data.gaps})
        return
    _say_gaps(data)
    say(f"{file}: report on {data.facts.id}. Open it in a browser. It quotes messages, so only you may read it.")


def write_report(
    place: "Workspace", model: str | None, language: str | None = None, out: Path | None = None
) -> "tuple[Path, ReportData]":
    """Write the page about a model, by default into the workspace, in its language; returns where, and what it says."""
    from firstline.evaluation.report.build import build_report
    from firstline.evaluation.report.page import render_report

    data = build_report(_sources(place, model))
    file = out or place.reports / f"{data.facts.id}.html"
    _write(file, render_report(data, language or _language_of(place)), is_ours=out is None)
    return file, data


def _language_of(place: "Workspace") -> str:
    """The language of its pages."""
    from firstline.evaluation.report.page import LANGUAGES

    return place.settings.language if place.settings.language in LANGUAGES else "en"


def _sources(place: "Workspace", model: str | None) -> "Sources":
    from firstline.bundle.files import read_manifest
    from firstline.bundle.registry import champion_id, model_folder
    from firstline.errors import BundleError
    from firstline.evaluation.report.build import Sources
    from firstline.store.named import read_named

    manifest = read_manifest(model_folder(place.models, model))
    held_out = _held_out(place, manifest.id)
    champion = None
    try:
        serving = champion_id(place.models)
        if serving is not None and serving != manifest.id:
            champion = read_manifest(model_folder(place.models, serving))
    except BundleError as error:
        serving = None
        note(f"The champion is left out. {error.message} {error.next_step}")
    keys = [key.tobytes() for key in held_out.keys] if held_out else []
    return Sources(
        manifest=manifest,
        is_champion=serving == manifest.id,
        held_out=held_out,
        messages=read_named(place.database, keys) if keys and place.has_database else {},
        champion=champion,
        champions_held_out=_held_out(place, champion.id) if champion else None,
        decider=decider_of(place, manifest),
        words=_words(place, manifest.id) if held_out else None,
    )


def _held_out(place: "Workspace", model: str) -> "HeldOut | None":
    from firstline.errors import InputError
    from firstline.evaluation.held_out import find_held_out

    try:
        return find_held_out(place.runs, model)
    except InputError:
        return None


def _words(place: "Workspace", model: str) -> "Callable[[Message, Label], Sequence[str]] | None":
    """The words that speak for a label, if the model can be loaded and still answers it."""
    from firstline.bundle.explaining import explain
    from firstline.bundle.predictor import Predictor
    from firstline.errors import FirstlineError

    try:
        predictor = Predictor.load(place.models / model)
    except FirstlineError as error:
        note(f"The report names no words. {error.message} {error.next_step}")
        return None

    def words(message: "Message", label: "Label") -> list[str]:
        found = explain(predictor, message)
        return [one.word for one in found.words if one.weight > 0][:_MOST_WORDS] if found.label == label else []

    return words


def _write(file: Path, page: str, is_ours: bool) -> None:
    from firstline.errors import FileUnwritable
    from firstline.files import whole_file
    from firstline.store.private import make_private

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


def _say_gaps(data: "ReportData") -> None:
    if "no_held_out" in data.gaps:
        note(
            "The answers of this model to the labelled messages are not in this workspace, so the report has only the"
            " figures of its manifest. To have all of it, train here: firstline train"
        )
