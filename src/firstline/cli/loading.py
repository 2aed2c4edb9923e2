"""Loading a model for the commands that answer with it."""

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from firstline.cli.output import note

if TYPE_CHECKING:
    from firstline.bundle.predictor import Predictor
    from firstline.types import Label


def load_predictor(models: Path, model: str | None, always_review: "Collection[Label]" = ()) -> "Predictor":
    """The predictor of a model, with the promise in `models`; without an id, of the champion.

    Messages of the classes `always_review` go to people. Its notes go to standard error. Raises `BundleMissing`,
    `BundleDamaged` or `BundleVersionUnknown`.
    """
    from firstline.bundle.predictor import Predictor
    from firstline.bundle.promise import read_promise
    from firstline.bundle.registry import model_folder

    predictor = Predictor.load(model_folder(models, model), read_promise(models), always_review)
    for sentence in predictor.notes:
        note(sentence)
    return predictor
