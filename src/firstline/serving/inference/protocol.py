"""What the protocol takes and gives, and the names of Firstline's tensors.

Source: kserve/open-inference-protocol, specification/protocol/inference_rest.md. Fields that it does not know are
ignored, as it says for parameters. Triton's binary tensor data is its extension `binary_tensor_data`.
"""

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec

MODEL = "firstline"
"""The name of the one model. Its version is the id of the model that serves."""
TEXT, SEGMENT = "text", "segment"
OUTPUTS = ("label", "confidence", "decision", "reason")
"""What is answered if a request names no outputs."""
PROBABILITIES, CLASSES = "probabilities", "classes"
BINARY_SIZE, BINARY_OUTPUT, BINARY_OUTPUTS = "binary_data_size", "binary_data", "binary_data_output"
"""Parameters of an input, of an output, and of a request."""
JSON_LENGTH = "inference-header-content-length"
"""The header that tells how many bytes of a body are JSON, if binary data follows."""

Parameters = Annotated[
    dict[str, str | int | float | bool], msgspec.Meta(description="Those that Firstline does not know are ignored.")
]


class InputTensor(msgspec.Struct, frozen=True):
    """Texts, or the segments of their writers: one for each message."""

    name: Annotated[str, msgspec.Meta(description="`text`, or `segment`, which is optional.")]
    shape: Annotated[list[int], msgspec.Meta(description="[n] or [n, 1] for n messages.")]
    datatype: Annotated[str, msgspec.Meta(description="`BYTES`.")]
    parameters: Parameters | None = None
    data: Annotated[
        msgspec.Raw | msgspec.UnsetType,
        msgspec.Meta(description="n strings. Left out if they follow as binary data, with `binary_data_size`."),
    ] = msgspec.UNSET


class RequestedOutput(msgspec.Struct, frozen=True):
    """An output to answer with, as binary data if its parameter `binary_data` is true."""

    name: Annotated[
        str, msgspec.Meta(description="`label`, `confidence`, `decision`, `reason`, `probabilities` or `classes`.")
    ]
    parameters: Parameters | None = None


class InferRequest(msgspec.Struct, frozen=True):
    """Messages as tensors."""

    inputs: list[InputTensor]
    id: Annotated[str | None, msgspec.Meta(description="Comes back with the answer.")] = None
    outputs: Annotated[
        list[RequestedOutput] | None,
        msgspec.Meta(description="`label`, `confidence`, `decision` and `reason` if left out."),
    ] = None
    parameters: Parameters | None = None


class OutputTensor(msgspec.Struct, frozen=True, omit_defaults=True):
    """One output for all messages. `data` is flat; it is left out if it follows as binary data."""

    name: str
    datatype: str
    shape: list[int]
    parameters: dict[str, int] = {}
    data: Sequence[str | float] | msgspec.UnsetType = msgspec.UNSET


class InferResponse(msgspec.Struct, frozen=True, omit_defaults=True):
    """The outputs. The parameter `warnings` says, for example, that a segment is unknown."""

    model_name: str
    model_version: str
    outputs: list[OutputTensor]
    id: str | None = None
    parameters: dict[str, str] = {}


class TensorMetadata(msgspec.Struct, frozen=True):
    """An input or an output; -1 stands for any size."""

    name: str
    datatype: str
    shape: list[int]


class ModelMetadata(msgspec.Struct, frozen=True):
    """The model. Only the version that serves can be asked."""

    name: str
    versions: list[str]
    platform: str
    inputs: list[TensorMetadata]
    outputs: list[TensorMetadata]


class ServerMetadata(msgspec.Struct, frozen=True):
    """The service."""

    name: str
    version: str
    extensions: list[str]


class ServerLive(msgspec.Struct, frozen=True):
    """Whether the process answers at all."""

    live: bool


class ServerReady(msgspec.Struct, frozen=True):
    """Whether a model is loaded."""

    ready: bool


class ModelReady(msgspec.Struct, frozen=True):
    """Whether this version of the model serves."""

    name: str
    ready: bool


class ProtocolError(msgspec.Struct, frozen=True):
    """An error as the protocol has it: one sentence, and what to do next. The header `X-Error-Code` has its code."""

    error: str


def metadata_of(version: str, n_classes: int) -> ModelMetadata:
    """The model's metadata. `n_classes` is the number of its classes."""
    labels = TensorMetadata("label", "BYTES", [-1])
    rest = [TensorMetadata(name, "BYTES", [-1]) for name in ("decision", "reason")]
    on_request = [TensorMetadata(PROBABILITIES, "FP32", [-1, n_classes]), TensorMetadata(CLASSES, "BYTES", [n_classes])]
    return ModelMetadata(
        name=MODEL,
        versions=[version],
        platform="firstline",
        inputs=[TensorMetadata(name, "BYTES", [-1]) for name in (TEXT, SEGMENT)],
        outputs=[labels, TensorMetadata("confidence", "FP32", [-1]), *rest, *on_request],
    )


def parameter(parameters: dict[str, Any] | None, name: str) -> Any:
    """A parameter's value; None if it is not given."""
    return None if parameters is None else parameters.get(name)
