"""Where the model that serves comes from: a workspace, or a folder of models alone."""

from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from firstline.bundle.predictor import Predictor
from firstline.bundle.promise import read_promise
from firstline.bundle.registry import model_folder, offering_another
from firstline.errors import BundleError
from firstline.serving.looking import stamp
from firstline.settings import Settings, read_settings, settings_of_environment
from firstline.store.workspace import Workspace

Signature = tuple[object, ...]


@dataclass(frozen=True)
class Source:
    """A folder of models; `settings_file` if it belongs to a workspace. Without a `model`, its champion serves."""

    models: Path
    settings_file: Path | None = None
    model: str | None = None

    @property
    def folder(self) -> Path:
        """What relative paths of the settings start from."""
        return self.models if self.settings_file is None else self.settings_file.parent

    def settings(self) -> Settings:
        """The settings as they are now. Raises `SettingsInvalid`."""
        return settings_of_environment() if self.settings_file is None else read_settings(self.settings_file)

    def load(self) -> Predictor:
        """The predictor that should serve now. Raises `BundleError` or `SettingsInvalid`."""
        place = Workspace(self.folder, self.settings())
        promise = read_promise(self.models)
        with nullcontext() if self.model else offering_another(self.models):
            folder = model_folder(self.models, self.model)
            return Predictor.load(folder, promise, place.always_review, place.none_classes)

    def signature(self) -> Signature:
        """What changes if the files change that `load` reads: their times, modes, sizes and numbers."""
        deciding = [self.models / "champion.json", self.models / "promise.json"]
        if self.settings_file is not None:
            deciding.append(self.settings_file)
        try:
            files = sorted(model_folder(self.models, self.model).rglob("*"))
        except (BundleError, OSError):
            files = []
        return tuple((str(file), stamp(file)) for file in (*deciding, *files))
