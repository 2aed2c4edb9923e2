"""Messages of the service are taken in once, under today's masks, and never what was forgotten."""

from dataclasses import replace
from datetime import datetime

import pytest
from sqlalchemy import Engine, select

from firstline.store.database import writing
from firstline.store.forgetting import Tombstones, forget
from firstline.store.labelling import fill_at_random
from firstline.store.messages import StoredMessage
from firstline.store.recorded import is_recorded, take_in_recorded
from firstline.store.schema import messages, remarks
from firstline.store.undo import undo_last_import
from tests.unit.store.filling import ids, labelled, take_in, texts

SECRET = b"k" * 32
SENT = datetime(2026, 11, 30, 9, 15)


def message(text: str, external_id: str | None = None) -> StoredMessage:
    return StoredMessage(text, None, external_id, SENT)


def take(engine: Engine, *found: StoredMessage, n: int = 9, mask: str = "") -> list[str]:
    """Take messages in, the newest first; returns the texts of those that are to be asked."""
    with writing(engine) as connection:
        tombstones = Tombstones.read(connection, SECRET)

        def masked(one: StoredMessage) -> StoredMessage:
            return replace(one, text=one.text.replace(mask, "<POLICY>") if mask else one.text)

        places = take_in_recorded(connection, found, masked, tombstones, n)
        names = dict(connection.execute(select(messages.c.id, messages.c.text)).all())
        return [names[place] for place in places]


def test_new_messages_are_taken_in_with_their_ids_and_times(engine: Engine) -> None:
    assert take(engine, message("новое", "7"), message("старое"), message("новое", "7")) == ["новое", "старое"]
    assert ids(engine) == {"7": "новое"}
    with engine.connect() as connection:
        assert set(connection.execute(select(messages.c.sent_at)).scalars()) == {SENT}
        assert len(connection.execute(select(messages.c.id).where(is_recorded())).all()) == 2


def test_no_more_are_taken_in_than_are_asked(engine: Engine) -> None:
    first = [message(f"старое {number}") for number in range(5)]
    assert take(engine, *first, n=2) == ["старое 0", "старое 1"]
    # People have not labelled these two yet.
    assert take(engine, message("новое"), *first, n=2) == ["старое 0", "старое 1"]
    assert take(engine, message("новое"), *first, n=3) == ["старое 0", "старое 1", "новое"]
    assert len(texts(engine)) == 3


def test_what_has_a_label_or_waits_for_a_lead_is_left_out(engine: Engine) -> None:
    take_in(engine, StoredMessage("раз", label="карта"), StoredMessage("два"), StoredMessage("три"))
    with writing(engine) as connection:
        connection.execute(remarks.insert().values(message_id=2, who="anna", at=SENT, kind="unsure"))
    assert take(engine, message("раз"), message("два"), message("три")) == ["три"]
    with writing(engine) as connection:
        connection.execute(remarks.update().values(settled_at=SENT))
    assert take(engine, message("раз"), message("два"), message("три")) == ["два", "три"]
    assert len(texts(engine)) == 3


def test_todays_masks_apply(engine: Engine) -> None:
    take_in(engine, StoredMessage("полис <POLICY>", label="карта"))
    assert take(engine, message("полис 777"), message("страховка 777"), mask="777") == ["страховка <POLICY>"]
    assert len(texts(engine)) == 2


def test_an_import_of_the_same_message_doubles_nothing(engine: Engine) -> None:
    take(engine, message("вопрос", "7"))
    tally = take_in(engine, StoredMessage("вопрос", external_id="7", label="карта"))
    assert (tally.n_new, tally.n_corrected) == (0, 0)
    assert labelled(engine) == [("вопрос", "карта")]
    assert take(engine, message("вопрос", "7")) == []
    assert len(texts(engine)) == 1


def test_another_text_of_an_id_is_left_out_but_places_in_a_batch_are_not_ids(engine: Engine) -> None:
    assert take(engine, message("Не приходит код для входа", "7")) == ["Не приходит код для входа"]
    updated = message("Не приходит код для входа, срочно", "7")
    assert take(engine, updated, message("Где ближайший банкомат?", "7")) == ["Где ближайший банкомат?"]
    assert ids(engine) == {"7": "Не приходит код для входа"}


def test_what_was_forgotten_does_not_come_back(engine: Engine) -> None:
    take_in(engine, StoredMessage("по тексту"), StoredMessage("по номеру", external_id="7"))
    with writing(engine) as connection:
        forget(connection, SECRET, texts=["по тексту"], ids=["7"])
    assert take(engine, message("по тексту"), message("по номеру", "7")) == []
    assert texts(engine) == []


@pytest.mark.parametrize("how", [{"ids": ["7"]}, {"texts": ["вопрос"]}, {"before": datetime(2026, 12, 1)}])
def test_forget_finds_what_was_taken_in(engine: Engine, how: dict[str, object]) -> None:
    take(engine, message("вопрос", "7"))
    with writing(engine) as connection:
        assert len(forget(connection, SECRET, **how).keys) == 1  # type: ignore[arg-type]
    assert take(engine, message("вопрос", "7")) == []
    assert texts(engine) == []


def test_they_are_not_drawn_at_random(engine: Engine) -> None:
    take_in(engine, StoredMessage("из файла"))
    take(engine, message("вопрос"), message("из файла"))
    with writing(engine) as connection:
        assert fill_at_random(connection, 9) == 1


def test_undoing_an_import_passes_them_over(engine: Engine) -> None:
    take_in(engine, StoredMessage("из файла"))
    take(engine, message("вопрос", "7"))
    with writing(engine) as connection:
        undone = undo_last_import(connection, lambda text: text)
        assert undone is not None
        assert undone.file == "a.csv"
        assert undo_last_import(connection, lambda text: text) is None
    assert texts(engine) == [("вопрос", None)]
    assert ids(engine) == {"7": "вопрос"}
