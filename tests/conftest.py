"""Fixtures that tests in several folders share."""

from tests.clusters import started

__all__ = ["started"]
