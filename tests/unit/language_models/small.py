"""A new language model that learns in a moment."""

import os

import pytest

from firstline.language_models import adapt, start
from firstline.language_models.card import Shape


@pytest.fixture
def small_shape(monkeypatch: pytest.MonkeyPatch) -> Shape:
    """A new language model is so small, and reads so seldom, that it learns in a moment."""
    shape = Shape(n_embedding=16, n_hidden=16, n_layers=1)
    monkeypatch.setattr(start, "OWN_SHAPE", shape)
    monkeypatch.setattr(adapt, "_LEAST_BATCHES", 0)
    # On one core all is done in this process, which patches reach.
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0})
    return shape
