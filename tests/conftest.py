"""Fixtures that tests in several folders share."""

from tests.clusters import running, started
from tests.postgres import new_database, postgres, prepared

__all__ = ["new_database", "postgres", "prepared", "running", "started"]
