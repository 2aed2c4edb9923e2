"""`firstline report`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from firstline.cli.options import JsonOption, ModelOption, WorkspaceOption
from firstline.cli.output import note, print_json, say

if TYPE_CHECKING:
    from firstline.evaluation.report.data import ReportData


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
    from firstline.evaluation.report.writing import language_of, write_report
    from firstline.store.workspace import Workspace

    place = Workspace.find(workspace)
    if language is not None and language not in LANGUAGES:
        raise UsageError(f"'{language}' is not a language of the report.", f"Choose one of {', '.join(LANGUAGES)}.")
    chosen = language or language_of(place)
    file, data = write_report(place, model, chosen, out, note)
    if as_json:
        print_json({"model": data.facts.id, "file": str(file), "language": chosen, "gaps": data.gaps})
        return
    _say_gaps(data)
    say(f"{file}: report on {data.facts.id}. Open it in a browser. It quotes messages, so only you may read it.")


def _say_gaps(data: "ReportData") -> None:
    if "no_held_out" in data.gaps:
        note(
            "The answers of this model to the labelled messages are not in this workspace, so the report has only the"
            " figures of its manifest. To have all of it, train here: firstline train"
        )
