"""The models: which one answers, who made it so, and how to change that."""

from firstline.bundle.predictor import Predictor
from firstline.bundle.promotions import promotions
from firstline.bundle.registry import list_models, previous_champion, promote, rollback
from firstline.console.deciding import champion_or_none, deciding, reason_of, require_fresh, stale
from firstline.console.gates import verdicts
from firstline.console.model_rows import ModelRow, model_rows, needs_reason, reigns
from firstline.console.page import page
from firstline.console.trainings import KIND, QUICK_MINUTES, present_training
from firstline.console.visit import Answer, Visit
from firstline.console.words import later
from firstline.errors import BundleError, RequestError
from firstline.evaluation.report.data import Difference
from firstline.store.jobs import last_results
from firstline.store.messages import has_labels
from firstline.store.random_answers import measured

_DONE = ("promoted", "rolled_back", "training", "cancelled")
_MOST_MODELS, _MOST_REIGNS = 30, 30


@page("/models", role="lead", menu=later("Models"))
def models(visit: Visit) -> Answer:
    """The champion, the challenger, the training, all models and their history."""
    place, champion = visit.place, champion_or_none(visit) or ""
    with place.database.connect() as connection:
        training = present_training(connection)
        judged = verdicts(last_results(connection, KIND))
        random = measured(connection)
        is_labelled = has_labels(connection)
    found, problems = list_models(place.models)
    rows = model_rows(found, champion, judged)
    done = visit.query.get("done")
    newest = training.verdict if training else None
    challenger = next((one for one in rows if newest and one.id == newest.challenger and not one.is_champion), None)
    return visit.render(
        "models.html.jinja",
        champion=next((one for one in rows if one.is_champion), None),
        champion_id=champion,
        challenger=challenger,
        difference=_difference(visit, challenger, champion),
        rows=rows[:_MOST_MODELS],
        problems=len(problems),
        previous=_previous(visit, rows),
        reigns=reigns(promotions(place.models), random)[:_MOST_REIGNS],
        has_random=bool(random),
        training=training,
        is_labelled=is_labelled,
        minutes=place.settings.training.minutes,
        quick_minutes=QUICK_MINUTES,
        done=done if done in _DONE else "",
    )


@page("/models/promote", role="lead", method="POST", lane="slow")
def make_champion(visit: Visit) -> Answer:
    """Make a model the champion. If it failed a check, only with a reason."""
    place, wanted, why = visit.place, visit.form.get("model"), reason_of(visit)
    with deciding(visit, "console, models") as champion:
        # Sent twice: the first time did it.
        if champion != wanted or not wanted:
            require_fresh(visit, champion)
            found = next((one for one in list_models(place.models)[0] if one.id == wanted), None)
            if found is None:
                raise _gone()
            with place.database.connect() as connection:
                judged = verdicts(last_results(connection, KIND)).get(wanted)
            if needs_reason(judged, champion) and not why:
                raise RequestError(
                    "reason_missing",
                    later("This model did not pass all checks against the model in use, so a reason is needed."),
                    later("Go back and write why it should answer all the same."),
                    status=422,
                )
            _require_usable(visit, wanted)
            promote(place.models, wanted, why, by=visit.person.name)
    return visit.go_to("/models?done=promoted")


@page("/models/rollback", role="lead", method="POST", lane="slow")
def go_back(visit: Visit) -> Answer:
    """Make the previous champion the champion again."""
    place, wanted = visit.place, visit.form.get("model")
    with deciding(visit, "console, models") as champion:
        if champion != wanted or not wanted:
            require_fresh(visit, champion)
            if previous_champion(place.models) != wanted or not wanted:
                raise stale()
            _require_usable(visit, wanted)
            rollback(place.models, reason_of(visit), lambda folder: None, by=visit.person.name)
    return visit.go_to("/models?done=rolled_back")


def _difference(visit: Visit, challenger: ModelRow | None, champion: str) -> Difference | None:
    if challenger is None or not champion:
        return None
    try:
        return visit.console.qualities.difference(challenger.id, champion)
    except BundleError:
        return None


def _previous(visit: Visit, rows: list[ModelRow]) -> ModelRow | None:
    try:
        name = previous_champion(visit.place.models)
    except BundleError:
        return None
    return next((one for one in rows if one.id == name and not one.is_champion), None)


def _require_usable(visit: Visit, model: str) -> None:
    """Raises `RequestError` if the model cannot be served."""
    try:
        Predictor.load(visit.place.models / model)
    except BundleError:
        raise RequestError(
            "model_unusable",
            later("This model cannot be loaded, so the model in use stays."),
            later("Train again, or ask whoever looks after this machine."),
            status=409,
        ) from None


def _gone() -> RequestError:
    return RequestError(
        "model_missing", later("There is no such model any more."), later("Load the page Models again."), status=404
    )
