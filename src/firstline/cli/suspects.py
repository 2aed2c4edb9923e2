"""`firstline suspects`."""

import shlex
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from firstline.cli.options import JsonOption, ModelOption, WorkspaceOption
from firstline.cli.output import agreeing, counted, next_command, print_json, say, shortened

if TYPE_CHECKING:
    from firstline.labelling.suspects import Suspects

_MOST_SHOWN = 5


def suspects(
    model: ModelOption = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", metavar="FILE", help="Where to write them all: .csv .tsv .jsonl .json .parquet .xlsx"
        ),
    ] = None,
    n: Annotated[
        int | None,
        typer.Option(
            "--n", min=1, metavar="N", help="How many to list at most. Default: a tenth of the labelled messages."
        ),
    ] = None,
    suggested: Annotated[
        str | None,
        typer.Option(
            "--suggested", metavar="CLASS", help="Only those that may belong to this class; all of them without --n."
        ),
    ] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the labels that are most likely wrong, judged by folds of the training that had not learned them.

    Correct the column label in the file, then import it with --relabel. Rows that you leave as they are keep their
    label; an empty label removes it.
    """
    from firstline.bundle.registry import model_folder
    from firstline.errors import UsageError
    from firstline.evaluation.held_out import find_held_out
    from firstline.labelling.suspects import find_suspects, write_suspects
    from firstline.store.workspace import Workspace

    place = Workspace.find(workspace)
    name = model_folder(place.models, model).name
    answers = find_held_out(place.runs, name)
    if suggested is not None and suggested not in answers.labels:
        raise UsageError(f"Model {name} does not know the class '{suggested}'.", "Its classes: firstline models show")
    found = find_suspects(
        place.database, answers.labels, answers.keys, answers.truth, answers.probabilities, n, suggested
    )
    if out is not None and found.suspects:
        write_suspects(found.suspects, out)
    if as_json:
        print_json({"model": name, **asdict(found)})
        return
    _print(found, name)
    if not found.suspects:
        say("Nothing to list" + (f", so {out} is not written." if out else "."))
        return
    if out is None:
        named = f" --model {name}" if model else ""
        named += f" --suggested {shlex.quote(suggested)}" if suggested else ""
        say(f"To correct them in a file: {next_command(workspace, f'suspects{named} --out suspects.xlsx')}")
        return
    say(f"{counted(len(found.suspects), 'row')} written to {out}. Correct the column label, then:")
    say(f"  {next_command(workspace, f'import {shlex.quote(str(out))} --relabel')}")


def _print(found: "Suspects", model: str) -> None:
    of = f"{found.n_disagreeing:,} of {counted(found.n_checked, 'label')}"
    say(f"{model} disagrees with {of}; each was judged by a fold that had not learned it.")
    if found.suspects:
        some = "" if len(found.suspects) <= _MOST_SHOWN else f", {_MOST_SHOWN} of {len(found.suspects):,}"
        say(f"Most likely wrong{some}:")
    for one in found.suspects[:_MOST_SHOWN]:
        suggested = f"{one.suggested_label} ({one.suggested_probability:.2f})"
        say(f"  {one.label} ({one.label_probability:.2f}); the model says {suggested}\n    {shortened(one.text)}")
    if found.n_changed:
        say(f"Left out: {agreeing(found.n_changed, 'label', 'has', 'have')} changed since the training.")
    if found.n_gone:
        what = agreeing(found.n_gone, "message", "is", "are")
        say(f"Left out: {what} no longer stored, or not with the same text.")
    if found.n_single:
        what = agreeing(found.n_single, "label", "is", "are")
        say(f"Left out: {what} the only one of the class, so nothing can check it.")
