"""Where a process gets a model from: its folder, or a copy of its files for another machine."""

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

from firstline.bundle.predictor import Predictor
from firstline.bundle.promise import Promise
from firstline.types import Label


class ModelSource(Protocol):
    """Can be sent to another process, which loads the model there; raises what `Predictor.load` raises."""

    def load(self) -> Predictor: ...


@dataclass(frozen=True)
class ModelFolder:
    """A bundle on this machine, and how it decides; the latter as in `Decider`."""

    folder: Path
    promise: Promise
    always_review: frozenset[Label]
    none: frozenset[Label]

    @classmethod
    def of(cls, predictor: Predictor, models: Path) -> "ModelFolder":
        """What `predictor` was loaded from, in the folder `models`."""
        decider = predictor.decider
        folder = models / predictor.manifest.id
        return cls(folder.resolve(), decider.promise, decider.always_review, decider.none)

    def load(self) -> Predictor:
        return Predictor.load(self.folder, self.promise, self.always_review, self.none)

    def copied(self) -> "CopiedModel":
        """The same with all files. Raises `OSError`."""
        paths = sorted(path for path in self.folder.rglob("*") if path.is_file())
        files = tuple((path.relative_to(self.folder.parent).as_posix(), path.read_bytes()) for path in paths)
        return CopiedModel(self, files)


@dataclass(frozen=True)
class CopiedModel:
    """A bundle as the bytes of its files, each with its path in the folder of models."""

    source: ModelFolder
    files: tuple[tuple[str, bytes], ...]

    def load(self) -> Predictor:
        # A bundle holds no messages, and is read into memory whole.
        with TemporaryDirectory() as models:
            for name, content in self.files:
                path = Path(models) / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
            here = ModelFolder(
                Path(models) / self.source.folder.name,
                self.source.promise,
                self.source.always_review,
                self.source.none,
            )
            return here.load()
