"""The learning curve of a training, in the time that is left for it: of the best candidate, or of the quickest."""

from collections.abc import Generator, Sequence

from firstline.bundle.learning_curve import LearningCurve
from firstline.steps import Note
from firstline.training.budget import minutes_text
from firstline.training.compare import Comparison, reason_of
from firstline.training.learning_curve import MOST_LABELS, REPETITIONS, SHARES, learning_curve
from firstline.training.results import Evaluated, TrainEvent

_MOST_S = 60.0


def curve_in_budget(
    best: Evaluated, evaluated: Sequence[Evaluated], comparison: Comparison
) -> Generator[TrainEvent, None, LearningCurve | None]:
    """The curve of the best candidate if it takes a minute at most, otherwise of the quickest; None if not even that.

    Too little time for all repetitions makes fewer, with wider intervals. A curve that fails is a note: the model
    is worth more than its curve.
    """
    request, folds = comparison.request, comparison.folds
    if not request.has_curve:
        return None
    data = folds.data
    share = min(1.0, MOST_LABELS / max(1, len(data.labels)))
    most_s = _MOST_S if request.is_named_any_time else min(_MOST_S, comparison.budget.left_s)

    def repetition_s(one: Evaluated) -> float:
        return one.answers.seconds / folds.n_all * len(SHARES) * share

    single = [one for one in evaluated if one.result.mixture is None]
    is_quick = best in single and repetition_s(best) * REPETITIONS <= most_s
    chosen = best if is_quick else min(single, key=repetition_s)
    repetitions = min(REPETITIONS, int(most_s / max(repetition_s(chosen), 1e-6)))
    if repetitions < 1:
        needed, most = minutes_text(repetition_s(chosen)), minutes_text(max(most_s, 0))
        most += " left" if most_s < _MOST_S else " at most for a curve"
        yield Note(
            f"no learning curve: even the quickest candidate, {chosen.name}, needs at least {needed}, with {most}"
        )
        return None
    if share < 1:
        yield Note(f"the learning curve is measured on {MOST_LABELS:,} of {len(data.labels):,} labels, drawn at random")
    try:
        return (
            yield from learning_curve(
                chosen.make,
                data.messages,
                data.labels,
                data.unlabelled,
                folds.seed,
                candidate=chosen.name,
                repetitions=repetitions,
                out_of_fold=(round(len(data.labels) * (1 - 1 / folds.n_folds)), chosen.answers.labels(folds.names)[0]),
            )
        )
    except Exception as error:
        yield Note(f"no learning curve: {reason_of(error, comparison.saved(chosen.name))}")
    return None
