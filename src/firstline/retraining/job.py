"""Runs one job of the table in the process that the worker starts for it."""

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from firstline.errors import FirstlineError, StoreUnusable, WorkspaceBusy, WorkspaceError, kind_of, trace_of
from firstline.evaluation.report.writing import report_file, write_report
from firstline.neural.memory import is_out_of_memory
from firstline.processes import begin_as_child
from firstline.queueing.workspace_queue import make_queue
from firstline.retraining.in_workspace import in_workspace
from firstline.retraining.notebook import retrain_by_notebook
from firstline.retraining.request import request_of
from firstline.retraining.retrain import Choice, Judged, retrain
from firstline.steps import Note, Stage, Step, run_to_end
from firstline.store.database import writing_rows
from firstline.store.jobs import Job, finish_job, put_back, tell
from firstline.store.workspace import Workspace
from firstline.training.results import Skipped, TrainEvent

_TELL_EVERY_S = 1.0
_BUSY_PAUSE_S = 30.0
_TRIES, _RETRY_S = 120, 5.0


class Progress:
    """Stores how far a job is, about once a second, and the lines of its log."""

    def __init__(self, place: Workspace, job: Job) -> None:
        self._place = place
        self._job = job
        self._progress: Mapping[str, Any] | None = None
        self._lines = ""
        self._told_at = 0.0

    def say(self, text: str) -> None:
        """Add a line to the log."""
        self._lines += f"{time.strftime('%H:%M:%S', time.gmtime())} {text}\n"
        self.store()

    def event(self, event: TrainEvent) -> None:
        """What a training reports."""
        if isinstance(event, Step):
            self._progress = {"what": event.what, "done": event.done, "total": event.total}
            self.store()
        elif isinstance(event, Note):
            self.say(event.text)
        elif isinstance(event, Skipped):
            self.say(f"skipped {event.candidate}: {event.reason}")
        elif not isinstance(event, Stage):
            figures = event.figures
            low, high = figures.intervals["accuracy"]
            self.say(f"{event.candidate}: {figures.accuracy:.1%} right ({low:.1%} to {high:.1%})".replace("%", " %"))

    def stage(self, stage: Stage) -> None:
        """How far a long step has come."""
        self._progress = {**(self._progress or {}), "stage": stage.what, "of_stage": stage.done / max(stage.total, 1)}
        self.store()

    def store(self, *, now: bool = False) -> None:
        """Write it if a second has passed. If an import locks the database, it is written later."""
        if now or time.monotonic() - self._told_at >= _TELL_EVERY_S:
            with suppress(WorkspaceError), writing_rows(self._place.database) as connection:
                tell(connection, self._job, self._progress, self._lines)
                self._lines = ""
            self._told_at = time.monotonic()


def _retrain(place: Workspace, arguments: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
    choice = _choice(arguments)
    if arguments.get("notebook"):
        made = run_to_end(retrain_by_notebook(place, choice), progress.event)
        return _told(place, made, progress) | {"notebook": str(made.executed)}
    minutes = arguments.get("minutes")
    request = request_of(place.settings, minutes=minutes if isinstance(minutes, int | float) else None)
    events = in_workspace(
        place,
        request,
        lambda data, context, where: retrain(place, data, request, context, choice, where),
        "retrain",
        progress.stage,
    )
    return _told(place, run_to_end(events, progress.event), progress)


def _queue(place: Workspace, arguments: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
    return {"n_messages": run_to_end(make_queue(place), progress.stage)}


def _told(place: Workspace, found: Judged, progress: Progress) -> dict[str, Any]:
    """What the job's result says of a new model, after the report on it is written."""
    progress.say(found.reason)
    is_told = found.is_unchanged and report_file(place, found.challenger).exists()
    return {**found.summary, "report": None if is_told else _page(place, found.challenger, progress)}


def _choice(arguments: Mapping[str, Any]) -> Choice:
    choice: Choice = arguments.get("promote", "gates")
    return choice


def _report(place: Workspace, arguments: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
    file, data = write_report(place, arguments.get("model"), tell=progress.say)
    return {"model": data.facts.id, "report": str(file)}


def _page(place: Workspace, model: str, progress: Progress) -> str | None:
    """The report on a new model; without one, the training still counts."""
    try:
        return str(write_report(place, model, tell=progress.say)[0])
    except FirstlineError as error:
        progress.say(f"no report: {error.message}")
    except OSError as error:
        progress.say(f"no report: {error.strerror}")
    return None


_RUN: Mapping[str, Callable[[Workspace, Mapping[str, Any], Progress], dict[str, Any]]] = {
    "queue": _queue,
    "report": _report,
    "retrain": _retrain,
}
"""What a job of each kind does, given workspace, arguments and progress. It returns the result."""


def run_job(folder: Path, job: Job) -> None:
    """Run a claimed job and store how it ended. This is what the worker's process does."""
    begin_as_child()
    place = Workspace.find(folder)
    progress = Progress(place, job)
    progress.say(f"{job.kind} begins")
    try:
        if job.kind not in _RUN or job.arguments is None:
            raise FirstlineError(f"This Firstline knows no such job: '{job.kind}'.", "Upgrade Firstline.")
        result = _RUN[job.kind](place, job.arguments, progress)
    except (WorkspaceBusy, StoreUnusable) as error:
        progress.say(f"waits: {error.message}")
        _store(place, lambda connection: put_back(connection, job, after_s=_BUSY_PAUSE_S, counts=False))
    except Exception as error:
        words = _words(error, progress)
        progress.store(now=True)
        _store(place, lambda connection: finish_job(connection, job, "failed", error=words))
    else:
        progress.store(now=True)
        _store(place, lambda connection: finish_job(connection, job, "done", result=result))


def _store(place: Workspace, write: Callable[[Connection], None]) -> None:
    """Write how a job ended. A database that is locked or away for some minutes must not cost the work of hours."""
    for _ in range(_TRIES):
        with suppress(WorkspaceError):
            with writing_rows(place.database) as connection:
                write(connection)
            return
        time.sleep(_RETRY_S)


def _words(error: Exception, progress: Progress) -> str:
    if isinstance(error, FirstlineError):
        return f"{error.message} {error.next_step}".strip()
    if is_out_of_memory(error):
        return "Out of memory."
    if isinstance(error, OSError):
        return f"{error.filename or 'A file'}: {error.strerror or kind_of(error)}."
    # Without the error's own text, which may quote a message.
    progress.say(trace_of(error))
    return f"Firstline has a bug: {kind_of(error)}."
