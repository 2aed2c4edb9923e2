from sqlalchemy import Engine

from firstline.store.labelled import read_labelled
from firstline.store.messages import StoredMessage
from tests.unit.store.filling import take_in


def stored(text: str, label: str | None, external_id: str | None = None, segment: str | None = None) -> StoredMessage:
    return StoredMessage(text, segment, external_id, None, label)


def test_messages_with_one_label_come_with_their_ids(engine: Engine) -> None:
    take_in(engine, stored("карта", "Карта", "7", "lead"), stored("ау", None, "8"), stored("вход", "Вход"))
    found = {one.message.text: (one.external_id, one.label, one.message.segment) for one in read_labelled(engine)}
    assert found == {"карта": ("7", "Карта", "lead"), "вход": (None, "Вход", None)}


def test_keys_are_those_of_the_messages_in_order(engine: Engine) -> None:
    messages = [stored(text, "Карта") for text in ("а", "б", "в")]
    take_in(engine, *messages)
    assert [one.key for one in read_labelled(engine)] == sorted(message.key for message in messages)


def test_those_of_two_labels_or_of_none_of_the_classes_are_left_out(engine: Engine) -> None:
    take_in(engine, stored("карта", "Карта"), stored("ау", "Прочее"), stored("вход", "Вход"))
    take_in(engine, stored("карта", "Вход"), source="other")
    assert [one.message.text for one in read_labelled(engine, ["Прочее"])] == ["вход"]


def test_a_readable_id_goes_before_a_hash_and_the_first_before_others(engine: Engine) -> None:
    take_in(engine, stored("карта", "Карта", "hash:00"), stored("карта", "Карта", "b"), stored("карта", "Карта", "a"))
    assert [one.external_id for one in read_labelled(engine)] == ["a"]
