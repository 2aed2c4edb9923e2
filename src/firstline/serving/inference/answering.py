"""Turns answers into tensors, as JSON or as binary data."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec
import numpy as np
from litestar import MediaType, Response

from firstline.errors import FirstlineError, RequestError
from firstline.serving.inference.protocol import (
    BINARY_SIZE,
    CLASSES,
    JSON_LENGTH,
    MODEL,
    PROBABILITIES,
    TEXT,
    InferResponse,
    OutputTensor,
)
from firstline.serving.inference.reading import Wanted
from firstline.serving.schemas import Answer, ClassifyRequest
from firstline.serving.service import Service

_BINARY = "application/octet-stream"


class Tensors(NamedTuple):
    """An encoded answer. `json_bytes` of its content are JSON, and binary data follow; None if all of it is JSON."""

    content: bytes
    json_bytes: int | None

    def response(self) -> Response[bytes]:
        """The answer as HTTP."""
        if self.json_bytes is None:
            return Response(self.content, media_type=MediaType.JSON)
        return Response(self.content, headers={JSON_LENGTH: str(self.json_bytes)}, media_type=_BINARY)


class TensorBatch:
    """The answers to several messages by one model, as far as they are computed.

    `check_version` gets the model's id and raises if another was asked for.
    """

    def __init__(
        self,
        service: Service,
        outputs: Sequence[Wanted],
        request_id: str | None,
        check_version: Callable[[str], None],
    ) -> None:
        check_version(service.model)
        self._service = service
        self._outputs = outputs
        self._id = request_id
        self.answers: list[Answer] = []
        self.tensors = Tensors(b"", None)

    def add(self, part: Sequence[ClassifyRequest]) -> None:
        """Answer some more messages. Raises the error of the first that has no answer, with its place."""
        for answer in self._service.classify_all(part):
            if isinstance(answer, FirstlineError):
                raise _placed(answer, len(self.answers))
            if isinstance(answer, Exception):
                raise answer
            self.answers.append(answer)

    def finish(self) -> None:
        """Encode all answers."""
        self.tensors = encode(self.answers, self._outputs, self._id)


def encode(answers: Sequence[Answer], outputs: Sequence[Wanted], request_id: str | None) -> Tensors:
    """The answers of one model, at least one, as the outputs."""
    tensors: list[OutputTensor] = []
    binary: list[bytes] = []
    for name, is_binary in outputs:
        values, shape = _values(answers, name)
        datatype = "BYTES" if isinstance(values[0], str) else "FP32"
        if is_binary:
            packed = _packed(values)
            binary.append(packed)
            tensors.append(OutputTensor(name, datatype, shape, {BINARY_SIZE: len(packed)}))
        else:
            tensors.append(OutputTensor(name, datatype, shape, data=values))
    warnings = dict.fromkeys(warning for answer in answers for warning in answer.warnings)
    parameters = {"warnings": "; ".join(warnings)} if warnings else {}
    told = msgspec.json.encode(InferResponse(MODEL, answers[0].model, tensors, request_id, parameters))
    return Tensors(b"".join([told, *binary]), len(told) if binary else None)


def _values(answers: Sequence[Answer], name: str) -> tuple[list[str] | list[float], list[int]]:
    """An output's values, flat and row by row, and their shape."""
    if name not in (CLASSES, PROBABILITIES):
        return [getattr(answer, name) for answer in answers], [len(answers)]
    # By name, because the ranking of each message has an order of its own.
    classes = sorted(item.label for item in answers[0].ranking)
    if name == CLASSES:
        return classes, [len(classes)]
    probabilities: list[float] = []
    for answer in answers:
        found = {item.label: item.confidence for item in answer.ranking}
        probabilities += [found[label] for label in classes]
    return probabilities, [len(answers), len(classes)]


def _packed(values: Sequence[str] | Sequence[float]) -> bytes:
    if isinstance(values[0], str):
        encoded = [str(value).encode() for value in values]
        return b"".join(len(item).to_bytes(4, "little") + item for item in encoded)
    return np.array(values, "<f4").tobytes()


def _placed(error: FirstlineError, place: int) -> RequestError:
    """The error with the place of its message: a tensor has no room for the error of one element."""
    status = error.status if isinstance(error, RequestError) else 503
    return RequestError(error.code, f"{TEXT}[{place}]: {error.message}", error.next_step, status)
