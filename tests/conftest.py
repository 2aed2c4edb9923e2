"""Fixtures that tests in several folders share."""

from tests.clusters import running, started

__all__ = ["running", "started"]
