"""The tables of the workspace database. Every change here needs a migration."""

from sqlalchemy import (
    Boolean,
    Column,
    DateTime,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    and_,
    exists,
    false,
    or_,
)

metadata = MetaData()

imports = Table(
    "imports",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("file", Text, nullable=False, comment="name of the file, masked"),
    Column("source", Text, nullable=False, comment="system that the ids are from"),
    Column("at", DateTime, nullable=False, comment="UTC"),
    Column("undone_at", DateTime, nullable=True, comment="UTC"),
)

messages = Table(
    "messages",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("key", LargeBinary(16), nullable=False, unique=True, comment="hash of text and segment"),
    Column("text", Text, nullable=False, comment="masked"),
    Column("segment", Text, nullable=True),
    Column("sent_at", DateTime, nullable=True, comment="UTC"),
    Column("import_id", Integer, nullable=True, comment="import that brought it"),
)

message_ids = Table(
    "message_ids",
    metadata,
    Column("source", Text, primary_key=True, comment="system that the id is from"),
    Column("external_id", Text, primary_key=True),
    Column("message_id", Integer, ForeignKey("messages.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("import_id", Integer, nullable=True, comment="import that brought it"),
    Column("last_import_id", Integer, nullable=True, comment="last import that had it"),
    sqlite_with_rowid=False,
)
"""Ids of messages in other systems; a message may have several. The source is empty for ids older than 0002."""

classes = Table(
    "classes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("description", Text, nullable=True),
    Column("kind", String(16), nullable=False, comment="normal, or none: none of the classes"),
    Column("retired_at", DateTime, nullable=True, comment="UTC"),
    Column("import_id", Integer, nullable=True, comment="import that brought it"),
    Column("stands_for", Integer, nullable=True, comment="class that the name is now"),
    Column("stands_for_import", Integer, nullable=True, comment="merge that made it so"),
)
"""A class that was renamed or merged leaves its former name as a row of its own, which stands for another class."""

is_class = classes.c.stands_for.is_(None)
in_use = and_(classes.c.retired_at.is_(None), is_class)

labels = Table(
    "labels",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("message_id", Integer, ForeignKey("messages.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("class_id", Integer, ForeignKey("classes.id"), nullable=False),
    Column("source", String(32), nullable=False, comment="import"),
    Column("by", Text, nullable=True, comment="who labelled"),
    Column("at", DateTime, nullable=True, comment="UTC; unknown before 0002"),
    Column("import_id", Integer, nullable=True),
    Column("superseded_at", DateTime, nullable=True, comment="UTC"),
    Column("superseded_by", Integer, nullable=True, comment="label that replaced it"),
    Column("superseded_import", Integer, nullable=True, comment="import that took it away"),
    Column("is_random", Boolean, nullable=False, server_default=false(), comment="of a message drawn at random"),
)
"""Labels are only ever added; one that no longer counts has `superseded_at`. Two in force are a disagreement."""

in_force = labels.c.superseded_at.is_(None)
_merged = labels.alias("merged")
holds = or_(
    in_force,
    exists().where(
        _merged.c.id == labels.c.superseded_by, _merged.c.source == "merge", _merged.c.superseded_at.is_(None)
    ),
)
"""In force, or replaced by a merge of classes alone: so a person's labels count on after a merge."""
Index(
    "labels_in_force",
    labels.c.message_id,
    labels.c.class_id,
    unique=True,
    sqlite_where=in_force,
    postgresql_where=in_force,
)
Index("labels_of_class", labels.c.class_id, labels.c.id, sqlite_where=in_force, postgresql_where=in_force)
"""For counts and examples of each class."""

random_answers = Table(
    "random_answers",
    metadata,
    Column("label_id", Integer, ForeignKey("labels.id", ondelete="CASCADE"), primary_key=True),
    Column("model", Text, nullable=False, comment="champion that answered before it was learned"),
    Column("at", DateTime, nullable=False, comment="UTC"),
    Column("is_right", Boolean, nullable=False),
    Column("decision", String(16), nullable=False, comment="route, review, unknown"),
)
"""What the champion answered to messages that were drawn at random, before any model learned their labels."""

jobs = Table(
    "jobs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("kind", String(32), nullable=False),
    Column("lane", String(16), nullable=False, comment="short: seconds, long: hours"),
    Column("arguments", Text, nullable=False, comment="JSON"),
    Column("state", String(16), nullable=False, index=True),
    Column("asked_by", Text, nullable=False),
    Column("asked_at", DateTime, nullable=False, comment="UTC"),
    Column("not_before", DateTime, nullable=True, comment="UTC"),
    Column("started_at", DateTime, nullable=True, comment="UTC"),
    Column("finished_at", DateTime, nullable=True, comment="UTC"),
    Column("worker", Text, nullable=True, comment="worker that has it"),
    Column("beat_at", DateTime, nullable=True, comment="UTC; last sign of life of the worker"),
    Column("n_starts", Integer, nullable=False),
    Column("is_cancelled", Boolean, nullable=False),
    Column("progress", Text, nullable=True, comment="JSON"),
    Column("log", Text, nullable=False),
    Column("result", Text, nullable=True, comment="JSON"),
    Column("error", Text, nullable=True),
)
"""What `firstline worker` does; docs/retraining.md."""

is_running = jobs.c.state == "running"
Index("jobs_running", jobs.c.lane, unique=True, sqlite_where=is_running, postgresql_where=is_running)

suggestions = Table(
    "suggestions",
    metadata,
    Column("message_id", Integer, ForeignKey("messages.id", ondelete="CASCADE"), primary_key=True),
    Column("rank", Integer, nullable=False, index=True, comment="the lowest is asked first"),
    Column("reason", String(32), nullable=False, comment="why it is asked"),
    Column("cluster", Integer, nullable=True, comment="messages that are alike"),
    Column("is_random", Boolean, nullable=False, comment="drawn at random"),
    Column("guesses", Text, nullable=False, comment="class ids with shares, the likeliest first, as JSON"),
)
"""The labelling queue, which the worker writes."""

leases = Table(
    "leases",
    metadata,
    Column("message_id", Integer, ForeignKey("messages.id", ondelete="CASCADE"), primary_key=True),
    Column("who", Text, nullable=False, index=True),
    Column("until", DateTime, nullable=False, comment="UTC"),
)
"""Who sees which message now: only they may label it."""

remarks = Table(
    "remarks",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("message_id", Integer, ForeignKey("messages.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("who", Text, nullable=False),
    Column("at", DateTime, nullable=False, comment="UTC"),
    Column("kind", String(16), nullable=False, comment="skip, unsure, note"),
    Column("text", Text, nullable=True, comment="masked"),
    Column("settled_at", DateTime, nullable=True, comment="UTC"),
    Column("settled_by", Text, nullable=True, comment="lead who decided"),
)
"""What people say of messages, beside their labels."""

second_labels = Table(
    "second_labels",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("message_id", Integer, ForeignKey("messages.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("first_class", Integer, ForeignKey("classes.id"), nullable=False, comment="as it was then"),
    Column("first_by", Text, nullable=True, comment="who gave the first label, if it is known"),
    Column("class_id", Integer, ForeignKey("classes.id"), nullable=False),
    Column("who", Text, nullable=False),
    Column("at", DateTime, nullable=False, comment="UTC"),
    Column("reason", String(16), nullable=False, comment="twice, suspect"),
    Column("settled_at", DateTime, nullable=True, comment="UTC"),
    Column("settled_by", Text, nullable=True, comment="lead who decided"),
)
"""What a second person said of a message with a label, without seeing that label.

The label that was given first stays in force until a lead decides, so that a training never waits for it.
"""

clusters = Table(
    "clusters",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("rank", Integer, nullable=False, comment="the lowest is shown first"),
    Column("class_id", Integer, ForeignKey("classes.id", ondelete="SET NULL"), nullable=True, comment="suggested"),
    Column("share", Float, nullable=True, comment="how likely the class is, 0 to 1"),
    Column("words", Text, nullable=False, comment="that set it apart, as JSON"),
)
"""Groups of messages without a label that are alike, which the worker writes."""

cluster_messages = Table(
    "cluster_messages",
    metadata,
    Column("message_id", Integer, ForeignKey("messages.id", ondelete="CASCADE"), primary_key=True),
    Column("cluster_id", Integer, ForeignKey("clusters.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("similarity", Float, nullable=False, comment="to the centre of the cluster, -1 to 1"),
)

Index(
    "labels_by",
    labels.c.by,
    labels.c.at,
    sqlite_where=labels.c.by.is_not(None),
    postgresql_where=labels.c.by.is_not(None),
)
"""For the page that counts and lists what a person labelled."""

corrections = Table(
    "corrections",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("import_id", Integer, nullable=False, index=True),
    Column("message_id", Integer, nullable=False, comment="message that the id belonged to"),
    Column("source", Text, nullable=False),
    Column("external_id", Text, nullable=False),
    Column("text", Text, nullable=False, comment="masked"),
    Column("segment", Text, nullable=True),
    Column("sent_at", DateTime, nullable=True, comment="UTC"),
    Column("added_by", Integer, nullable=True, comment="import that brought the message"),
    Column("label_ids", Text, nullable=False, comment="labels that went to another message, as JSON"),
)
"""The text that an id had before an import corrected it, so that the import can be undone."""

tombstones = Table(
    "tombstones",
    metadata,
    Column("key", LargeBinary(16), primary_key=True, comment="keyed hash of what was forgotten"),
    sqlite_with_rowid=False,
)

users = Table(
    "users",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False),
    Column("folded_name", Text, nullable=False, unique=True, comment="name without case"),
    Column("role", String(16), nullable=False, comment="annotator, lead, admin"),
    Column("password_hash", Text, nullable=False, comment="Argon2id; empty: cannot sign in with one"),
    Column("created_at", DateTime, nullable=False, comment="UTC"),
    Column("disabled_at", DateTime, nullable=True, comment="UTC"),
)
"""Who may use the console. A removed user stays, disabled, since labels name their author."""

sessions = Table(
    "sessions",
    metadata,
    Column("token_hash", LargeBinary(32), primary_key=True, comment="SHA-256 of the cookie"),
    Column("user_id", Integer, ForeignKey("users.id"), nullable=False, index=True),
    Column("csrf", String(64), nullable=False, comment="secret that each form repeats"),
    Column("created_at", DateTime, nullable=False, comment="UTC"),
    Column("seen_at", DateTime, nullable=False, comment="UTC; to the minute"),
    sqlite_with_rowid=False,
)

sign_ins = Table(
    "sign_ins",
    metadata,
    Column("account", LargeBinary(16), primary_key=True, comment="keyed hash of the name that was entered"),
    Column("address", LargeBinary(16), primary_key=True, comment="keyed hash; empty: all unknown addresses"),
    Column("n_failures", Integer, nullable=False, comment="since the last success"),
    Column("failed_at", DateTime, nullable=True, comment="UTC"),
    Column("succeeded_at", DateTime, nullable=True, comment="UTC"),
    sqlite_with_rowid=False,
)
"""Failed sign-ins, which slow down guessing; see `store/sign_ins.py`."""

state = Table(
    "state",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", Text, nullable=False),
    sqlite_with_rowid=False,
)
"""Named values of the workspace, such as the version of the masks that were applied to its messages."""
