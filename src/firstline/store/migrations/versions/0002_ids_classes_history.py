"""Ids by source, classes with an id, labels that are only added to, imports that can be undone."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "imports",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("file", sa.Text, nullable=False, comment="name of the file, masked"),
        sa.Column("source", sa.Text, nullable=False, comment="system that the ids are from"),
        sa.Column("at", sa.DateTime, nullable=False, comment="UTC"),
        sa.Column("undone_at", sa.DateTime, nullable=True, comment="UTC"),
    )
    op.create_table(
        "tombstones",
        sa.Column("key", sa.LargeBinary(16), primary_key=True, comment="keyed hash of what was forgotten"),
        sqlite_with_rowid=False,
    )
    _messages()
    _classes_and_labels()
    op.create_table(
        "corrections",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("import_id", sa.Integer, nullable=False, index=True),
        sa.Column("message_id", sa.Integer, nullable=False, comment="message that the id belonged to"),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("external_id", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False, comment="masked"),
        sa.Column("segment", sa.Text, nullable=True),
        sa.Column("sent_at", sa.DateTime, nullable=True, comment="UTC"),
        sa.Column("added_by", sa.Integer, nullable=True, comment="import that brought the message"),
        sa.Column("label_ids", sa.Text, nullable=False, comment="labels that went to another message, as JSON"),
    )


def _messages() -> None:
    op.add_column("messages", sa.Column("import_id", sa.Integer, nullable=True, comment="import that brought it"))
    op.create_table(
        "message_ids",
        sa.Column("source", sa.Text, primary_key=True, comment="system that the id is from"),
        sa.Column("external_id", sa.Text, primary_key=True),
        sa.Column(
            "message_id", sa.Integer, sa.ForeignKey("messages.id", ondelete="CASCADE"), nullable=False, index=True
        ),
        sa.Column("import_id", sa.Integer, nullable=True, comment="import that brought it"),
        sa.Column("last_import_id", sa.Integer, nullable=True, comment="last import that had it"),
        sqlite_with_rowid=False,
    )
    # Nobody knows the system any more; the next file that has such an id names it. One id of several messages
    # cannot be told apart: it stays with the first.
    op.execute(
        "INSERT INTO message_ids (source, external_id, message_id)"
        " SELECT '', external_id, min(id) FROM messages WHERE external_id IS NOT NULL GROUP BY external_id"
    )
    op.drop_column("messages", "external_id")


def _classes_and_labels() -> None:
    op.rename_table("labels", "labels_0001")
    op.rename_table("classes", "classes_0001")
    op.create_table(
        "classes",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.Text, nullable=False, unique=True),
        sa.Column("description", sa.Text, nullable=True),
        sa.Column("kind", sa.String(16), nullable=False, comment="normal, or none: none of the classes"),
        sa.Column("retired_at", sa.DateTime, nullable=True, comment="UTC"),
        sa.Column("import_id", sa.Integer, nullable=True, comment="import that brought it"),
    )
    op.execute("INSERT INTO classes (name, kind) SELECT name, 'normal' FROM classes_0001 ORDER BY name")
    op.create_table(
        "labels",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column(
            "message_id", sa.Integer, sa.ForeignKey("messages.id", ondelete="CASCADE"), nullable=False, index=True
        ),
        sa.Column("class_id", sa.Integer, sa.ForeignKey("classes.id"), nullable=False),
        sa.Column("source", sa.String(32), nullable=False, comment="import"),
        sa.Column("by", sa.Text, nullable=True, comment="who labelled"),
        sa.Column("at", sa.DateTime, nullable=True, comment="UTC; unknown before 0002"),
        sa.Column("import_id", sa.Integer, nullable=True),
        sa.Column("superseded_at", sa.DateTime, nullable=True, comment="UTC"),
        sa.Column("superseded_by", sa.Integer, nullable=True, comment="label that replaced it"),
        sa.Column("superseded_import", sa.Integer, nullable=True, comment="import that took it away"),
    )
    op.create_index(
        "labels_in_force",
        "labels",
        ["message_id", "class_id"],
        unique=True,
        sqlite_where=sa.text("superseded_at IS NULL"),
        postgresql_where=sa.text("superseded_at IS NULL"),
    )
    op.execute(
        "INSERT INTO labels (message_id, class_id, source)"
        " SELECT messages.id, classes.id, labels_0001.source FROM labels_0001"
        " JOIN messages ON messages.key = labels_0001.message_key"
        " JOIN classes ON classes.name = labels_0001.class_name ORDER BY messages.id, classes.id"
    )
    op.drop_table("labels_0001")
    op.drop_table("classes_0001")
