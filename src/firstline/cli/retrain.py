"""`firstline retrain`."""

import shlex
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from firstline.cli.options import JsonOption, WorkspaceOption
from firstline.cli.output import (
    counted,
    figure,
    next_command,
    note,
    print_json,
    print_table,
    progress,
    say,
    says_how_to_go_on,
)
from firstline.cli.places import DaskOption
from firstline.cli.running_training import run_training
from firstline.training import require_training

if TYPE_CHECKING:
    from firstline.retraining.new_classes import NewClass
    from firstline.retraining.retrain import Choice, Judged
    from firstline.store.workspace import Workspace

NOT_PROMOTED = 3


class _Choice(StrEnum):
    NEVER = "never"
    GATES = "gates"
    ALWAYS = "always"


def retrain(
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="[FILE]", help="With --notebook: the notebook. Default: notebooks/training.ipynb in the workspace."
        ),
    ] = None,
    promote: Annotated[
        _Choice,
        typer.Option("--promote", help="When to promote the new model: if it passes all gates, never, or always."),
    ] = _Choice.GATES,
    notebook: Annotated[
        bool, typer.Option("--notebook", help="Train by running a notebook, which the team may change.")
    ] = False,
    dask: DaskOption = None,
    queue: Annotated[
        bool, typer.Option("--queue", help="Leave it to the worker (`firstline worker`) instead of doing it now.")
    ] = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train on all labels there are, compare with the champion, and promote the new model if it does no harm.

    Exit code 3 means that the champion stays; the command says why.
    """
    from firstline.cli.jobs import queue as put_in
    from firstline.evaluation.report.writing import report_file
    from firstline.store.workspace import Workspace

    _check(file, notebook=notebook, queue=queue, dask=dask)
    place = Workspace.find(workspace)
    if queue:
        put_in(place, "retrain", _arguments(promote.value, notebook=notebook), workspace, as_json=as_json)
        return
    require_training()
    if notebook:
        found, extra = _by_notebook(place, promote.value, file, as_json=as_json)
    else:
        found, extra = _trained(place, promote.value, dask, as_json=as_json), {}
    # A champion without a report was promoted by a command that was killed before it wrote one.
    is_told = found.is_unchanged and report_file(place, found.challenger).exists()
    page = None if is_told else _report(place, found.challenger)
    if as_json:
        print_json({**found.summary, "report": page and str(page), **extra})
    else:
        _print(found, workspace)
        if page:
            say(f"Report on {found.challenger}: {page}")
        for name, executed in extra.items():
            say(f"The {name} with its outputs: {executed}")
    if not (found.is_promoted or found.is_unchanged):
        raise typer.Exit(NOT_PROMOTED)


def _arguments(choice: str, *, notebook: bool) -> dict[str, object]:
    """Those of a job; without what is so by default, as the schedule puts it in."""
    arguments: dict[str, object] = {"promote": choice} if choice != "gates" else {}
    return {**arguments, "notebook": True} if notebook else arguments


def _check(file: Path | None, *, notebook: bool, queue: bool, dask: str | None) -> None:
    """Raises `UsageError` for options that exclude each other."""
    from firstline.errors import UsageError

    if file is not None and not notebook:
        raise UsageError("A FILE needs --notebook.", "To train on new labels, import them first: firstline import FILE")
    if notebook and dask is not None:
        raise UsageError("A notebook does not run on a cluster.", "Leave out --notebook or --dask.")
    if queue and dask is not None:
        raise UsageError("--queue and --dask exclude each other.", "The worker trains on its own machine.")
    if queue and file is not None:
        raise UsageError("The worker runs the notebook of the workspace.", "Leave out the file.")


def _trained(place: "Workspace", choice: "Choice", dask: str | None, *, as_json: bool) -> "Judged":
    from firstline.retraining.request import request_of
    from firstline.retraining.retrain import retrain as run

    request = request_of(place.settings, is_on_cluster=dask is not None)
    return run_training(
        place,
        request,
        dask,
        lambda data, context, where: run(place, data, request, context, choice, where),
        command="retrain",
        as_json=as_json,
    )


def _by_notebook(
    place: "Workspace", choice: "Choice", file: Path | None, *, as_json: bool
) -> "tuple[Judged, dict[str, str]]":
    """What became of the model that the notebook made, and where the executed notebook is."""
    from firstline.retraining.notebook import retrain_by_notebook
    from firstline.steps import run_to_end

    with says_how_to_go_on(), progress(as_json) as bar:
        task = bar.add_task("starting the notebook", total=None)
        found = run_to_end(
            retrain_by_notebook(place, choice, file),
            lambda step: bar.update(task, description=step.what, completed=step.done, total=step.total),
        )
    return found, {"notebook": str(found.executed)}


def _report(place: "Workspace", model: str) -> Path | None:
    """Write the report on the new model. If that fails, a note says why, and the training still counts."""
    from firstline.errors import FirstlineError
    from firstline.evaluation.report.writing import write_report

    try:
        return write_report(place, model, tell=note)[0]
    except FirstlineError as error:
        note(f"no report: {error.message}")
    except OSError as error:
        note(f"no report: {error.strerror}")
    return None


def _print(found: "Judged", workspace: Path | None) -> None:
    if found.gates:
        rows = [("passed" if gate.is_passed else "FAILED", gate.words) for gate in found.gates]
        print_table(("gate", "what it found"), rows, ())
    for one in found.new_classes:
        _print_new(one, found, workspace)
    for warning in found.warnings:
        note(f"Look at this: {warning}. {next_command(workspace, 'decide')} shows what each promise would route.")
    if found.is_unchanged:
        say(f"{found.challenger} is the champion and came out again: nothing that it learns from has changed.")
    elif found.is_promoted:
        before = f", before it was {found.champion}" if found.champion else ""
        say(f"{found.challenger} is the champion{before}: {found.reason}.")
        say("A running service takes it within two seconds.")
    else:
        say(f"The champion stays {found.champion}: {found.reason.rstrip('.')}.")
        promotion = next_command(workspace, f"models promote {found.challenger}")
        say(f"To promote {found.challenger} all the same: {promotion}")


def _print_new(one: "NewClass", found: "Judged", workspace: Path | None) -> None:
    """A class that the champion does not know: how well it is recognised, and what to look at."""
    say(
        f"New: '{one.label}', {counted(one.n_labels, 'label')}: F1 {figure(one.f1)}, precision {figure(one.precision)},"
        f" recall {figure(one.recall)}, by folds that had not learned them"
    )
    if one.overlap:
        say(
            f"  it overlaps '{one.overlap.other}', which takes {one.overlap.n_taken:,} of its messages:"
            " say what belongs where, or merge the two"
        )
    if one.n_suspects:
        named = "" if found.is_promoted else f" --model {found.challenger}"
        listed = next_command(workspace, f"suspects{named} --suggested {shlex.quote(one.label)} --out suspects.xlsx")
        say(f"  {counted(one.n_suspects, 'label')} of other classes may belong to it. To check them: {listed}")
