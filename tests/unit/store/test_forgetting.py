"""What is forgotten is gone, and does not come back with the same export."""

import re
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, func, select

from firstline.store.database import open_database, writing
from firstline.store.forgetting import Forgotten, Tombstones, forget, rewrite
from firstline.store.messages import StoredMessage
from firstline.store.schema import corrections, labels, messages, tombstones
from firstline.store.undo import undo_last_import
from tests.postgres import NewDatabase, on_sqlite_alone
from tests.unit.store.filling import ids, labelled, take_in, texts

SECRET = b"s" * 32
OLD, NEW = datetime(2025, 1, 1), datetime(2026, 1, 1)
EXPORT = (
    StoredMessage("где заказ", None, "1", OLD, "Заказ"),
    StoredMessage("карта не работает", None, "2", NEW, "Карта"),
    StoredMessage("где заказ", None, "3", OLD),
)


def forgotten(engine: Engine, **wanted: Any) -> Forgotten:
    with writing(engine) as connection:
        return forget(connection, SECRET, **wanted)


def again(engine: Engine, *rows: StoredMessage, source: str = "crm") -> int:
    """The same rows imported again; how many are left out."""
    with engine.connect() as connection:
        known = Tombstones.read(connection, SECRET)
    return take_in(engine, *rows, source=source, tombstones=known).n_forgotten


def test_a_message_goes_with_its_labels_and_stays_away(engine: Engine) -> None:
    take_in(engine, *EXPORT)
    found = forgotten(engine, ids=["2"])
    assert (found.keys, found.n_ids, found.n_shared) == ({EXPORT[1].key}, 1, 0)
    assert texts(engine) == [("где заказ", None)]
    assert labelled(engine) == [("где заказ", "Заказ")]
    assert again(engine, *EXPORT) == 1
    assert texts(engine) == [("где заказ", None)]


def test_a_stored_message_goes_with_all_its_ids(engine: Engine) -> None:
    take_in(engine, *EXPORT)
    with engine.connect() as connection:
        place = connection.execute(select(messages.c.id).where(messages.c.text == "где заказ")).scalar_one()
    found = forgotten(engine, stored=[place])
    assert (found.keys, found.n_ids, found.n_shared) == ({EXPORT[0].key}, 2, 0)
    assert texts(engine) == [("карта не работает", None)]
    assert again(engine, *EXPORT) == 2


def test_a_text_that_others_have_too_stays_for_them(engine: Engine) -> None:
    take_in(engine, *EXPORT)
    found = forgotten(engine, ids=["1"])
    assert (found.keys, found.n_ids, found.n_shared) == (set(), 1, 1)
    assert ids(engine) == {"2": "карта не работает", "3": "где заказ"}
    assert again(engine, *EXPORT) == 1
    assert ids(engine).keys() == {"2", "3"}


def test_the_same_export_under_another_name_brings_nothing_back(engine: Engine) -> None:
    take_in(engine, *EXPORT)
    forgotten(engine, ids=["2"])
    assert again(engine, EXPORT[1], source="archive") == 1


def test_the_same_id_of_another_system_is_not_forgotten(engine: Engine) -> None:
    take_in(engine, *EXPORT)
    take_in(engine, StoredMessage("спасибо", None, "2"), source="chat")
    forgotten(engine, ids=["2"], source="crm")
    assert [text for text, _ in texts(engine)] == ["где заказ", "спасибо"]
    assert again(engine, StoredMessage("спасибо большое", None, "2"), source="chat") == 0


def test_a_text_goes_whatever_its_ids_and_segments(engine: Engine) -> None:
    take_in(engine, *EXPORT, StoredMessage("где заказ", "lead"))
    assert len(forgotten(engine, texts=["где заказ"]).keys) == 2
    assert texts(engine) == [("карта не работает", None)]
    assert again(engine, *EXPORT, StoredMessage("где заказ", "lead"), StoredMessage("где заказ", None, "77")) == 4


def test_what_is_older_goes_and_the_same_text_of_today_may_come(engine: Engine) -> None:
    rows = [StoredMessage("спасибо", None, None, OLD), StoredMessage("алло", None, None, NEW), StoredMessage("ау")]
    take_in(engine, *rows)
    assert len(forgotten(engine, before=datetime(2025, 6, 1)).keys) == 1
    assert [text for text, _ in texts(engine)] == ["алло", "ау"]
    assert again(engine, *rows) == 1
    assert again(engine, StoredMessage("спасибо", None, None, NEW)) == 0


