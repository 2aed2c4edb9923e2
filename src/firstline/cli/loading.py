"""Loading a model for the commands that answer with it."""

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from firstline.cli.output import note

if TYPE_CHECKING:
    from firstline.bundle.predictor import Predictor
    from firstline.bundle.promise import Promise
    from firstline.types import Label


def load_predictor(
    models: Path, model: str | None, always_review: "Collection[Label]" = (), promise: "Promise | None" = None
) -> "Predictor":
    """The predictor of a model; without an id, of the champion. Its notes go to standard error.

    Messages of the classes `always_review` go to people. Without a `promise` that in `models` is in force. Raises
    `BundleMissing`, `BundleDamaged` or `BundleVersionUnknown`.
    """
    from firstline.bundle.predictor import Predictor
    from firstline.bundle.promise import read_promise
    from firstline.bundle.registry import model_folder

    predictor = Predictor.load(model_folder(models, model), promise or read_promise(models), always_review)
    for sentence in predictor.notes:
        note(sentence)
    return predictor
