"""A loaded model. It answers as the service does, in this process."""

from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

from firstline.bundle.decisions import Decider
from firstline.bundle.manifest import FILE_NAME as MANIFEST_FILE
from firstline.bundle.manifest import Manifest
from firstline.bundle.predictor import Predictor
from firstline.errors import UsageError
from firstline.serving.schemas import BatchAnswer
from firstline.serving.service import Service
from firstline.serving.source import Source
from firstline.settings import FILE_NAME as SETTINGS_FILE
from firstline.types import Label, Message

Asked: TypeAlias = str | tuple[str, str | None] | Message
"""A raw text, a raw text with its segment, or a message that is masked already."""

_AT_ONCE = 256


class Model:
    """One model, read into memory. Thread-safe. Make it with `firstline.load` or `Workspace.model`."""

    def __init__(self, predictor: Predictor, service: Service) -> None:
        self._predictor = predictor
        self._service = service

    @classmethod
    def of(cls, source: Source) -> "Model":
        """The model that serves from `source`. Raises `BundleError` or `SettingsInvalid`."""
        predictor = source.load()
        return cls(predictor, Service(predictor, source.models, source.settings().serving))

    def __repr__(self) -> str:
        return f"<Model {self.id}: {len(self.labels)} classes>"

    @property
    def id(self) -> str:
        return self._predictor.manifest.id

    @property
    def manifest(self) -> Manifest:
        """What the model says about itself: candidate, labels, figures, data, settings."""
        return self._predictor.manifest

    @property
    def labels(self) -> tuple[Label, ...]:
        """The classes that it answers, sorted."""
        return self._predictor.manifest.labels

    @property
    def decider(self) -> Decider:
        """What it decides by: thresholds, the promise, and the held-out answers that they come from."""
        return self._predictor.decider

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences that people should read, such as that it was trained with older masks."""
        return self._predictor.notes

    def predict(self, messages: Sequence[Asked]) -> list[BatchAnswer]:
        """One answer for each message, in order; the same that `POST /v1/classify/batch` gives.

        A raw text is read as at import: quoted replies are cut, personal data is masked. A `Message` is taken as it
        is. An answer has `label`, `confidence` (calibrated, 0 to 1), `ranking` (all classes), `decision`, `reason` and
        `warnings`; if the text is empty or too long, it has `error` instead. Raises `UsageError` if a message is
        something else, and `ScoresNotFinite`.
        """
        if isinstance(messages, str):
            raise UsageError("predict needs a list of messages, got one text.", "Write it in a list: predict([text])")
        read = [_read(place, one) for place, one in enumerate(messages)]
        parts = [read[start : start + _AT_ONCE] for start in range(0, len(read), _AT_ONCE)]
        return [answer for part in parts for answer in self._service.classify_texts(part)]


def load(folder: str | Path) -> Model:
    """Load a model: that of a bundle, or the champion of a folder of models or of a workspace.

    With a workspace it decides by the settings there, otherwise as `firstline serve --models` does. Raises
    `BundleMissing`, `BundleDamaged`, `BundleVersionUnknown` or `SettingsInvalid`.
    """
    place = Path(folder).absolute()
    if (place / MANIFEST_FILE).is_file():
        return Model.of(Source(place.parent, model=place.name))
    if (place / SETTINGS_FILE).is_file():
        return Model.of(Source(place / "models", place / SETTINGS_FILE))
    return Model.of(Source(place))


def _read(place: int, asked: Asked) -> Message | tuple[str, str | None]:
    """A message, or a raw text with its segment. Texts from files may hold bytes that could not be decoded."""
    if isinstance(asked, Message):
        return asked
    text, segment = asked if isinstance(asked, tuple) and len(asked) == 2 else (asked, None)
    if not isinstance(text, str) or not (segment is None or isinstance(segment, str)):
        wrong = text if not isinstance(text, str) else segment
        raise UsageError(
            f"Message {place} is not a text: got {type(wrong).__name__}.",
            "Give texts, pairs of text and segment, or Message objects.",
        )
    return _encodable(text), segment and _encodable(segment)


def _encodable(text: str) -> str:
    return text.encode("utf-8", errors="replace").decode("utf-8")
