"""Users of the console, their sessions, and failed sign-ins."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "users",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("folded_name", sa.Text, nullable=False, unique=True, comment="name without case"),
        sa.Column("role", sa.String(16), nullable=False, comment="annotator, lead, admin"),
        sa.Column("password_hash", sa.Text, nullable=False, comment="Argon2id; empty: cannot sign in with one"),
        sa.Column("created_at", sa.DateTime, nullable=False, comment="UTC"),
        sa.Column("disabled_at", sa.DateTime, nullable=True, comment="UTC"),
    )
    op.create_table(
        "sessions",
        sa.Column("token_hash", sa.LargeBinary(32), primary_key=True, comment="SHA-256 of the cookie"),
        sa.Column("user_id", sa.Integer, sa.ForeignKey("users.id"), nullable=False, index=True),
        sa.Column("csrf", sa.String(64), nullable=False, comment="secret that each form repeats"),
        sa.Column("created_at", sa.DateTime, nullable=False, comment="UTC"),
        sa.Column("seen_at", sa.DateTime, nullable=False, comment="UTC; to the minute"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "sign_ins",
        sa.Column("account", sa.LargeBinary(16), primary_key=True, comment="keyed hash of the name that was entered"),
        sa.Column("address", sa.LargeBinary(16), primary_key=True, comment="keyed hash; empty: all unknown addresses"),
        sa.Column("n_failures", sa.Integer, nullable=False, comment="since the last success"),
        sa.Column("failed_at", sa.DateTime, nullable=True, comment="UTC"),
        sa.Column("succeeded_at", sa.DateTime, nullable=True, comment="UTC"),
        sqlite_with_rowid=False,
    )
