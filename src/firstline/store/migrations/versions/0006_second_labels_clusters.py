"""Second labels, which measure agreement and check suspects, and clusters of messages that are alike."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    in_force = sa.column("superseded_at").is_(None)
    op.create_index("labels_of_class", "labels", ["class_id", "id"], sqlite_where=in_force, postgresql_where=in_force)
    message = ("messages.id", "CASCADE")
    op.create_table(
        "second_labels",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("message_id", sa.Integer, sa.ForeignKey(message[0], ondelete=message[1]), nullable=False, index=True),
        sa.Column("first_class", sa.Integer, sa.ForeignKey("classes.id"), nullable=False, comment="as it was then"),
        sa.Column("first_by", sa.Text, nullable=True, comment="who gave the first label, if it is known"),
        sa.Column("class_id", sa.Integer, sa.ForeignKey("classes.id"), nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime, nullable=False, comment="UTC"),
        sa.Column("reason", sa.String(16), nullable=False, comment="twice, suspect"),
        sa.Column("settled_at", sa.DateTime, nullable=True, comment="UTC"),
        sa.Column("settled_by", sa.Text, nullable=True, comment="lead who decided"),
    )
    op.add_column("remarks", sa.Column("settled_by", sa.Text, nullable=True, comment="lead who decided"))
    op.create_table(
        "clusters",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("rank", sa.Integer, nullable=False, comment="the lowest is shown first"),
        sa.Column(
            "class_id", sa.Integer, sa.ForeignKey("classes.id", ondelete="SET NULL"), nullable=True, comment="suggested"
        ),
        sa.Column("share", sa.Float, nullable=True, comment="how likely the class is, 0 to 1"),
        sa.Column("words", sa.Text, nullable=False, comment="that set it apart, as JSON"),
    )
    op.create_table(
        "cluster_messages",
        sa.Column("message_id", sa.Integer, sa.ForeignKey(message[0], ondelete=message[1]), primary_key=True),
        sa.Column(
            "cluster_id", sa.Integer, sa.ForeignKey("clusters.id", ondelete="CASCADE"), nullable=False, index=True
        ),
        sa.Column("similarity", sa.Float, nullable=False, comment="to the centre of the cluster, -1 to 1"),
    )
