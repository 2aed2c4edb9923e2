from firstline.store.database import open_database
from firstline.store.messages import StoredMessage
from firstline.store.quoted import Quoted, read_quoted
from tests.postgres import NewDatabase
from tests.unit.store.filling import take_in


def test_texts_and_labels_are_found_by_key(new_database: NewDatabase) -> None:
    engine = open_database(new_database())
    labelled = StoredMessage("карта не работает", "vip", "1", label="Карта")
    plain = StoredMessage("где заказ", None, "2")
    take_in(engine, labelled, plain, StoredMessage("другое", None, "3"))
    assert read_quoted(engine, {labelled.key, plain.key, bytes(16)}) == {
        labelled.key: Quoted("карта не работает", "vip", ("Карта",)),
        plain.key: Quoted("где заказ", None),
    }


def test_a_message_has_all_its_labels(new_database: NewDatabase) -> None:
    engine = open_database(new_database())
    take_in(engine, StoredMessage("карта", label="б"), StoredMessage("карта", label="а"))
    key = StoredMessage("карта").key
    assert read_quoted(engine, [key])[key].labels == ("а", "б")


def test_more_keys_than_one_statement_takes(new_database: NewDatabase) -> None:
    engine = open_database(new_database())
    items = [StoredMessage(f"сообщение {number}") for number in range(1_200)]
    take_in(engine, *items)
    assert len(read_quoted(engine, {item.key for item in items})) == 1_200