def test_what_is_kept_to_undo_with_goes_too(engine: Engine) -> None:
    take_in(engine, StoredMessage("карта не рабтает", None, "2"))
    take_in(engine, StoredMessage("карта не работает", None, "2"))
    forgotten(engine, ids=["2"])
    with engine.connect() as connection:
        assert connection.execute(select(func.count()).select_from(corrections)).scalar() == 0
        assert connection.execute(select(func.count()).select_from(labels)).scalar() == 0


def test_tombstones_of_another_key_cover_nothing(engine: Engine) -> None:
    take_in(engine, *EXPORT)
    forgotten(engine, ids=["2"])
    with engine.connect() as connection:
        other = Tombstones.read(connection, b"t" * 32)
    assert not other.covers(EXPORT[1], "crm")


@on_sqlite_alone
def test_nothing_of_it_is_in_the_files_of_the_database(engine: Engine) -> None:
    take_in(engine, *(StoredMessage(f"тайное слово номер {n}", None, str(n)) for n in range(500)))
    forgotten(engine, ids=[str(n) for n in range(500)])
    rewrite(engine)
    engine.dispose()
    file = Path(str(engine.url.database))
    content = b"".join(path.read_bytes() for path in file.parent.glob(f"{file.name}*"))
    assert "тайное".encode() not in content
    with engine.connect() as connection:
        assert connection.execute(select(func.count()).select_from(tombstones)).scalar() == 1000


def test_tables_of_a_server_are_rewritten(engine: Engine) -> None:
    take_in(engine, *EXPORT)
    forgotten(engine, ids=["2"])
    rewrite(engine)
    assert texts(engine) == [("где заказ", None)]


def undo(engine: Engine) -> None:
    with writing(engine) as connection:
        undo_last_import(connection, lambda text: text)


def test_undoing_leaves_no_message_whose_ids_are_all_gone(engine: Engine) -> None:
    take_in(engine, StoredMessage("где заказ", None, "1"))
    take_in(engine, StoredMessage("где заказ", None, "2"))
    assert forgotten(engine, ids=["1"]).n_shared == 1
    undo(engine)
    assert texts(engine) == []


def test_undoing_after_forgetting_another_id_loses_nothing(engine: Engine) -> None:
    take_in(engine, StoredMessage("где заказ", None, "1"), StoredMessage("где заказ", None, "2"))
    take_in(engine, StoredMessage("где мой заказ", None, "1"))
    forgotten(engine, ids=["2"])
    undo(engine)
    assert ids(engine) == {"1": "где заказ"}


def test_what_an_id_stood_for_before_is_forgotten_by_its_text(engine: Engine) -> None:
    take_in(engine, StoredMessage("карта не рабтает", None, "1"))
    take_in(engine, StoredMessage("карта не работает", None, "1"))
    assert forgotten(engine, texts=["карта не рабтает"]).keys == {StoredMessage("карта не рабтает").key}
    undo(engine)
    assert ids(engine) == {"1": "карта не работает"}
    assert again(engine, StoredMessage("карта не рабтает", None, "1"), source="archive") == 1


def test_what_an_id_stood_for_long_ago_is_forgotten_by_its_age(engine: Engine) -> None:
    take_in(engine, StoredMessage("карта не рабтает", None, "1", OLD))
    take_in(engine, StoredMessage("карта не работает", None, "1", NEW))
    assert len(forgotten(engine, before=datetime(2025, 6, 1)).keys) == 1
    undo(engine)
    assert ids(engine) == {"1": "карта не работает"}


def test_an_export_of_before_a_correction_brings_nothing_back(engine: Engine) -> None:
    take_in(engine, StoredMessage("карта не рабтает", None, "1"))
    take_in(engine, StoredMessage("карта не работает", None, "1"))
    forgotten(engine, ids=["1"])
    assert again(engine, StoredMessage("карта не рабтает", None, "1"), source="archive") == 1


@on_sqlite_alone
def test_a_file_that_cannot_be_rewritten_is_told(new_database: NewDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firstline.store.engine._BUSY_TIMEOUT_MS", 100)
    engine = open_database(new_database())
    take_in(engine, *EXPORT)
    with engine.connect() as reader:
        reader.execute(select(tombstones)).all()
        forgotten(engine, ids=["2"])
        assert re.search("reading|locked|writing", rewrite(engine))
    assert rewrite(engine) == ""
    engine.dispose()
