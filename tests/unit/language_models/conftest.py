"""A fixture that language models and the classifier on top of them share."""

from tests.unit.language_models.small import small_shape

__all__ = ["small_shape"]
