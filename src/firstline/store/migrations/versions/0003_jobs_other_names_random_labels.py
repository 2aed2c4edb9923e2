"""Jobs of the worker, former names of classes, labels of messages that were drawn at random."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("classes", sa.Column("stands_for", sa.Integer, nullable=True, comment="class that the name is now"))
    op.add_column("classes", sa.Column("stands_for_import", sa.Integer, nullable=True, comment="merge that made it so"))
    is_random = sa.Column(
        "is_random", sa.Boolean, nullable=False, server_default=sa.false(), comment="of a message drawn at random"
    )
    op.add_column("labels", is_random)
    op.create_table(
        "random_answers",
        sa.Column("label_id", sa.Integer, sa.ForeignKey("labels.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("model", sa.Text, nullable=False, comment="champion that answered before it was learned"),
        sa.Column("at", sa.DateTime, nullable=False, comment="UTC"),
        sa.Column("is_right", sa.Boolean, nullable=False),
        sa.Column("decision", sa.String(16), nullable=False, comment="route, review, unknown"),
    )
    op.create_table(
        "jobs",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("lane", sa.String(16), nullable=False, comment="short: seconds, long: hours"),
        sa.Column("arguments", sa.Text, nullable=False, comment="JSON"),
        sa.Column("state", sa.String(16), nullable=False, index=True),
        sa.Column("asked_by", sa.Text, nullable=False),
        sa.Column("asked_at", sa.DateTime, nullable=False, comment="UTC"),
        sa.Column("not_before", sa.DateTime, nullable=True, comment="UTC"),
        sa.Column("started_at", sa.DateTime, nullable=True, comment="UTC"),
        sa.Column("finished_at", sa.DateTime, nullable=True, comment="UTC"),
        sa.Column("worker", sa.Text, nullable=True, comment="worker that has it"),
        sa.Column("beat_at", sa.DateTime, nullable=True, comment="UTC; last sign of life of the worker"),
        sa.Column("n_starts", sa.Integer, nullable=False),
        sa.Column("is_cancelled", sa.Boolean, nullable=False),
        sa.Column("progress", sa.Text, nullable=True, comment="JSON"),
        sa.Column("log", sa.Text, nullable=False),
        sa.Column("result", sa.Text, nullable=True, comment="JSON"),
        sa.Column("error", sa.Text, nullable=True),
    )
    is_running = sa.text("state = 'running'")
    op.create_index("jobs_running", "jobs", ["lane"], unique=True, sqlite_where=is_running, postgresql_where=is_running)
