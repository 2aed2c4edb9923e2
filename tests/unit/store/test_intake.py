"""A message is its (source, id); without an id it is its text and segment."""

import pytest
from sqlalchemy import Engine, select

from firstline.errors import SourceUnclear
from firstline.store.messages import StoredMessage
from firstline.store.related import is_related
from firstline.store.schema import labels, message_ids
from tests.unit.store.filling import ids, labelled, take_in, texts


def said(
    text: str, external_id: str | None = None, label: str | None = None, segment: str | None = None
) -> StoredMessage:
    return StoredMessage(text, segment, external_id, None, label)


def test_another_text_under_a_known_id_is_a_correction_and_the_label_stays(engine: Engine) -> None:
    take_in(engine, said("карта не рабтает", "1", "Карта"))
    tally = take_in(engine, said("карта не работает", "1"))
    assert (tally.n_new, tally.n_known, tally.n_corrected) == (0, 0, 1)
    assert labelled(engine) == [("карта не работает", "Карта")]
    assert texts(engine) == [("карта не работает", None)]


def test_the_same_id_of_another_system_is_another_message(engine: Engine) -> None:
    take_in(engine, said("карта не работает", "1"))
    tally = take_in(engine, said("карта не рабтает", "1"), source="chat")
    assert (tally.n_new, tally.n_corrected) == (1, 0)
    assert len(texts(engine)) == 2


def test_one_text_under_several_ids_keeps_all_of_them(engine: Engine) -> None:
    take_in(engine, said("где заказ", "1"), said("где заказ", "2"))
    assert ids(engine) == {"1": "где заказ", "2": "где заказ"}
    assert len(texts(engine)) == 1


def test_an_id_that_is_corrected_leaves_the_text_to_the_others_and_takes_the_label_along(engine: Engine) -> None:
    take_in(engine, said("где заказ", "1", "Заказ"), said("где заказ", "2"))
    tally = take_in(engine, said("где мой заказ", "2"))
    assert (tally.n_new, tally.n_corrected) == (0, 1)
    assert ids(engine) == {"1": "где заказ", "2": "где мой заказ"}
    assert labelled(engine) == [("где заказ", "Заказ"), ("где мой заказ", "Заказ")]


def test_a_text_that_becomes_another_message_joins_it(engine: Engine) -> None:
    take_in(engine, said("где заказ", "1", "Заказ"), said("где мой заказ", "2"))
    take_in(engine, said("где мой заказ", "1"))
    assert ids(engine) == {"1": "где мой заказ", "2": "где мой заказ"}
    assert labelled(engine) == [("где мой заказ", "Заказ")]
    assert texts(engine) == [("где мой заказ", None)]


@pytest.mark.parametrize("batch", [1, 1_000])
def test_labels_stay_with_their_ids_when_texts_change_places(engine: Engine, batch: int) -> None:
    take_in(engine, said("раз", "1", "А"), said("два", "2", "Б"), said("три", "3", "В"))
    take_in(engine, said("два", "1"), said("три", "2"), said("раз", "3"), batch=batch, is_source_named=True)
    assert ids(engine) == {"1": "два", "2": "три", "3": "раз"}
    assert labelled(engine) == [("два", "А"), ("раз", "В"), ("три", "Б")]


def test_a_text_that_all_its_ids_leave_is_gone(engine: Engine) -> None:
    take_in(engine, said("где заказ", "1", "Заказ"), said("где заказ", "2"))
    take_in(engine, said("где мой заказ", "1"), said("где же заказ", "2"), is_source_named=True)
    assert [text for text, _ in texts(engine)] == ["где же заказ", "где мой заказ"]
    assert labelled(engine) == [("где же заказ", "Заказ"), ("где мой заказ", "Заказ")]


def test_a_correction_that_stands_twice_counts_once(engine: Engine) -> None:
    take_in(engine, said("карта не рабтает", "1"))
    tally = take_in(engine, said("карта не работает", "1", "А"), said("карта не работает", "1", "Б"), batch=1)
    assert (tally.n_corrected, tally.n_shared_ids, tally.n_repeated) == (1, 0, 1)
    assert len(labelled(engine)) == 2


def test_a_file_without_segments_changes_none(engine: Engine) -> None:
    take_in(engine, said("где заказ", "1", segment="lead"))
    tally = take_in(engine, said("где заказ", "1"), has_segments=False)
    assert (tally.n_new, tally.n_known, tally.n_corrected) == (0, 1, 0)
    assert texts(engine) == [("где заказ", "lead")]


def test_another_segment_under_a_known_id_is_a_correction(engine: Engine) -> None:
    take_in(engine, said("где заказ", "1", segment="lead"))
    assert take_in(engine, said("где заказ", "1", segment="customer")).n_corrected == 1
    assert texts(engine) == [("где заказ", "customer")]


def test_a_text_that_was_there_without_an_id_gets_it(engine: Engine) -> None:
    take_in(engine, said("где заказ"))
    take_in(engine, said("где заказ", "1"))
    assert ids(engine) == {"1": "где заказ"}


