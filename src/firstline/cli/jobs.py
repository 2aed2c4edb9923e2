"""`firstline jobs` and its verbs."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from firstline.cli.commands import Command, Group
from firstline.cli.options import JsonOption, WorkspaceOption
from firstline.cli.output import next_command, print_json, print_table, print_text, say

if TYPE_CHECKING:
    from pathlib import Path

    from firstline.store.jobs import Job
    from firstline.store.workspace import Workspace

app = typer.Typer(cls=Group, help="The jobs of the worker.", invoke_without_command=True)
_Id = Annotated[int, typer.Argument(metavar="ID", help="The job's number; `firstline jobs` lists them.")]


@app.callback()
def jobs(context: typer.Context, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """List the last jobs, the newest first."""
    if context.invoked_subcommand is not None:
        context.obj = workspace
        return
    from firstline.store.jobs import list_jobs
    from firstline.store.workspace import Workspace

    place = Workspace.find(workspace)
    with place.database.connect() as connection:
        found = list_jobs(connection)
    if as_json:
        print_json([asdict(one) for one in found])
        return
    if not found:
        say(f"There are no jobs. Put one in: {next_command(workspace, 'retrain --queue')}")
        _say_next(place)
        return
    rows = [
        (str(one.id), one.kind, one.state, f"{one.asked_at:%Y-%m-%d %H:%M}", one.asked_by, _how(one)) for one in found
    ]
    print_table(("job", "what", "state", "UTC", "asked by", "why"), rows, ("job",))
    _say_next(place)


@app.command(cls=Command)
def show(context: typer.Context, job_id: _Id, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Show one job: how far it is, its log and its result."""
    from firstline.store.jobs import read_job

    with _place(workspace or context.obj).database.connect() as connection:
        job = read_job(connection, job_id)
    if as_json:
        print_json(asdict(job))
        return
    say(f"Job {job.id}, {job.kind}: {job.state}. {_how(job)}".rstrip())
    if job.log:
        print_text(job.log.rstrip())
    result = job.result or {}
    for gate in result.get("gates", ()):
        say(f"{'passed' if gate['passed'] else 'FAILED'}: {gate['words']}")
    for name in ("report", "notebook"):
        if result.get(name):
            say(f"{name}: {result[name]}")


@app.command(cls=Command)
def cancel(context: typer.Context, job_id: _Id, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Cancel a job. The worker stops one that runs within a few seconds."""
    from firstline.store.database import writing_rows
    from firstline.store.jobs import cancel_job

    with writing_rows(_place(workspace or context.obj).database) as connection:
        job = cancel_job(connection, job_id)
    if as_json:
        print_json(asdict(job))
    else:
        say(f"Job {job.id} is cancelled." if job.state == "cancelled" else f"Job {job.id} will be stopped.")


def queue(
    place: "Workspace", kind: str, arguments: dict[str, object], workspace: "Path | None", *, as_json: bool
) -> None:
    """Put a job in and say so."""
    from firstline.bundle.promotions import user_name
    from firstline.store.database import writing_rows
    from firstline.store.jobs import add_job

    with writing_rows(place.database) as connection:
        job = add_job(connection, kind, arguments, user_name())
    if as_json:
        print_json(asdict(job))
    else:
        say(f"Job {job.id} waits for a worker: {next_command(workspace, 'worker')}")
        say(f"To see how far it is: {next_command(workspace, f'jobs show {job.id}')}")


def _place(workspace: "Path | None") -> "Workspace":
    from firstline.store.workspace import Workspace

    return Workspace.find(workspace)


def _say_next(place: "Workspace") -> None:
    """When the worker retrains next by the schedule, if there is one."""
    from importlib.util import find_spec

    from firstline.store.messages import now

    settings = place.settings.retraining
    if settings.schedule and find_spec("croniter"):
        from firstline.retraining.schedule import next_time

        say(f"The schedule asks for the next retraining at {next_time(settings, now()):%Y-%m-%d %H:%M} UTC.")


def _how(job: "Job") -> str:
    """How far a job is, or how it ended."""
    if job.error:
        return job.error
    if job.state == "running" and job.progress:
        total = f" of {job.progress['total']}" if job.progress.get("total") else ""
        return f"{job.progress.get('what', '')}, step {job.progress.get('done', 0)}{total}"
    return str((job.result or {}).get("reason", ""))
