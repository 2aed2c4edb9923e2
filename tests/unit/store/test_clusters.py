"""Clusters as the worker writes them: what somebody sees or has just labelled stays as it is."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine, select

from firstline.store.clusters import (
    FEWEST_ROWS,
    Clustered,
    label_together,
    last_together,
    lease_cluster,
    undo_together,
    write_clusters,
)
from firstline.store.database import writing, writing_rows
from firstline.store.labelling import Suggested, give_label, lease_next, remark, write_queue
from firstline.store.leases import LEASE_S
from firstline.store.messages import StoredMessage, now
from firstline.store.schema import cluster_messages, clusters, labels, leases
from firstline.store.undo import undo_last_import
from tests.unit.store.filling import take_in


@pytest.fixture
def filled(engine: Engine) -> Engine:
    """Messages 3 to 12 in two clusters of five, the second without a class."""
    take_in(engine, StoredMessage("ноль", label="карта"), StoredMessage("нуль", label="вход"))
    take_in(engine, *(StoredMessage(str(number)) for number in range(10)))
    write(engine, range(3, 8), range(8, 13))
    return engine


def write(engine: Engine, *members: range) -> None:
    with writing_rows(engine) as connection:
        rows = [
            Clustered(rank, [(one, 0.5) for one in ids], None if rank else 1, None if rank else 0.7, ["слово"])
            for rank, ids in enumerate(members)
        ]
        write_clusters(connection, rows)


def stored(engine: Engine) -> list[list[int]]:
    """The messages of each cluster, by rank."""
    wanted = select(clusters.c.id, cluster_messages.c.message_id).join_from(clusters, cluster_messages)
    found: dict[int, list[int]] = {}
    with engine.connect() as connection:
        for cluster_id, message_id in connection.execute(wanted.order_by(clusters.c.id, cluster_messages.c.message_id)):
            found.setdefault(cluster_id, []).append(message_id)
    return list(found.values())


def seen(engine: Engine, who: str = "anna") -> list[int]:
    with writing_rows(engine) as connection:
        found = lease_cluster(connection, who)
        return [] if found is None else [one.message_id for one in found.members]


def test_a_cluster_is_read_as_it_was_written(filled: Engine) -> None:
    with writing_rows(filled) as connection:
        found = lease_cluster(connection, "anna")
    assert found is not None
    assert (found.class_id, found.share, found.words, found.n_left) == (1, 0.7, ["слово"], 2)
    assert [one.message.text for one in found.members] == list("01234")


def test_new_clusters_leave_the_one_that_somebody_sees(filled: Engine) -> None:
    assert seen(filled) == [3, 4, 5, 6, 7]
    write(filled, range(6, 10))
    assert stored(filled) == [[3, 4, 5, 6, 7], [8, 9]]
    with writing_rows(filled) as connection:
        connection.execute(leases.update().values(until=now()))
    write(filled, range(6, 10))
    assert stored(filled) == [[6, 7, 8, 9]]


def test_new_clusters_leave_what_was_labelled_just_now(filled: Engine) -> None:
    with writing_rows(filled) as connection:
        lease_cluster(connection, "anna")
        done = label_together(connection, "anna", 1, [3, 4], [5, 6, 7])
    write(filled, range(8, 12))
    assert stored(filled) == [[3, 4, 5, 6, 7], [8, 9, 10, 11]]
    with writing_rows(filled) as connection:
        assert undo_together(connection, "anna", done.at) is not None
        connection.execute(leases.delete())
        old = now() - timedelta(seconds=LEASE_S + 1)
        connection.execute(labels.update().where(labels.c.by == "anna").values(at=old))
    write(filled, range(8, 12))
    assert stored(filled) == [[8, 9, 10, 11]]


def test_what_was_undone_after_the_cluster_is_gone_is_still_taken_back(filled: Engine) -> None:
    with writing_rows(filled) as connection:
        lease_cluster(connection, "anna")
        done = label_together(connection, "anna", 1, [3, 4, 5, 6, 7], [])
        connection.execute(cluster_messages.delete())
        assert last_together(connection, "anna") == done.at
        assert undo_together(connection, "anna", done.at) is None
        assert last_together(connection, "anna") is None


def test_labels_one_by_one_are_not_undone_together(filled: Engine) -> None:
    with writing_rows(filled) as connection:
        lease_cluster(connection, "anna")
        give_label(connection, "anna", 3, 1)
        assert last_together(connection, "anna") is None


def test_what_waits_elsewhere_is_in_no_cluster(filled: Engine) -> None:
    with writing_rows(filled) as connection:
        write_queue(connection, [Suggested(3, 0, "random", is_random=True), Suggested(4, 1, "unstable")])
        lease_next(connection, "boris", 2)
        remark(connection, "boris", 4, "unsure")
    # Five less a random message and one for a lead are too few.
    assert FEWEST_ROWS == 4
    assert seen(filled) == [8, 9, 10, 11, 12]


def test_a_cluster_outlives_its_class(engine: Engine) -> None:
    take_in(engine, *(StoredMessage(str(number)) for number in range(5)))
    take_in(engine, StoredMessage("ноль", label="карта"))
    write(engine, range(1, 6))
    with writing(engine) as connection:
        assert undo_last_import(connection, lambda text: text) is not None
        found = lease_cluster(connection, "anna")
    assert found is not None
    assert (found.class_id, len(found.members)) == (None, 5)
