"""The queue of a workspace has what nobody has decided yet, with the likely classes of each message."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from firstline.labelling.queue import BATCH
from firstline.queueing.workspace_queue import make_queue
from firstline.steps import run_to_end
from firstline.store.class_changes import add_class
from firstline.store.clusters import lease_cluster
from firstline.store.database import writing, writing_rows
from firstline.store.labelling import Waiting, classes_in_use, lease_next, remark
from firstline.store.messages import StoredMessage
from firstline.store.schema import suggestions
from firstline.store.workspace import Workspace
from tests.examples import examples
from tests.unit.store.filling import take_in


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    monkeypatch.setenv("FIRSTLINE_ENCODER__NAME", "none")
    made = Workspace.create(tmp_path / "bank", "ru")
    yield made
    made.database.dispose()


def fill(place: Workspace, n_labelled: int) -> None:
    """The example messages; of each class the first have their label."""
    found, seen = examples(), dict.fromkeys(examples().labels, 0)
    for message, label in zip(found.messages, found.labels, strict=True):
        seen[label] += 1
        given = label if seen[label] <= n_labelled else None
        take_in(place.database, StoredMessage(message.text, message.segment, label=given))


def waiting(place: Workspace) -> list[Waiting]:
    with writing_rows(place.database) as connection:
        return lease_next(connection, "anna", 100)


def names(place: Workspace) -> dict[int, str]:
    with place.database.connect() as connection:
        return {one.id: one.name for one in classes_in_use(connection)}


def test_labels_teach_the_suggestions(place: Workspace) -> None:
    fill(place, 5)
    n = run_to_end(make_queue(place))
    found = waiting(place)
    assert n == len(found) == 9
    right = dict(zip((message.text for message in examples().messages), examples().labels, strict=True))
    best = [names(place)[one.suggested.guesses[0][0]] == right[one.message.text] for one in found]
    assert sum(best) > len(best) / 2
    assert all(abs(sum(share for _, share in one.suggested.guesses) - 1) < 0.01 for one in found)
    assert any(one.suggested.is_random for one in found)


def test_without_labels_the_names_of_classes_suggest(place: Workspace) -> None:
    fill(place, 0)
    with writing(place.database) as connection:
        for name in ("Банкомат", "Вход", "Перевод"):
            add_class(connection, name, f"всё про {name}")
    assert run_to_end(make_queue(place)) == min(4 * BATCH, len(examples().messages))
    about = [one for one in waiting(place) if "анкомат" in one.message.text]
    assert about
    right = [names(place)[one.suggested.guesses[0][0]] == "Банкомат" for one in about]
    assert sum(right) > len(right) / 2


def test_what_a_lead_has_to_decide_is_not_asked_again(place: Workspace) -> None:
    fill(place, 5)
    run_to_end(make_queue(place))
    first = waiting(place)[0].suggested.message_id
    with writing_rows(place.database) as connection:
        remark(connection, "anna", first, "unsure")
    assert run_to_end(make_queue(place)) == 8
    assert first not in {one.suggested.message_id for one in waiting(place)}


def test_an_empty_workspace_has_an_empty_queue(place: Workspace) -> None:
    assert run_to_end(make_queue(place)) == 0


def test_the_worker_makes_groups_of_what_has_no_label(place: Workspace) -> None:
    take_in(place.database, *(StoredMessage(f"банкомат не выдал деньги {'и' * n}", label=None) for n in range(12)))
    take_in(place.database, StoredMessage("банкомат съел карту", label="Банкомат"))
    run_to_end(make_queue(place))
    with writing_rows(place.database) as connection:
        connection.execute(suggestions.update().values(is_random=False))
        found = lease_cluster(connection, "anna")
    assert found is not None
    assert len(found.members) == 12
    assert all(one.message.text.startswith("банкомат не выдал") for one in found.members)
