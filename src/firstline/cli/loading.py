"""Loading a model for the commands that answer with it."""

from pathlib import Path
from typing import TYPE_CHECKING

from firstline.cli.output import note

if TYPE_CHECKING:
    from firstline.bundle.predictor import Predictor


def load_predictor(models: Path, model: str | None) -> "Predictor":
    """The predictor of a model; without an id, of the champion. Its notes go to standard error.

    Raises `BundleMissing`, `BundleDamaged` or `BundleVersionUnknown`.
    """
    from firstline.bundle.predictor import Predictor
    from firstline.bundle.registry import model_folder

    predictor = Predictor.load(model_folder(models, model))
    for sentence in predictor.notes:
        note(sentence)
    return predictor
