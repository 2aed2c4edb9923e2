"""The queue of a workspace has what nobody has decided yet, with the likely classes of each message."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import select

from firstline.labelling.queue import BATCH, Mix
from firstline.queueing.workspace_queue import make_queue
from firstline.steps import Note, run_to_end
from firstline.store.class_changes import add_class
from firstline.store.clusters import lease_cluster
from firstline.store.database import writing, writing_rows
from firstline.store.labelling import Suggested, Waiting, classes_in_use, give_label, lease_next, remark, write_queue
from firstline.store.messages import StoredMessage
from firstline.store.records import RecordedAnswer, RecordFiles
from firstline.store.schema import labels, messages, suggestions
from firstline.store.users import add_user, disable_user
from firstline.store.workspace import Workspace
from firstline.types import Decision
from tests.examples import examples
from tests.unit.store.filling import ids, take_in


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
    return waiting_for(place, "anna")


def waiting_for(place: Workspace, who: str) -> list[Waiting]:
    with writing_rows(place.database) as connection:
        return lease_next(connection, who, 100)


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
    # Nobody knows yet how likely they are.
    assert not any(share for one in about for _, share in one.suggested.guesses)


def test_what_a_lead_has_to_decide_is_not_asked_again(place: Workspace) -> None:
    fill(place, 5)
    run_to_end(make_queue(place))
    first = waiting(place)[0].suggested.message_id
    with writing_rows(place.database) as connection:
        remark(connection, "anna", first, "unsure")
    assert run_to_end(make_queue(place)) == 8
    assert first not in {one.suggested.message_id for one in waiting(place)}


def reasons(place: Workspace) -> dict[str, str]:
    """The reason of each message that waits, by its text."""
    found = select(messages.c.text, suggestions.c.reason).join_from(suggestions, messages)
    with place.database.connect() as connection:
        return dict(connection.execute(found).all())


def labelled_by_anna(place: Workspace, n: int) -> None:
    """The first messages of the queue get a label by anna."""
    with writing_rows(place.database) as connection:
        connection.execute(suggestions.delete())
        open_ids = select(messages.c.id).where(messages.c.id.not_in(select(labels.c.message_id))).limit(n)
        write_queue(connection, [Suggested(one, one, "typical") for one in connection.execute(open_ids).scalars()])
        for one in lease_next(connection, "anna", n):
            give_label(connection, "anna", one.suggested.message_id, 1)


def test_a_share_of_what_one_person_labelled_is_labelled_twice(
    place: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIRSTLINE_LABELLING__TWICE", "0.5")
    place = Workspace.find(place.folder)
    fill(place, 5)
    labelled_by_anna(place, 6)
    with writing(place.database) as connection:
        add_user(connection, "anna", "annotator", "")
    run_to_end(make_queue(place, 8))
    # There is nobody else.
    assert "twice" not in reasons(place).values()
    with writing(place.database) as connection:
        add_user(connection, "boris", "annotator", "")
    run_to_end(make_queue(place, 8))
    assert [*reasons(place).values()].count("twice") == 4
    twice = [one for one in waiting_for(place, "boris") if one.suggested.reason == "twice"]
    assert len(twice) == 4
    with writing_rows(place.database) as connection:
        give_label(connection, "boris", twice[0].suggested.message_id, 2)
        remark(connection, "boris", twice[1].suggested.message_id, "unsure")
        for one in twice[2:]:
            remark(connection, "boris", one.suggested.message_id, "skip")
    run_to_end(make_queue(place, 8))
    again = {text for text, reason in reasons(place).items() if reason == "twice"}
    assert len(again) == 4
    assert not again & {one.message.text for one in twice[:2]}
    with writing(place.database) as connection:
        disable_user(connection, "boris")
    run_to_end(make_queue(place, 8))
    assert "twice" not in reasons(place).values()


def test_labels_that_others_contradict_are_suspects_until_somebody_has_looked(
    place: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("firstline.queueing.workspace_queue._mix", lambda settings: Mix(suspects=0.5, suspects_from=0))
    fill(place, 20)
    message = examples().messages[examples().labels.index("Банкомат")]
    take_in(place.database, StoredMessage(message.text, message.segment, label="Вход"), settles_labels=True)
    wrong = message.text
    run_to_end(make_queue(place, 4))
    assert reasons(place)[wrong] == "suspect"
    (found,) = [one for one in waiting_for(place, "anna") if one.message.text == wrong]
    with writing_rows(place.database) as connection:
        assert give_label(connection, "anna", found.suggested.message_id, 1).is_second
    run_to_end(make_queue(place, 4))
    assert wrong not in reasons(place)


def record(place: Workspace, decisions: Mapping[str, Decision]) -> None:
    """The service answered these texts, one after the other."""
    files = RecordFiles(place.records, days=30)
    files.open()
    files.append(
        [
            RecordedAnswer("2026-11-30T09:15:00.250Z", "r", "m", "Вход", 0.4, decision, "confident", text)
            for text, decision in decisions.items()
        ]
    )


def test_what_the_service_left_to_a_person_is_taken_in_and_queued(place: Workspace) -> None:
    fill(place, 5)
    known = examples().messages[-1].text
    record(place, {"старое": "review", "само": "route", known: "review", "новое": "unknown"})
    notes: list[object] = []
    assert run_to_end(make_queue(place, 10), notes.append) == 10
    found = {text for text, reason in reasons(place).items() if reason == "recorded"}
    # Two of ten; the one that is stored already comes first.
    assert found == {known, "новое"}
    assert not [one for one in notes if isinstance(one, Note)]
    with writing_rows(place.database) as connection:
        place_of = dict(connection.execute(select(messages.c.text, messages.c.id)).all())
        assert "само" not in place_of
        assert "старое" not in place_of
        lease_next(connection, "anna", 100)
        give_label(connection, "anna", place_of["новое"], 1)
        give_label(connection, "anna", place_of[known], 1)
    run_to_end(make_queue(place, 10))
    assert {text for text, reason in reasons(place).items() if reason == "recorded"} == {"старое"}


@pytest.mark.parametrize("at", ["yesterday", "0001-01-01T00:00:00+14:00", ""])
def test_a_record_with_a_strange_time_and_id_is_taken_in_all_the_same(place: Workspace, at: str) -> None:
    fill(place, 5)
    place.records.mkdir()
    whole = RecordedAnswer(at, "r", "m", "Вход", 0.4, "review", "confident", "новое", id=" 7\0 ")
    (place.records / "2026-11-30.jsonl").write_bytes(msgspec.json.encode(whole) + b"\n")
    run_to_end(make_queue(place))
    assert reasons(place)["новое"] == "recorded"
    assert ids(place.database) == {"7": "новое"}


@pytest.mark.parametrize("unusable", [{"id": "7" * 301}, {"segment": "s" * 301}, {"text": "м" * 100_001}])
def test_a_record_that_an_import_would_reject_does_not_keep_the_others_out(
    place: Workspace, unusable: dict[str, str]
) -> None:
    fill(place, 5)
    files = RecordFiles(place.records, days=30)
    files.open()
    whole = RecordedAnswer("2026-11-30T09:15:00.250Z", "r", "m", "Вход", 0.4, "review", "confident", "новое")
    files.append([whole, msgspec.structs.replace(whole, **{"text": "негодное", **unusable})])
    run_to_end(make_queue(place))
    assert {text for text, reason in reasons(place).items() if reason == "recorded"} == {"новое"}


def test_a_share_of_nothing_takes_nothing_in(place: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRSTLINE_LABELLING__RECORDED", "0")
    place = Workspace.find(place.folder)
    fill(place, 5)
    record(place, {"новое": "unknown"})
    run_to_end(make_queue(place))
    assert "новое" not in reasons(place)


def test_records_that_cannot_be_read_are_said_and_stop_nothing(
    place: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    fill(place, 5)
    record(place, {"новое": "unknown"})
    monkeypatch.setattr("firstline.queueing.recorded.newest_records", denied)
    notes: list[object] = []
    assert run_to_end(make_queue(place), notes.append) == 9
    assert [one.text for one in notes if isinstance(one, Note)] == [
        f"The answers in {place.records} cannot be read: Permission denied. The queue has none of them."
    ]


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
