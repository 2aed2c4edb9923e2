"""The labelling queue: suggestions, leases, and what people say of messages that they do not label."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    by_people = sa.column("by").is_not(None)
    op.create_index("labels_by", "labels", ["by", "at"], sqlite_where=by_people, postgresql_where=by_people)
    message = ("messages.id", "CASCADE")
    op.create_table(
        "suggestions",
        sa.Column("message_id", sa.Integer, sa.ForeignKey(message[0], ondelete=message[1]), primary_key=True),
        sa.Column("rank", sa.Integer, nullable=False, index=True, comment="the lowest is asked first"),
        sa.Column("reason", sa.String(32), nullable=False, comment="why it is asked"),
        sa.Column("cluster", sa.Integer, nullable=True, comment="messages that are alike"),
        sa.Column("is_random", sa.Boolean, nullable=False, comment="drawn at random"),
        sa.Column("guesses", sa.Text, nullable=False, comment="class ids with shares, the likeliest first, as JSON"),
    )
    op.create_table(
        "leases",
        sa.Column("message_id", sa.Integer, sa.ForeignKey(message[0], ondelete=message[1]), primary_key=True),
        sa.Column("who", sa.Text, nullable=False, index=True),
        sa.Column("until", sa.DateTime, nullable=False, comment="UTC"),
    )
    op.create_table(
        "remarks",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("message_id", sa.Integer, sa.ForeignKey(message[0], ondelete=message[1]), nullable=False, index=True),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime, nullable=False, comment="UTC"),
        sa.Column("kind", sa.String(16), nullable=False, comment="skip, unsure, note"),
        sa.Column("text", sa.Text, nullable=True, comment="masked"),
        sa.Column("settled_at", sa.DateTime, nullable=True, comment="UTC"),
    )
