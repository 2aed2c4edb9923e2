"""Before a training learns the labels of messages that were drawn at random, the champion answers these messages.

So its accuracy is measured on messages that nobody chose and that it does not know: `firstline models history`.
"""

from datetime import UTC, datetime

from firstline.bundle.predictor import Predictor
from firstline.bundle.promise import read_promise
from firstline.bundle.registry import champion_id, model_folder
from firstline.errors import BundleError, InputError
from firstline.evaluation.held_out import find_held_out
from firstline.store.database import writing
from firstline.store.former_names import names_now
from firstline.store.random_answers import RandomAnswer, RandomLabel, add_answers, unanswered
from firstline.store.workspace import Workspace
from firstline.types import Prediction


def answer_before_learning(place: Workspace) -> list[str]:
    """Let the champion answer the messages that no champion has answered yet; returns what people should know.

    The caller holds the lock of the models. Raises `StoreUnusable`, `WorkspaceBusy`.
    """
    with place.database.connect() as connection:
        asked, present = unanswered(connection), names_now(connection)
    try:
        champion = champion_id(place.models) if asked else None
        if champion is None:
            return []
        folder = model_folder(place.models, champion)
        predictor = Predictor.load(folder, read_promise(place.models), place.always_review, place.none_classes)
    except BundleError as error:
        return [f"messages drawn at random do not measure the champion: {error.message}"]
    trained_at = datetime.fromisoformat(predictor.manifest.measured.created_at).astimezone(UTC).replace(tzinfo=None)
    learned = _learned(place, champion)
    none = place.none_classes
    asked = [
        one
        for one in asked
        if one.key not in learned
        # A run knows only what it learned of the classes.
        and ((learned and one.label not in none) or (one.at is not None and one.at > trained_at))
    ]
    if not asked:
        return []
    answers = predictor.predict([one.message for one in asked])
    found = [_answer(place, one, answer, present) for one, answer in zip(asked, answers, strict=True)]
    with writing(place.database) as connection:
        add_answers(connection, champion, found)
    right = sum(one.is_right for one in found)
    return [f"the champion answered {right:,} of {len(found):,} messages right that were drawn at random"]


def _learned(place: Workspace, champion: str) -> set[bytes]:
    """The keys of the labelled messages that the champion learned; none if its run is gone."""
    try:
        return {row.tobytes() for row in find_held_out(place.runs, champion).keys}
    except InputError:
        return set()


def _answer(place: Workspace, asked: RandomLabel, answer: Prediction, present: dict[str, str]) -> RandomAnswer:
    """A message of none of the classes is answered right if it is called unknown."""
    is_right = present.get(answer.label, answer.label) == asked.label
    if asked.label in place.none_classes:
        is_right = answer.decision == "unknown"
    return RandomAnswer(asked.id, is_right, answer.decision)
