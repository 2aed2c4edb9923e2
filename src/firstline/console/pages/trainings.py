"""Training from the page: ask for it, watch it, stop it. The worker does it; the console only writes jobs."""

from firstline.console.deciding import stale
from firstline.console.page import page
from firstline.console.trainings import KIND, QUICK_MINUTES, present_training
from firstline.console.visit import Answer, Visit
from firstline.console.words import later
from firstline.errors import RequestError
from firstline.store.database import writing_rows
from firstline.store.jobs import add_job, cancel_job, find_job, present_job
from firstline.store.messages import has_labels

_LARGEST_ID = 2**31 - 1
_ACTIVE = ("waiting", "running")


@page("/models/train", role="lead", method="POST")
def train(visit: Visit) -> Answer:
    """Ask the worker for a training. Without a champion the model becomes it, otherwise the gates decide."""
    arguments: dict[str, object] = {"minutes": QUICK_MINUTES} if visit.form.get("pace") == "quick" else {}
    with writing_rows(visit.place.database) as connection:
        last = present_job(connection, KIND)
        if last is None or last.state not in _ACTIVE:
            if visit.form.get("after") != str(last.id if last else 0):
                raise stale()
            if not has_labels(connection):
                raise RequestError(
                    "no_labels",
                    later("No message has a label yet, so there is nothing to learn."),
                    later("Label some messages first, or import a file with labels."),
                    status=409,
                )
            add_job(connection, KIND, arguments, visit.person.name)
    return visit.go_to("/models?done=training")


@page("/models/progress", role="lead")
def progress(visit: Visit) -> Answer:
    """How far the training is, for the page that is open; once it has ended, the page is loaded again."""
    if not visit.is_htmx:
        return visit.go_to("/models")
    with visit.place.database.connect() as connection:
        found = present_training(connection)
    if found is None or not found.is_active or visit.query.get("job") != str(found.job.id):
        return Answer(headers={"HX-Refresh": "true"})
    return visit.render("training.html.jinja", training=found)


@page("/models/cancel", role="lead", method="POST")
def cancel(visit: Visit) -> Answer:
    """Stop the training. One that has ended meanwhile stays as it ended."""
    given = visit.form.get("job")
    job_id = int(given) if given.isascii() and given.isdecimal() and len(given) < 11 else 0
    with writing_rows(visit.place.database) as connection:
        job = find_job(connection, job_id) if 0 < job_id <= _LARGEST_ID else None
        if job is None or job.kind != KIND:
            raise RequestError(
                "job_missing", later("There is no such training."), later("Load the page Models again."), status=404
            )
        if job.state in _ACTIVE:
            cancel_job(connection, job.id)
    return visit.go_to("/models?done=cancelled")
