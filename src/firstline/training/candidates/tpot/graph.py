"""A fitted scikit-learn pipeline as an ONNX graph."""

import warnings

import numpy as np
import onnx
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline

from firstline.bundle.sessions import open_session
from firstline.errors import TrainingError

_TOLERANCE = 1e-3
_AGREE = 0.999


def graph_of(pipeline: Pipeline, features: NDArray[np.float32]) -> bytes:
    """`components`, float32 (n_texts, n_components) -> `probabilities`, float32 (n_texts, n_labels).

    Checked against the pipeline on `features`: labels of 99.9 % agree, probabilities to three digits. Raises
    `TrainingError` where they do not, or a step has no counterpart.
    """
    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import FloatTensorType

    n_components = features.shape[1]
    # What the converter cannot do has no class in common.
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = convert_sklearn(
                pipeline,
                "firstline",
                [("components", FloatTensorType([None, n_components]))],
                options={"zipmap": False},
                target_opset={"": 17, "ai.onnx.ml": 3},
            )
    except Exception as error:
        raise _unusable(str(error)) from error
    for output in [value for value in model.graph.output if value.name != "probabilities"]:
        model.graph.output.remove(output)
    content: bytes = onnx.ModelProto.SerializeToString(model, deterministic=True)
    session = open_session(content, ("components", "tensor(float)"), ("probabilities", "tensor(float)"))
    found = np.concatenate([session.run(None, {"components": row[None]})[0] for row in features])
    expected = pipeline.predict_proba(features)
    agree = float((found.argmax(axis=1) == expected.argmax(axis=1)).mean())
    close = float((np.abs(found - expected).max(axis=1) <= _TOLERANCE).mean())
    if min(agree, close) < _AGREE:
        raise _unusable(f"the graph agrees on {agree:.1%} of the labels and {close:.1%} of the probabilities")
    return content


def _unusable(why: str) -> TrainingError:
    return TrainingError(f"The pipeline that TPOT found cannot be served: {why}.", "Try another seed.")
