"""`firstline export`."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from firstline.cli.options import JsonOption, WorkspaceOption
from firstline.cli.output import counted, next_command, note, print_json, say

if TYPE_CHECKING:
    from firstline.bundle.predictor import Predictor
    from firstline.labelling.sheet import Chosen
    from firstline.store.workspace import Workspace


_TABLES = ("csv", "tsv", "xlsx", "jsonl", "json", "parquet")


def export(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write: .csv .tsv .xlsx .jsonl .json .parquet")],
    to: Annotated[
        str | None,
        typer.Option(
            "--to",
            metavar="FORMAT",
            help="label-studio (.json), doccano or prodigy (.jsonl). Default: a table, by the ending of FILE.",
        ),
    ] = None,
    labelled: Annotated[bool, typer.Option("--labelled", help="Only messages that have a label.")] = False,
    purpose: Annotated[
        tuple[str, int] | None,
        typer.Option(
            "--for",
            metavar="labelling N",
            help="N messages without a label, those that teach a model most first, with a column for the class.",
        ),
    ] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write messages with their labels to a file: for people, another tool or another workspace.

    Texts are masked. `firstline import FILE` reads each of these files: labels come back to the messages they are for.
    """
    from firstline.errors import UsageError
    from firstline.messages.exports.written import Row, format_of, write_rows
    from firstline.store.exported import read_exported
    from firstline.store.workspace import Workspace

    name = format_of(file, to)
    if purpose is not None and (labelled or purpose[0] != "labelling" or purpose[1] < 1):
        what = "cannot be combined with --labelled" if labelled else "takes the word labelling and a number from 1 on"
        raise UsageError(f"--for {what}.", "For example: firstline export sheet.xlsx --for labelling 200")
    place = Workspace.find(workspace)
    if purpose is not None:
        _write_sheet(place, file, name, purpose[1], workspace, as_json=as_json)
        return
    rows = (Row(message) for message in read_exported(place.database, is_labelled=labelled))
    n_rows = write_rows(file, name, rows, is_sheet=False)
    if as_json:
        print_json({"file": str(file), "format": name, "n_rows": n_rows})
        return
    say(f"{counted(n_rows, 'row')} written to {file}")


def _write_sheet(place: "Workspace", file: Path, name: str, n: int, workspace: Path | None, *, as_json: bool) -> None:
    from firstline.labelling.sheet import choose
    from firstline.messages.exports.written import write_rows
    from firstline.store.labelling import classes_in_use

    chosen = choose(place.database, n, lambda: _champion(place))
    if not chosen.rows:
        if as_json:
            print_json({"file": None, "format": name, "n_rows": 0})
            return
        say(f"Every message has a label or is being labelled, so {file} is not written.")
        return
    with place.database.connect() as connection:
        classes = [one.name for one in classes_in_use(connection)]
    write_rows(file, name, chosen.rows, classes, is_sheet=True)
    if as_json:
        counts = {"n_queued": chosen.n_queued, "n_unsure": chosen.n_unsure, "n_random": chosen.n_random}
        print_json({"file": str(file), "format": name, "n_rows": len(chosen.rows), **counts})
        return
    say(f"{counted(len(chosen.rows), 'message')} written to {file}: {_whence(chosen)}.")
    say("Fill in label and labelled_by, then:" if name in _TABLES else "Label them there, export them, then:")
    say(f"  {next_command(workspace, f'import {shlex.quote(str(file))}')}")


def _whence(chosen: "Chosen") -> str:
    """`150 from the queue, 50 that the model is least sure about`."""
    parts = (
        (chosen.n_queued, "from the queue"),
        (chosen.n_unsure, "that the model is least sure about"),
        (chosen.n_random, "drawn at random"),
    )
    return ", ".join(f"{number:,} {what}" for number, what in parts if number)


def _champion(place: "Workspace") -> "Predictor | None":
    """The model that serves; None if there is none, or if it cannot be used, which a note says."""
    from firstline.errors import BundleError, BundleMissing
    from firstline.serving.source import Source

    try:
        return Source(place.models, place.settings_file).load()
    except BundleMissing:
        return None
    except BundleError as error:
        note(f"The model is not asked: {error.message}")
        return None
