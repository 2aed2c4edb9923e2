"""`firstline retrain`."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from firstline.cli.options import JsonOption, WorkspaceOption
from firstline.cli.output import next_command, note, print_json, print_table, say
from firstline.cli.places import DaskOption
from firstline.cli.running_training import run_training
from firstline.training import require_training

if TYPE_CHECKING:
    from firstline.retraining.retrain import Retrained
    from firstline.store.workspace import Workspace

NOT_PROMOTED = 3


class _Choice(StrEnum):
    NEVER = "never"
    GATES = "gates"
    ALWAYS = "always"


def retrain(
    promote: Annotated[
        _Choice,
        typer.Option("--promote", help="When to promote the new model: if it passes all gates, never, or always."),
    ] = _Choice.GATES,
    dask: DaskOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train on all labels there are, compare with the champion, and promote the new model if it does no harm.

    Exit code 3 means that the champion stays; the command says why.
    """
    from firstline.cli.train import asked_of_settings
    from firstline.retraining.retrain import retrain as run
    from firstline.store.workspace import Workspace

    place = Workspace.find(workspace)
    require_training()
    request = asked_of_settings(place.settings, is_on_cluster=dask is not None)
    found = run_training(
        place,
        request,
        dask,
        lambda data, context, where: run(place, data, request, context, promote.value, where),
        command="retrain",
        as_json=as_json,
    )
    # A champion without a report was promoted by a command that was killed before it wrote one.
    has_report = (place.reports / f"{found.challenger}.html").exists()
    page = None if found.is_unchanged and has_report else _report(place, found.challenger)
    if as_json:
        print_json({**_as_json(found), "report": page and str(page)})
    else:
        _print(found, workspace)
        if page:
            say(f"Report on {found.challenger}: {page}")
    if not (found.is_promoted or found.is_unchanged):
        raise typer.Exit(NOT_PROMOTED)


def _report(place: "Workspace", model: str) -> Path | None:
    """Write the report on the new model. If that fails, a note says why, and the training still counts."""
    from firstline.cli.report import write_report
    from firstline.errors import FirstlineError

    try:
        return write_report(place, model)[0]
    except FirstlineError as error:
        note(f"no report: {error.message}")
    except OSError as error:
        note(f"no report: {error.strerror}")
    return None


def _print(found: "Retrained", workspace: Path | None) -> None:
    if found.gates:
        rows = [("passed" if gate.is_passed else "FAILED", gate.words) for gate in found.gates]
        print_table(("gate", "what it found"), rows, ())
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


def _as_json(found: "Retrained") -> dict[str, object]:
    return {
        "challenger": found.challenger,
        "champion": found.champion,
        "promoted": found.is_promoted,
        "reason": found.reason,
        "gates": [
            {
                "gate": gate.name,
                "passed": gate.is_passed,
                "figure": gate.figure,
                "limit": gate.limit,
                "words": gate.words,
                "classes": gate.classes,
            }
            for gate in found.gates
        ],
        "run": found.report.run,
    }
