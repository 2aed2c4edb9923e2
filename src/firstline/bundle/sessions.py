"""ONNX Runtime, configured for serving: one thread, no log output, little memory."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

_SUM_TOLERANCE = 1e-3


def open_session(graph: bytes, expected_input: tuple[str, str], expected_output: tuple[str, str]) -> "InferenceSession":
    """A session for the bytes of a graph with one input and one output: (name, type) each.

    ONNX Runtime refuses a graph of bytes whose weights lie in another file.
    Raises `ValueError` if the graph maps something else, and what ONNX Runtime raises.
    """
    # Imported here, because a linear model does not need it and the import is slow.
    import onnxruntime

    onnxruntime.disable_telemetry_events()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Saves memory: by default it keeps a plan for every text length, and the unpacked copy of repacked weights.
    options.enable_mem_pattern = False
    options.add_session_config_entry("session.use_device_allocator_for_initializers", "1")
    # Errors are raised, not printed.
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"], enable_fallback=False)
    # Its wrapper would hold the bytes as long as the session lives.
    session._model_bytes = None
    inputs = [(value.name, value.type) for value in session.get_inputs()]
    outputs = [(value.name, value.type) for value in session.get_outputs()]
    if inputs != [expected_input] or outputs != [expected_output]:
        raise ValueError(f"it maps {inputs} to {outputs}, expected {[expected_input]} to {[expected_output]}")
    return session


def problem_of(probabilities: NDArray[np.float32], shape: tuple[int, ...]) -> str:
    """Why an array is not probabilities of this shape, as a sentence part; empty if it is."""
    if probabilities.shape != shape:
        return f"it gives probabilities of shape {probabilities.shape}, expected {shape}"
    if not (probabilities >= 0).all() or not abs(probabilities.sum() - 1) < _SUM_TOLERANCE:
        return f"its probabilities are {probabilities.min()} or more and sum to {probabilities.sum()}"
    return ""
