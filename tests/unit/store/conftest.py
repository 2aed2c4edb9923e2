from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from firstline.store.database import open_database
from tests.postgres import NewDatabase


@pytest.fixture
def engine(new_database: NewDatabase) -> Iterator[Engine]:
    """An empty database, of each kind."""
    made = open_database(new_database())
    yield made
    made.dispose()
