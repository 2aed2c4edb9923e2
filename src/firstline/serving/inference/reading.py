"""Reads the tensors of a request: JSON, or binary data behind the JSON. No error quotes what was sent."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import msgspec
from litestar.openapi.spec import OpenAPIType, Reference, Schema
from litestar.typing import FieldDefinition

from firstline.errors import RequestError
from firstline.serving.batches import refuse_too_many
from firstline.serving.bodies import JsonBody, read_json, refuse_countless
from firstline.serving.inference.protocol import (
    BINARY_OUTPUT,
    BINARY_OUTPUTS,
    BINARY_SIZE,
    CLASSES,
    JSON_LENGTH,
    OUTPUTS,
    PROBABILITIES,
    SEGMENT,
    TEXT,
    InferRequest,
    InputTensor,
    RequestedOutput,
    parameter,
)
from firstline.serving.problems import SEE_SCHEMA
from firstline.serving.schemas import MOST_SEGMENT_CHARS, ClassifyRequest
from firstline.settings.model import ServingSettings

T = TypeVar("T")
_LENGTH_BYTES = 4
_MOST_DIGITS = 12
_CHANGES_ANSWER = ("classification", "shared_memory_region")
"""Parameters of Triton's other extensions. A client that sent one would read the answer wrongly."""


class Wanted(NamedTuple):
    """An output to answer with."""

    name: str
    is_binary: bool


class TensorBody(JsonBody[T]):
    """A body whose JSON binary data may follow."""

    def decode_bytes(self, value: bytes) -> Any:
        """The JSON as the type.

        Raises `SerializationException`, and `RequestError` if the header about its length is wrong or if it has more
        values than any batch.
        """
        described, _ = split(value, self.asgi_connection.headers)
        refuse_countless(described)
        return super().decode_bytes(described)

    @classmethod
    def create_openapi_schema(
        cls, field_definition: FieldDefinition, handler_id: str, schema_creator: Any
    ) -> Reference | Schema:
        """The schema of the type; the data of an input are strings, each of which may be a list of its own."""
        request: Reference | Schema = super().create_openapi_schema(field_definition, handler_id, schema_creator)
        tensor = schema_creator.for_field_definition(FieldDefinition.from_annotation(InputTensor))
        described = schema_creator.schema_registry.from_reference(tensor).schema
        text = Schema(type=OpenAPIType.STRING)
        alone = Schema(type=OpenAPIType.ARRAY, items=text, min_items=1, max_items=1)
        described.properties["data"] = Schema(
            type=OpenAPIType.ARRAY,
            items=Schema(one_of=[text, alone]),
            description="n strings. Left out if they follow as binary data, with `binary_data_size`.",
        )
        return request


def split(body: bytes, headers: Mapping[str, str]) -> tuple[bytes, bytes]:
    """The JSON of a body and the binary data behind it. Raises `RequestError` if their border is not in the body."""
    length = headers.get(JSON_LENGTH)
    if length is None:
        return body, b""
    if not (length.isascii() and length.isdigit() and len(length) <= _MOST_DIGITS and int(length) <= len(body)):
        raise _refused("Inference-Header-Content-Length is not the length of the JSON in the body.")
    return body[: int(length)], body[int(length) :]


def messages_of(request: InferRequest, binary: bytes, limits: ServingSettings) -> list[ClassifyRequest]:
    """The messages, at least one. Raises `RequestError` if the tensors are not what the protocol says."""
    columns: dict[str, list[str]] = {}
    rest = memoryview(binary)
    for tensor in request.inputs:
        if tensor.name not in (TEXT, SEGMENT) or tensor.name in columns:
            raise _refused("The inputs are `text` and, if you have them, `segment`: each once, and no others.")
        n = _n_messages(tensor)
        refuse_too_many(n, limits)
        size = _binary_size(tensor)
        if size is None:
            columns[tensor.name] = _listed(tensor, n)
        elif size <= len(rest):
            columns[tensor.name] = _unpacked(tensor.name, rest[:size], n)
            rest = rest[size:]
        else:
            raise _refused(f"`{tensor.name}` has less binary data than its `binary_data_size`.")
    if rest:
        raise _refused("There is more binary data than the inputs name in `binary_data_size`.")
    return _joined(columns)


