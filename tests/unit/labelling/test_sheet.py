"""Which messages a sheet has: the queue's, then those that the model is unsure about, then random ones."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
from numpy.typing import NDArray
from sqlalchemy import select

from firstline.bundle.predictor import Predictor
from firstline.labelling.sheet import Chosen, choose
from firstline.store.labelling import Suggested, lease_next, remark, write_queue
from firstline.store.messages import StoredMessage
from firstline.store.schema import classes, messages
from firstline.store.workspace import Workspace
from firstline.types import Message
from tests.postgres import NewDatabase, workspace_on
from tests.unit.store.filling import take_in

TEXTS = ("один", "двое", "трое его", "четверо их")


class Length:
    """A model that is the surer, the longer a text is."""

    manifest = SimpleNamespace(labels=("Вход", "Карта"))

    def predict_proba(self, asked: Sequence[Message]) -> NDArray[np.float32]:
        sure = np.array([0.5 + len(one.text) / 100 for one in asked], np.float32)
        return np.stack([1 - sure, sure], axis=1)


@pytest.fixture
def place(new_database: NewDatabase, tmp_path: Path) -> Iterator[Workspace]:
    made = workspace_on(new_database(), tmp_path / "w")
    take_in(made.database, StoredMessage("есть", label="Карта"), StoredMessage("ещё", label="Вход"))
    take_in(made.database, *(StoredMessage(text, "lead", f"id {text}") for text in TEXTS))
    yield made
    made.database.dispose()


def queue(place: Workspace, *texts: str) -> None:
    """Let these messages wait, in this order; the last was drawn at random."""
    with place.database.begin() as connection:
        ids = dict(connection.execute(select(messages.c.text, messages.c.id)).all())
        names = dict(connection.execute(select(classes.c.name, classes.c.id)).all())
        guesses = [(names["Карта"], 0.7), (999, 0.2), (names["Вход"], 0.1)]
        write_queue(
            connection,
            [
                Suggested(ids[text], rank, "unstable", guesses, is_random=text == texts[-1])
                for rank, text in enumerate(texts)
            ],
        )


def chosen(place: Workspace, n: int, model: bool = False) -> Chosen:
    return choose(place.database, n, lambda: cast(Predictor, Length()) if model else None)


def texts(found: Chosen) -> list[str]:
    return [row.message.text for row in found.rows]


def test_the_order_of_the_queue(place: Workspace) -> None:
    queue(place, "трое его", "есть", "один")
    found = chosen(place, 2, model=True)
    assert (texts(found), found.n_queued, found.n_unsure, found.n_random) == (["трое его", "один"], 2, 0, 0)
    first, drawn = found.rows
    assert first.suggested == (("Карта", 0.7), ("Вход", 0.1))
    assert drawn.suggested == ()
    assert (first.message.id, first.message.source, first.message.segment) == ("id трое его", "crm", "lead")


def test_then_those_that_the_model_is_least_sure_about(place: Workspace) -> None:
    queue(place, "четверо их")
    found = chosen(place, 3, model=True)
    assert texts(found)[0] == "четверо их"
    assert sorted(texts(found)[1:]) == ["двое", "один"]
    assert (found.n_queued, found.n_unsure) == (1, 2)
    assert [name for name, _ in found.rows[1].suggested] == ["Карта", "Вход"]


def test_without_either_they_are_drawn_at_random_and_none_has_a_label(place: Workspace) -> None:
    found = chosen(place, 100)
    assert (sorted(texts(found)), found.n_random) == (sorted(TEXTS), 4)
    assert {row.suggested for row in found.rows} == {()}
    assert len(chosen(place, 3).rows) == 3


def test_what_someone_sees_now_or_a_lead_decides_is_left_out(place: Workspace) -> None:
    queue(place, *TEXTS)
    with place.database.begin() as connection:
        seen, unsure = lease_next(connection, "anna", 2)
        remark(connection, "anna", unsure.suggested.message_id, "unsure")
    left = set(TEXTS) - {seen.message.text, unsure.message.text}
    assert set(texts(chosen(place, 9))) == left


def test_a_full_queue_loads_no_model(place: Workspace) -> None:
    queue(place, *TEXTS)

    def load() -> Predictor | None:
        raise AssertionError

    assert len(choose(place.database, 4, load).rows) == 4
