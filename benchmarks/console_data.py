"""A workspace on PostgreSQL with as many messages as a large team has, written by the database itself."""

from collections.abc import Sequence

from sqlalchemy import text

from firstline.console.passwords import hash_password
from firstline.store.database import writing
from firstline.store.users import add_user
from firstline.store.workspace import Workspace
from tests.console import PASSWORD

_CLASSES = 150
_STATEMENTS = (
    "INSERT INTO classes (name, kind) SELECT 'Class ' || n, 'normal' FROM generate_series(1, :classes) n",
    # The key is a hash of the text, as it is of each message.
    "INSERT INTO messages (key, text, segment, sent_at)"
    " SELECT decode(md5('message ' || n), 'hex'),"
    " 'Where is my transfer no. ' || n || ' to <PERSON>? ' || repeat('It was sent on Monday. ', n % 8), 'client',"
    " timestamp '2026-01-01' + n * interval '10 seconds' FROM generate_series(1, :messages) n",
    # Every tenth message has a label of an import.
    "INSERT INTO labels (message_id, class_id, source, at)"
    " SELECT id, 1 + id % :classes, 'import', timestamp '2026-01-01' FROM messages WHERE id % 10 = 0",
)


def fill(place: Workspace, n_messages: int, annotators: Sequence[str]) -> None:
    """Write 150 classes, the messages (one in ten labelled), and annotators with the password `PASSWORD`."""
    hashed = hash_password(PASSWORD)
    with writing(place.database) as connection:
        for statement in _STATEMENTS:
            connection.execute(text(statement), {"classes": _CLASSES, "messages": n_messages})
        for name in annotators:
            add_user(connection, name, "annotator", hashed)
    # The server itself does this after a while.
    with place.database.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE messages, labels, classes"))
