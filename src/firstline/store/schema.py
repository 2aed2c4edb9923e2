"""The tables of the workspace database. A change here comes with a migration."""

from sqlalchemy import (
    Column,
    DateTime,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

metadata = MetaData()

messages = Table(
    "messages",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("key", LargeBinary(16), nullable=False, unique=True, comment="hash of text and segment"),
    Column("external_id", Text, nullable=True, comment="id in the system the message came from"),
    Column("text", Text, nullable=False, comment="masked"),
    Column("segment", Text, nullable=True),
    Column("sent_at", DateTime, nullable=True, comment="UTC"),
)

classes = Table(
    "classes",
    metadata,
    Column("name", Text, primary_key=True),
    sqlite_with_rowid=False,
)

labels = Table(
    "labels",
    metadata,
    Column(
        "message_key",
        LargeBinary(16),
        ForeignKey("messages.key", ondelete="CASCADE", onupdate="CASCADE"),
        primary_key=True,
    ),
    Column("class_name", Text, ForeignKey("classes.name"), primary_key=True),
    Column("source", String(32), nullable=False, comment="import"),
    sqlite_with_rowid=False,
)
"""One row for each opinion: a message with two rows is a disagreement."""

state = Table(
    "state",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", Text, nullable=False),
    sqlite_with_rowid=False,
)
"""What the workspace remembers of itself, such as the masks that its messages went through."""