def outputs_of(request: InferRequest) -> list[Wanted]:
    """The outputs to answer with, in the order of the request. Raises `RequestError` for one that does not exist."""
    by_default = _flag(parameter(request.parameters, BINARY_OUTPUTS), BINARY_OUTPUTS, default=False)
    if not request.outputs:
        return [Wanted(name, by_default) for name in OUTPUTS]
    names = [item.name for item in request.outputs]
    known = (*OUTPUTS, PROBABILITIES, CLASSES)
    if len(set(names)) < len(names) or not set(names) <= set(known):
        raise _refused(f"The outputs are {', '.join(known)}: each at most once, and no others.")
    return [_wanted(item, by_default) for item in request.outputs]


def _wanted(item: RequestedOutput, by_default: bool) -> Wanted:
    for name in _CHANGES_ANSWER:
        if parameter(item.parameters, name) is not None:
            raise _refused(f"An output with `{name}` is not supported.")
    return Wanted(item.name, _flag(parameter(item.parameters, BINARY_OUTPUT), BINARY_OUTPUT, default=by_default))


def _flag(value: object, name: str, *, default: bool) -> bool:
    if value is None:
        return default
    if not isinstance(value, bool):
        raise _refused(f"`{name}` is either true or false.")
    return value


def _n_messages(tensor: InputTensor) -> int:
    if tensor.datatype != "BYTES":
        raise _refused(f"The datatype of `{tensor.name}` is BYTES.")
    if len(tensor.shape) not in (1, 2) or tensor.shape[0] < 1 or tensor.shape[1:] not in ([], [1]):
        raise _refused(f"The shape of `{tensor.name}` is [n] or [n, 1] for n messages, at least one.")
    return tensor.shape[0]


def _binary_size(tensor: InputTensor) -> int | None:
    """How many bytes of binary data are the tensor's; None if its data stand in the JSON."""
    size = parameter(tensor.parameters, BINARY_SIZE)
    has_data = tensor.data is not msgspec.UNSET
    if has_data == (size is not None):
        raise _refused(f"`{tensor.name}` has either `data` or the parameter `binary_data_size`.")
    if size is not None and (isinstance(size, bool) or not isinstance(size, int) or size < 0):
        raise _refused(f"The `binary_data_size` of `{tensor.name}` is a number of bytes.")
    return size


def _listed(tensor: InputTensor, n: int) -> list[str]:
    """The elements in the JSON: flat, or one to a row."""
    data = bytes(tensor.data) if isinstance(tensor.data, msgspec.Raw) else b""
    try:
        found = read_json(data, list[str])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        found = _rows(data) if len(tensor.shape) == 2 else []
    if len(found) != n:
        raise _refused(f"The data of `{tensor.name}` are not as many strings as its shape says.")
    return found


def _rows(data: bytes) -> list[str]:
    try:
        return [text for (text,) in read_json(data, list[tuple[str]])]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return []


def _unpacked(name: str, data: memoryview, n: int) -> list[str]:
    """The elements in binary data: each a length of four bytes, little-endian, and so many bytes of UTF-8."""
    found: list[str] = []
    at = 0
    for place in range(n):
        start = at + _LENGTH_BYTES
        at = start + int.from_bytes(data[at:start], "little")
        if start > len(data) or at > len(data):
            raise _refused(f"The binary data of `{name}` end before its element {place} does.")
        try:
            found.append(str(data[start:at], "utf-8"))
        except UnicodeDecodeError:
            raise RequestError(
                "invalid_utf8", f"{name}[{place}] is not UTF-8.", "Send texts encoded as UTF-8."
            ) from None
    if at != len(data):
        raise _refused(f"The binary data of `{name}` are more than its shape says.")
    return found


def _joined(columns: Mapping[str, Sequence[str]]) -> list[ClassifyRequest]:
    texts, segments = columns.get(TEXT), columns.get(SEGMENT)
    if texts is None:
        raise _refused("The input `text` is missing.")
    if segments is None:
        return [ClassifyRequest(text) for text in texts]
    if len(segments) != len(texts):
        raise _refused("`text` and `segment` have different lengths.")
    for place, segment in enumerate(segments):
        if len(segment) > MOST_SEGMENT_CHARS:
            raise _refused(f"segment[{place}] has more than {MOST_SEGMENT_CHARS} characters.")
    return [ClassifyRequest(text, segment) for text, segment in zip(texts, segments, strict=True)]


def _refused(what: str) -> RequestError:
    return RequestError("invalid_request", what, SEE_SCHEMA)
