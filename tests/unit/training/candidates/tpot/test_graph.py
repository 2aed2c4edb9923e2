"""Every operator that TPOT may choose answers in ONNX what it answers in scikit-learn."""

import warnings

import numpy as np
import pytest
import skl2onnx
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer

from firstline.errors import TrainingError
from firstline.training.candidates.tpot import engine
from firstline.training.candidates.tpot.engine import CLASSIFIERS, TRANSFORMERS
from firstline.training.candidates.tpot.graph import graph_of

LABELS = np.arange(120, dtype=np.int64) % 4


def features() -> NDArray[np.float32]:
    noise = np.random.default_rng(0).normal(0, 0.5, (len(LABELS), 8))
    noise[:, :4] += np.eye(4)[LABELS]
    return noise.astype(np.float32)


def fitted(pipeline: Pipeline) -> Pipeline:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pipeline.fit(features(), LABELS)


@pytest.mark.parametrize("name", [*CLASSIFIERS, *TRANSFORMERS])
def test_every_operator_can_be_served(name: str) -> None:
    engine._tpot()
    from tpot.config import get_search_space

    space = get_search_space([name], n_classes=4, n_samples=len(LABELS), n_features=8, random_state=0)
    for seed in range(2):
        operator = space.generate(np.random.default_rng(seed)).export_pipeline()
        steps = (operator,) if name in CLASSIFIERS else (operator, LogisticRegression())
        assert graph_of(fitted(make_pipeline(*steps)), features())


def test_a_step_without_a_counterpart_is_refused() -> None:
    pipeline = fitted(make_pipeline(FunctionTransformer(np.sin), LogisticRegression()))
    with pytest.raises(TrainingError, match="cannot be served"):
        graph_of(pipeline, features())


def test_a_graph_that_answers_otherwise_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    other = make_pipeline(LogisticRegression()).fit(features(), LABELS[::-1])
    convert = skl2onnx.convert_sklearn
    monkeypatch.setattr(skl2onnx, "convert_sklearn", lambda _, *rest, **named: convert(other, *rest, **named))
    with pytest.raises(TrainingError, match="agrees on"):
        graph_of(fitted(make_pipeline(LogisticRegression())), features())
