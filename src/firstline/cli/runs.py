"""`firstline runs`, `firstline runs show`."""

from typing import TYPE_CHECKING, Annotated

import typer

from firstline.cli.commands import Command, Group
from firstline.cli.comparison_table import LEGEND, mixture
from firstline.cli.options import JsonOption, WorkspaceOption
from firstline.cli.output import (
    counted,
    duration,
    figure,
    figure_cell,
    next_command,
    print_json,
    print_table,
    say,
    size,
    without_name,
)
from firstline.training import require_training

if TYPE_CHECKING:
    from firstline.training.runs import RunCard, RunRow

_LONG_S = 600

app = typer.Typer(cls=Group, help="Earlier runs of `firstline train`.", invoke_without_command=True)
_Id = Annotated[str, typer.Argument(metavar="ID", help="The run's id, or its beginning; `firstline runs` lists them.")]


@app.callback()
def runs(context: typer.Context, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """List the runs of `firstline train`, newest first, with the best candidate of each."""
    if context.invoked_subcommand is not None:
        context.obj = workspace, as_json
        return
    from firstline.store.workspace import Workspace

    require_training()
    from firstline.training.runs import list_runs

    found = list_runs(Workspace.find(workspace).runs)
    if as_json:
        print_json(found)
        return
    if not found:
        say(f"There is no run yet. Start one: {next_command(workspace, 'train')}")
        return
    print_table(
        ("run\nlast model", "labels\nclasses", "folds", "candidates", "best\nmacro-F1"),
        [_line(card) for card in found],
        ("labels\nclasses", "folds"),
    )
    say(f"To see one in full: {next_command(workspace, 'runs show ID')}")


@app.command(cls=Command)
def show(context: typer.Context, run_id: _Id, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Show the whole table of one run."""
    from firstline.errors import UsageError
    from firstline.store.workspace import Workspace

    require_training()
    from firstline.training.runs import list_runs

    named, is_json = context.obj
    runs = list_runs(Workspace.find(workspace or named).runs)
    matching = [card for card in runs if card.id == run_id] or [card for card in runs if card.id.startswith(run_id)]
    if len(matching) != 1:
        problem = f"{len(matching)} runs begin with" if matching else "There is no run"
        raise UsageError(f"{problem} '{run_id}'.", "List them: firstline runs")
    card = matching[0]
    if as_json or is_json:
        print_json(card)
        return
    ended = f"finished, last model {card.model}" if card.finished_at else "not finished; the same command resumes it"
    messages, classes = counted(card.n_messages, "labelled message"), counted(card.n_classes, "class")
    say(f"{card.id}: {messages}, {classes}, {card.folds} folds; {ended}")
    print_table(
        ("candidate", "macro-F1", "accuracy", "macro prec.", "training", "p50\np99", "memory\nsize"),
        [_cells(row) for row in sorted(card.rows, key=lambda row: -(row.macro_f1 or 0)) if not row.problem],
        ("training", "p50\np99", "memory\nsize"),
    )
    say(LEGEND)
    for row in card.rows:
        if row.weights:
            say(f"{row.candidate} is {mixture(row.weights, row.dropped, row.too_slow)}")
        if row.problem:
            say(f"Skipped {row.candidate}: {without_name(row.problem, row.candidate)}")


def _line(card: "RunCard") -> tuple[str, ...]:
    best = max(card.rows, key=lambda row: row.macro_f1 or 0, default=None)
    return (
        f"{card.id}\n{card.model if card.finished_at else 'not finished'}",
        f"{card.n_messages:,}\n{card.n_classes:,}",
        str(card.folds),
        "\n".join(row.candidate + (" skipped" if row.problem else "") for row in card.rows),
        f"{best.candidate}\n{figure(best.macro_f1)}" if best and best.macro_f1 else "",
    )


def _cells(row: "RunRow") -> tuple[str, ...]:
    return (
        row.candidate + (f"\n{row.repeats} times" if row.repeats > 1 else ""),
        figure_cell(row.macro_f1 or 0, row.intervals.get("macro_f1")),
        figure_cell(row.accuracy or 0, row.intervals.get("accuracy")),
        figure_cell(row.macro_precision or 0, row.intervals.get("macro_precision")),
        duration(row.training_s) if row.training_s >= _LONG_S else f"{row.training_s:.1f} s",
        "\n".join(f"{row.latency_ms[name]:.2f} ms" for name in ("p50", "p99") if name in row.latency_ms),
        f"{size(row.memory_bytes)}\n{size(row.size_bytes)}",
    )
