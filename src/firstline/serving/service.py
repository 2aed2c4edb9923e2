"""Answers messages with the model that serves."""

import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np

from firstline.bundle.explaining import Explanation, explain
from firstline.bundle.predictor import Predictor
from firstline.bundle.registry import list_models
from firstline.errors import FirstlineError, RequestError
from firstline.serving.problems import SEE_SCHEMA, without_texts
from firstline.serving.recording import Recorder
from firstline.serving.schemas import (
    Answer,
    BatchAnswer,
    BatchMessage,
    ClassifyRequest,
    ErrorBody,
    ModelInfo,
    Models,
    RankedClass,
    WhyAnswered,
    WordShare,
)
from firstline.settings.model import ServingSettings
from firstline.text.masks import Masker
from firstline.text.personal import holds_personal_data
from firstline.types import Message, Prediction

_DIGITS = 6
_MOST_WORDS = 30
"""Words of an explanation."""


class Service:
    """One predictor, and the limits on its requests."""

    def __init__(
        self, predictor: Predictor, models: Path, limits: ServingSettings, recorder: Recorder | None = None
    ) -> None:
        self.predictor = predictor
        self.models = models
        self.limits = limits
        self.loaded_at = time.time()
        """Seconds since 1970."""
        self._recorder = recorder
        self._is_personal = partial(holds_personal_data, mask=Masker(predictor.manifest.masks.patterns))

    def with_model(self, predictor: Predictor) -> "Service":
        """The same service with another model."""
        return Service(predictor, self.models, self.limits, self._recorder)

    @property
    def model(self) -> str:
        return self.predictor.manifest.id

    def classify(self, text: str, segment: str | None, *, explains: bool = False) -> Answer:
        """The answer to one raw message; with `explains`, also the words that carried it. Raises `RequestError`."""
        message = self._read(text, segment)
        why = _why(explain(self.predictor, message)) if explains else None
        return self._single(message, self.predictor.predict([message])[0], why)

    def classify_all(
        self, requests: Sequence[ClassifyRequest], request_ids: Sequence[str] | None = None
    ) -> list[Answer | Exception]:
        """The answers to single messages, in order, computed together; an error for one that has no answer.

        `request_ids`, one for each, are recorded with the answers.
        """
        read = [self._try_read(request) for request in requests]
        predictions = iter(self._predict([item for item in read if isinstance(item, Message)]))
        ids = request_ids or [""] * len(read)
        return [
            self._try_single(item, predictions, request_id) if isinstance(item, Message) else item
            for item, request_id in zip(read, ids, strict=True)
        ]

    def _try_read(self, request: ClassifyRequest) -> Message | Exception:
        try:
            return self._read(request.text, request.segment)
        except Exception as error:
            # Whatever it is, the other messages are answered; the one gets what it would have got alone.
            return error

    def _try_single(
        self, message: Message, predictions: Iterator[Prediction | Exception], request_id: str
    ) -> Answer | Exception:
        prediction = next(predictions)
        if isinstance(prediction, Exception):
            return prediction
        self._record(request_id, None, message, prediction)
        return self._single(message, prediction)

    def _record(self, request_id: str, item_id: str | int | None, message: Message, found: Prediction) -> None:
        if self._recorder is not None:
            self._recorder.record(self.model, self._is_personal, request_id, item_id, message, found)

    def _single(self, message: Message, prediction: Prediction, why: WhyAnswered | None = None) -> Answer:
        return Answer(self.model, **self._fields(message, prediction), explanation=why)

    def classify_items(self, items: Sequence[msgspec.Raw], request_id: str = "") -> list[BatchAnswer]:
        """The answers to the messages of a batch, in order. If a message cannot be answered, its answer is an error.

        `request_id` is recorded with the answers.
        """
        read = [self._read_item(item) for item in items]
        predictions = iter(self._predict([item.message for item in read if isinstance(item, _Readable)]))
        return [
            self._answer(item, next(predictions), request_id) if isinstance(item, _Readable) else item for item in read
        ]

    def classify_texts(self, texts: Sequence[Message | tuple[str, str | None]]) -> list[BatchAnswer]:
        """The same for raw texts, each with its segment; a `Message` has been read already."""
        read = [self._read_text(text) for text in texts]
        predictions = iter(self._predict([item.message for item in read if isinstance(item, _Readable)]))
        return [self._answer(item, next(predictions), "") if isinstance(item, _Readable) else item for item in read]

    def _read_text(self, text: Message | tuple[str, str | None]) -> "_Readable | BatchAnswer":
        try:
            return _Readable(None, text if isinstance(text, Message) else self._read(*text))
        except RequestError as error:
            return _refused(None, error)

    def _read_item(self, item: msgspec.Raw) -> "_Readable | BatchAnswer":
        try:
            found = msgspec.json.decode(item, type=BatchMessage)
            return _Readable(found.id, self._read(found.text, found.segment))
        except RequestError as error:
            return _refused(found.id, error)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            said = "it is nested too deeply" if isinstance(error, RecursionError) else without_texts(str(error))
            problem = RequestError("invalid_request", f"The message is not understood: {said}.", SEE_SCHEMA)
            return _refused(_id_of(item), problem)

    def _predict(self, messages: list[Message]) -> list[Prediction | Exception]:
        """The prediction for each message, or the error that it causes: the others are answered."""
        try:
            return [*self.predictor.predict(messages)]
        except Exception as error:
            if len(messages) == 1:
                return [error]
        return [found for message in messages for found in self._predict([message])]

    def _answer(self, item: "_Readable", found: Prediction | Exception, request_id: str) -> BatchAnswer:
        if isinstance(found, FirstlineError):
            return _refused(item.id, found)
        if isinstance(found, Exception):
            raise found
        self._record(request_id, item.id, item.message, found)
        return BatchAnswer(id=item.id, **self._fields(item.message, found))

    def _fields(self, message: Message, found: Prediction) -> dict[str, Any]:
        return {
            "label": found.label,
            "confidence": round(found.confidence, _DIGITS),
            "ranking": _ranking(found),
            "decision": found.decision,
            "reason": found.reason,
            "warnings": self._warnings(message),
        }

    def list_models(self) -> Models:
        """The models of the workspace, newest first; the one that serves is described as it was loaded."""
        serving = self.predictor.manifest
        readable = [item for item in list_models(self.models)[0] if item.id != serving.id]
        readable = sorted([serving, *readable], key=lambda item: (item.measured.created_at, item.id), reverse=True)
        return Models(
            [
                ModelInfo(
                    id=item.id,
                    candidate=item.candidate,
                    created_at=item.measured.created_at,
                    is_serving=item.id == self.model,
                    labels=item.labels,
                    segments=item.segments,
                    accuracy=item.metrics.accuracy if item.metrics else None,
                    macro_f1=item.metrics.macro_f1 if item.metrics else None,
                )
                for item in readable
            ]
        )

    def _read(self, text: str, segment: str | None) -> Message:
        if len(text) > self.limits.max_text_chars:
            raise RequestError(
                "text_too_long",
                f"The text has {len(text):,} characters; the limit is {self.limits.max_text_chars:,}.",
                "Send only its beginning, or raise serving.max_text_chars.",
                status=413,
            )
        message = self.predictor.read(text, segment)
        if not message.text:
            raise RequestError("text_empty", "The text is empty.", "Send what the person wrote.", status=422)
        return message

    def _warnings(self, message: Message) -> tuple[str, ...]:
        if not message.segment or self.predictor.knows_segment(message.segment):
            return ()
        # Any caller reads this: neither what was sent nor what the team's segments are.
        return ("the segment is unknown to the model and was ignored",)


class _Readable(NamedTuple):
    """A message of a batch, and its id."""

    id: str | int | None
    message: Message


class _OnlyId(msgspec.Struct):
    """The id of a message in which something else is wrong."""

    id: str | int | None = None


def _id_of(item: msgspec.Raw) -> str | int | None:
    try:
        return msgspec.json.decode(item, type=_OnlyId).id
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _refused(item_id: str | int | None, error: FirstlineError) -> BatchAnswer:
    return BatchAnswer(item_id, error=ErrorBody(error.code, error.message, error.next_step))


def _why(explanation: Explanation) -> WhyAnswered:
    shown = explanation.words[:_MOST_WORDS]
    return WhyAnswered(tuple(WordShare(item.word, round(item.weight, _DIGITS)) for item in shown), explanation.method)


def _ranking(prediction: Prediction) -> tuple[RankedClass, ...]:
    ranking = prediction.ranking
    # `round` gives the same values, and takes four times as long for them all.
    rounded = np.round([item.confidence for item in ranking], _DIGITS).tolist()
    return tuple(map(RankedClass, [item.label for item in ranking], rounded))
