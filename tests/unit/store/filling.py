"""What the tests of this room share: bringing messages in, and seeing what is stored."""

from typing import Any

from sqlalchemy import Engine, select

from firstline.store.database import writing
from firstline.store.intake import Intake, Tally
from firstline.store.messages import StoredMessage
from firstline.store.schema import classes, in_force, labels, message_ids, messages


def take_in(engine: Engine, *items: StoredMessage, source: str = "crm", batch: int = 1_000, **asked: Any) -> Tally:
    """One import of these messages."""
    with writing(engine) as connection:
        intake = Intake(connection, "a.csv", source, **asked)
        for start in range(0, len(items), batch):
            intake.add(items[start : start + batch])
        return intake.finish()


def texts(engine: Engine) -> list[tuple[str, str | None]]:
    """Text and segment of each message."""
    with engine.connect() as connection:
        found = connection.execute(select(messages.c.text, messages.c.segment).order_by(messages.c.text))
        return [(text, segment) for text, segment in found]


def ids(engine: Engine) -> dict[str, str]:
    """The text of each id."""
    with engine.connect() as connection:
        found = select(message_ids.c.external_id, messages.c.text).join_from(message_ids, messages)
        return dict(connection.execute(found).all())


def labelled(engine: Engine) -> list[tuple[str, str]]:
    """Text and class of each label in force."""
    found = select(messages.c.text, classes.c.name).join_from(messages, labels).join(classes).where(in_force)
    with engine.connect() as connection:
        return [(text, name) for text, name in connection.execute(found.order_by(messages.c.text, classes.c.name))]


def everything(engine: Engine) -> dict[str, list[tuple[object, ...]]]:
    """All rows that an import may change, for comparing."""
    with engine.connect() as connection:
        return {
            table.name: sorted((tuple(row) for row in connection.execute(select(*columns))), key=repr)
            for table, columns in (
                (messages, (messages.c.id, messages.c.key, messages.c.text, messages.c.segment, messages.c.sent_at)),
                (message_ids, (message_ids.c.source, message_ids.c.external_id, message_ids.c.message_id)),
                (labels, tuple(labels.c)),
                (classes, tuple(classes.c)),
            )
        }
