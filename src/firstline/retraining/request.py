"""What a training is asked for: what the caller gives, and otherwise what the settings say."""

from collections.abc import Sequence

from firstline.errors import UsageError
from firstline.settings import Settings
from firstline.training.request import TrainingRequest


def request_of(
    settings: Settings,
    candidates: Sequence[str] = (),
    folds: int | None = None,
    seed: int | None = None,
    repeats: int | None = None,
    minutes: float | None = None,
    latency_ms: float | None = None,
    *,
    is_fresh: bool = False,
    is_on_cluster: bool = False,
) -> TrainingRequest:
    """A training as given; what is None or empty is as in the settings. 0 for `minutes` or `latency_ms`: no limit.

    Candidates that are named have no time limit unless `minutes` is given. On a cluster the limit of the settings does
    not apply. Raises `UsageError`.
    """
    for name, value, least in (("folds", folds, 2), ("repeats", repeats, 1), ("seed", seed, 0)):
        if value is not None and value < least:
            raise UsageError(f"{name} is at least {least}, got {value}.", "See: firstline train --help")
    training = settings.training
    default_minutes = 0.0 if is_on_cluster else training.minutes
    return TrainingRequest(
        candidates=tuple(candidates) or training.candidates,
        folds=folds if folds is not None else training.folds,
        seed=seed if seed is not None else training.seed,
        repeats=repeats if repeats is not None else training.repeats,
        minutes=(minutes if minutes is not None else default_minutes) or None,
        is_named_any_time=minutes is None and bool(candidates),
        latency_ms=(latency_ms if latency_ms is not None else training.latency_ms) or None,
        is_fresh=is_fresh,
        has_curve=training.learning_curve,
    )
