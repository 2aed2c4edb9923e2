"""Loading a model for the commands that answer with it."""

from contextlib import nullcontext
from typing import TYPE_CHECKING

from firstline.cli.output import note

if TYPE_CHECKING:
    from firstline.bundle.predictor import Predictor
    from firstline.bundle.promise import Promise
    from firstline.store.workspace import Workspace


def load_predictor(place: "Workspace", model: str | None, promise: "Promise | None" = None) -> "Predictor":
    """The predictor of a model; without an id, of the champion. Its notes go to standard error.

    Without a `promise`, that of the workspace is in force. Raises `BundleMissing`, `BundleDamaged` or
    `BundleVersionUnknown`.
    """
    from firstline.bundle.predictor import Predictor
    from firstline.bundle.promise import read_promise
    from firstline.bundle.registry import model_folder, offering_another

    promise = promise or read_promise(place.models)
    with nullcontext() if model else offering_another(place.models):
        folder = model_folder(place.models, model)
        predictor = Predictor.load(folder, promise, place.always_review, place.none_classes)
    for sentence in predictor.notes:
        note(sentence)
    return predictor
