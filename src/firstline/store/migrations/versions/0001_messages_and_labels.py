"""Messages, classes, labels."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "messages",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("key", sa.LargeBinary(16), nullable=False, unique=True, comment="hash of text and segment"),
        sa.Column("external_id", sa.Text, nullable=True, comment="id in the system the message came from"),
        sa.Column("text", sa.Text, nullable=False, comment="masked"),
        sa.Column("segment", sa.Text, nullable=True),
        sa.Column("sent_at", sa.DateTime, nullable=True, comment="UTC"),
    )
    op.create_table(
        "classes",
        sa.Column("name", sa.Text, primary_key=True),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "labels",
        sa.Column(
            "message_key",
            sa.LargeBinary(16),
            sa.ForeignKey("messages.key", ondelete="CASCADE", onupdate="CASCADE"),
            primary_key=True,
        ),
        sa.Column("class_name", sa.Text, sa.ForeignKey("classes.name"), primary_key=True),
        sa.Column("source", sa.String(32), nullable=False, comment="import"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "state",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )
