"""The models of a workspace, and which of them is the champion."""

from collections.abc import Sequence
from typing import overload

from firstline.bundle.files import read_manifest
from firstline.bundle.manifest import Manifest
from firstline.bundle.predictor import Predictor
from firstline.bundle.promotions import Promotion, promotions
from firstline.bundle.registry import champion_id, list_models, model_folder, promote, rollback
from firstline.store.workspace import Workspace as Place


class Models(Sequence[Manifest]):
    """The manifests of all models, newest first, as they were when this was made.

    `problems` has a sentence for each model that cannot be read.
    """

    def __init__(self, place: Place) -> None:
        self._place = place
        self._found, problems = list_models(place.models)
        self.problems = tuple(problem.message for problem in problems)

    def __repr__(self) -> str:
        return f"<Models {', '.join(one.id for one in self._found)}>"

    @overload
    def __getitem__(self, place: int) -> Manifest: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Manifest]: ...
    def __getitem__(self, place: int | slice) -> Manifest | Sequence[Manifest]:
        return self._found[place]

    def __len__(self) -> int:
        return len(self._found)

    @property
    def champion(self) -> Manifest | None:
        """The model that serves now; None before the first training. Raises `BundleError` if it cannot be read."""
        champion = champion_id(self._place.models)
        return read_manifest(model_folder(self._place.models)) if champion is not None else None

    @property
    def history(self) -> list[Promotion]:
        """Who made which model the champion, when and why; the newest first."""
        return promotions(self._place.models)[::-1]

    def promote(self, model: str, why: str = "") -> str:
        """Make a model the champion, as `firstline models promote` does; returns its id.

        The first characters of an id are enough. A running service takes it within two seconds. Raises `BundleError`
        if it cannot be loaded, `WorkspaceBusy`, or `OSError`.
        """
        folder = self._place.models
        with self._place.hold("models", "models promote"):
            found = Predictor.load(model_folder(folder, model)).manifest.id
            promote(folder, found, why)
        return found

    def rollback(self, why: str = "") -> str:
        """Make the previous champion the champion again; returns its id.

        Raises `BundleMissing` if there is none, `WorkspaceBusy`, or `OSError`.
        """
        with self._place.hold("models", "models rollback"):
            return rollback(self._place.models, why, Predictor.load)[0]
