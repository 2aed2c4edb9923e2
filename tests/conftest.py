"""Fixtures that tests in several folders share."""

from tests.clusters import running, started
from tests.postgres import new_database, postgres, prepared, prepared_file

__all__ = ["new_database", "postgres", "prepared", "prepared_file", "running", "started"]
