"""Reading the body of a request: JSON, straight into what the handler takes."""

from collections.abc import Generator
from typing import Any, TypeVar

import msgspec
from litestar.dto import AbstractDTO
from litestar.dto.data_structures import DTOFieldDefinition
from litestar.exceptions import SerializationException
from litestar.openapi.spec import Reference, Schema
from litestar.typing import FieldDefinition

from firstline.errors import RequestError
from firstline.messages.json_guard import mend_surrogates
from firstline.serving.problems import SEE_SCHEMA
from firstline.serving.schemas import BatchMessage

T = TypeVar("T")
_MOST_COMMAS = 1_000_000
_OTHER_ITEM = "Anything else is answered with an error of its own."


def read_json(body: bytes, kind: type[T]) -> T:
    """The body as `kind`. Half an emoji, which programs leave when they cut a text, becomes U+FFFD.

    Raises `msgspec.DecodeError`, `UnicodeDecodeError` and `RecursionError`.
    """
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError:
        mended = mend_surrogates(body)
        if mended == body:
            raise
        return msgspec.json.decode(mended, type=kind)


def refuse_countless(body: bytes) -> None:
    """Raises `RequestError` if a body has more values than any batch: they would fill the memory before they count."""
    if body.count(b",") > _MOST_COMMAS:
        raise RequestError("batch_too_large", "The body has too many values.", SEE_SCHEMA, status=413)


class JsonBody(AbstractDTO[T]):
    """How Litestar reads a body as the type in brackets."""

    def decode_bytes(self, value: bytes) -> Any:
        """The body as the type. Raises `SerializationException`."""
        try:
            return read_json(value, self.model_type)
        except msgspec.DecodeError as error:
            raise SerializationException(str(error)) from error

    @classmethod
    def create_for_field_definition(cls, *_: object, **__: object) -> None:
        """Nothing: Litestar would make a type of its own to decode into."""

    @classmethod
    def create_openapi_schema(
        cls, field_definition: FieldDefinition, handler_id: str, schema_creator: Any
    ) -> Reference | Schema:
        """The schema of the type."""
        found: Reference | Schema = schema_creator.for_field_definition(field_definition)
        return found

    @classmethod
    def generate_field_definitions(cls, model_type: type[Any]) -> Generator[DTOFieldDefinition, None, None]:
        """None: no type is made."""
        yield from ()

    @classmethod
    def detect_nested_field(cls, field_definition: FieldDefinition) -> bool:
        """Never: no type is made."""
        return False


class BatchBody(JsonBody[T]):
    """A body with `messages`. Each message is read later and separately, so that a bad one fails alone."""

    def decode_bytes(self, value: bytes) -> Any:
        """The body as the type.

        Raises `SerializationException`, `UnicodeDecodeError` if it is not UTF-8, and `RequestError` if it has more
        values than any batch of texts: they would fill the memory before they are counted.
        """
        refuse_countless(value)
        value.decode()
        return super().decode_bytes(value)

    @classmethod
    def create_openapi_schema(
        cls, field_definition: FieldDefinition, handler_id: str, schema_creator: Any
    ) -> Reference | Schema:
        """The schema of the type; a message should be a `BatchMessage`."""
        batch = schema_creator.for_field_definition(field_definition)
        message = schema_creator.for_field_definition(FieldDefinition.from_annotation(BatchMessage))
        described = schema_creator.schema_registry.from_reference(batch).schema
        described.properties["messages"].items = Schema(any_of=[message, Schema(description=_OTHER_ITEM)])
        found: Reference | Schema = batch
        return found
