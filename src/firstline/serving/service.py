"""Answering messages with the model in charge."""

from collections.abc import Sequence
from pathlib import Path

from firstline.bundle.predictor import Predictor
from firstline.bundle.registry import list_models
from firstline.errors import RequestError
from firstline.serving.schemas import (
    Answer,
    BatchAnswer,
    BatchAnswers,
    BatchMessage,
    ErrorBody,
    ModelInfo,
    Models,
    RankedClass,
)
from firstline.settings.model import ServingSettings
from firstline.types import Message, Prediction

_DIGITS = 6


class Service:
    """One predictor and the limits of what it is asked."""

    def __init__(self, predictor: Predictor, models: Path, limits: ServingSettings) -> None:
        self.predictor = predictor
        self.models = models
        self.limits = limits

    @property
    def model(self) -> str:
        return self.predictor.manifest.id

    def classify(self, text: str, segment: str | None) -> Answer:
        """The answer to one raw message. Raises `RequestError`."""
        message = self._read(text, segment)
        prediction = self.predictor.predict([message])[0]
        return Answer(
            model=self.model,
            label=prediction.label,
            confidence=round(prediction.confidence, _DIGITS),
            ranking=_ranking(prediction),
            warnings=self._warnings(message),
        )

    def classify_batch(self, messages: Sequence[BatchMessage]) -> BatchAnswers:
        """Answers in the order of the messages; a message that cannot be answered has an error of its own.

        Raises `RequestError` where there are too many.
        """
        if len(messages) > self.limits.max_batch:
            raise RequestError(
                "batch_too_large",
                f"The batch has {len(messages):,} messages, at most {self.limits.max_batch:,} are taken.",
                "Send them in several requests; the limit is serving.max_batch.",
                status=413,
            )
        readable: list[tuple[int, Message]] = []
        results: list[BatchAnswer | None] = [None] * len(messages)
        for place, item in enumerate(messages):
            try:
                readable.append((place, self._read(item.text, item.segment)))
            except RequestError as error:
                results[place] = BatchAnswer(item.id, error=ErrorBody(error.code, error.message, error.next_step))
        predictions = self.predictor.predict([message for _, message in readable])
        for (place, message), prediction in zip(readable, predictions, strict=True):
            results[place] = BatchAnswer(
                id=messages[place].id,
                label=prediction.label,
                confidence=round(prediction.confidence, _DIGITS),
                ranking=_ranking(prediction),
                warnings=self._warnings(message),
            )
        return BatchAnswers(self.model, [result for result in results if result is not None])

    def list_models(self) -> Models:
        """The models of the workspace, newest first."""
        readable, _ = list_models(self.models)
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
                f"The text has {len(text):,} characters, at most {self.limits.max_text_chars:,} are taken.",
                "Send its beginning; the limit is serving.max_text_chars.",
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


def _ranking(prediction: Prediction) -> tuple[RankedClass, ...]:
    return tuple(RankedClass(item.label, round(item.confidence, _DIGITS)) for item in prediction.ranking)