def test_rows_that_share_an_id_in_one_file_are_all_kept(engine: Engine) -> None:
    rows = [said("где заказ", "7"), said("уже неделю жду", "7"), said("где заказ", "7")]
    for _ in range(2):
        tally = take_in(engine, *rows, batch=1)
        assert (tally.n_shared_ids, tally.n_corrected) == (1, 0)
    assert [text for text, _ in texts(engine)] == ["где заказ", "уже неделю жду"]
    assert ids(engine) == {"7": "где заказ"}


def test_many_unrelated_texts_under_known_ids_are_refused_and_change_nothing(engine: Engine) -> None:
    take_in(engine, *(said(f"вопрос о карте {n}", str(n)) for n in range(20)))
    before = texts(engine)
    other = [said(f"вопрос о карте {n}", str(n)) for n in range(18)] + [
        said("счёт закрыть", "18"),
        said("спасибо", "19"),
    ]
    with pytest.raises(SourceUnclear, match="2 of 20 known ids of 'crm'") as raised:
        take_in(engine, *other)
    assert "--source crm" in raised.value.next_step
    assert texts(engine) == before


def test_a_twentieth_of_unrelated_texts_is_taken_for_corrections(engine: Engine) -> None:
    take_in(engine, *(said(f"вопрос о карте {n}", str(n)) for n in range(20)))
    other = [said(f"вопрос о карте {n}", str(n)) for n in range(19)] + [said("спасибо", "19")]
    assert take_in(engine, *other).n_corrected == 1


def test_a_source_that_a_person_names_is_believed(engine: Engine) -> None:
    take_in(engine, said("вопрос о карте", "1"))
    assert take_in(engine, said("спасибо", "1"), is_source_named=True).n_corrected == 1


def test_ids_of_before_sources_were_kept_belong_to_the_first_file_that_has_them(engine: Engine) -> None:
    take_in(engine, said("карта не рабтает", "1"), source="")
    assert take_in(engine, said("карта не работает", "1")).n_corrected == 1
    with engine.connect() as connection:
        assert connection.execute(select(message_ids.c.source)).scalars().all() == ["crm"]


def test_what_settles_labels_supersedes_them_and_says_by_which(engine: Engine) -> None:
    take_in(engine, said("где заказ", "1", "Карта"))
    tally = take_in(engine, said("где заказ", "1", "Заказ"), settles_labels=True)
    assert (tally.n_replaced, tally.n_taken_away, tally.n_new_labelled) == (1, 0, 0)
    with engine.connect() as connection:
        old, new = connection.execute(select(labels).order_by(labels.c.id)).all()
    assert (old.superseded_by, new.superseded_at) == (new.id, None)
    assert old.superseded_at is not None
    assert old.at is not None


def test_two_labels_of_one_file_stay_two_wherever_they_stand(engine: Engine) -> None:
    take_in(engine, said("где заказ", "1", "Карта"), said("где заказ", "1", "Иное"))
    rows = [said("где заказ", "1", "Карта"), said("другое", "2"), said("где заказ", "1", "Заказ")]
    assert take_in(engine, *rows, batch=1, settles_labels=True).n_replaced == 1
    assert labelled(engine) == [("где заказ", "Заказ"), ("где заказ", "Карта")]


def test_a_label_that_was_taken_away_can_be_given_again(engine: Engine) -> None:
    take_in(engine, said("где заказ", "1", "Заказ"))
    take_in(engine, said("где заказ", "1"), settles_labels=True)
    assert labelled(engine) == []
    take_in(engine, said("где заказ", "1", "Заказ"))
    assert labelled(engine) == [("где заказ", "Заказ")]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("где заказ", "Где мой заказ?", True),
        ("картта не рабтает", "карта не работает", True),
        ("где заказ", "верните деньги за платье", False),
        ("спасибо", "добрый день", False),
        ("", "где заказ", False),
    ],
)
def test_what_may_be_a_correction(before: str, after: str, expected: bool) -> None:
    assert is_related(before, after) is expected


def test_an_import_that_is_refused_leaves_the_connection_usable(engine: Engine) -> None:
    take_in(engine, said("вопрос о карте", "1"))
    with pytest.raises(SourceUnclear):
        take_in(engine, said("спасибо", "1"), settles_labels=True)
    take_in(engine, said("вопрос о карте", "1", "Карта"), settles_labels=True)
    assert labelled(engine) == [("вопрос о карте", "Карта")]


def test_classes_that_are_new_beside_others_are_named(engine: Engine) -> None:
    assert take_in(engine, StoredMessage("где заказ", None, "1", None, "Заказ")).new_classes == []
    assert take_in(engine, StoredMessage("где карта", None, "2", None, "Крата")).new_classes == ["Крата"]
    assert take_in(engine, StoredMessage("моя карта", None, "3", None, "Крата")).new_classes == []
