import pytest
from sqlalchemy import select, update

from firstline.errors import ColumnMissing
from firstline.messages.importing import ImportReport, import_file
from firstline.settings import MaskPattern
from firstline.settings.model import MaskingSettings
from firstline.store.database import writing
from firstline.store.messages import disagreements, read_for_training, write_state
from firstline.store.schema import classes, corrections, message_ids, messages
from firstline.store.workspace import Workspace
from tests.postgres import on_sqlite_alone

PHONE = "+7 916 555-01-02"
ORDER = MaskPattern(kind="ORDER", pattern=r"ЗК-\d{5}")


def with_pattern(workspace: Workspace) -> Workspace:
    settings = workspace.settings.model_copy(update={"masking": MaskingSettings(patterns=(ORDER,))})
    return Workspace(workspace.folder, settings)


def run(workspace: Workspace, content: str, relabel: bool = False) -> ImportReport:
    file = workspace.folder / "a.csv"
    file.write_text(content, "utf-8")
    importing = import_file(workspace, file, {}, relabel=relabel)
    while True:
        try:
            next(importing)
        except StopIteration as end:
            workspace.database.dispose()
            return end.value  # type: ignore[no-any-return]


def texts(workspace: Workspace) -> list[str]:
    with workspace.database.connect() as connection:
        return sorted(connection.execute(select(messages.c.text)).scalars())


def test_a_new_pattern_masks_what_is_stored_at_the_next_import(workspace: Workspace) -> None:
    content = "text,label\nгде заказ ЗК-12345,Заказ\nдругое,Иное\n"
    run(workspace, content)
    report = run(with_pattern(workspace), content)
    assert (report.n_masked_again, report.n_new, report.n_known) == (1, 0, 2)
    assert texts(workspace) == ["где заказ <ORDER>", "другое"]
    assert sorted(read_for_training(workspace.database).labels) == ["Заказ", "Иное"]


def test_ids_of_an_earlier_version_are_hashed_at_the_next_import(workspace: Workspace) -> None:
    run(workspace, "id,text\n7,раз\nold,два\n")
    with writing(workspace.database) as connection:
        old = message_ids.update().where(message_ids.c.external_id == "old")
        connection.execute(old.values(external_id="79161234567@c.us"))
        write_state(connection, "masks", "of an earlier version")
    run(workspace, "id,text\n7,раз\n79161234567@c.us,два\n")
    with workspace.database.connect() as connection:
        ids = sorted(connection.execute(select(message_ids.c.external_id)).scalars())
    assert ids[0] == "7"
    assert ids[1].startswith("hash:")
    assert len(ids) == 2


def test_messages_that_become_one_keep_the_labels_of_both(workspace: Workspace) -> None:
    run(workspace, "text,label\nзаказ ЗК-11111,Заказ\nзаказ ЗК-22222,Жалоба\n")
    run(with_pattern(workspace), "text,label\nещё,Иное\n")
    assert texts(workspace) == ["ещё", "заказ <ORDER>"]
    with workspace.database.connect() as connection:
        assert [item.labels for item in disagreements(connection)] == [("Жалоба", "Заказ")]


def test_the_same_patterns_mask_nothing_again(workspace: Workspace) -> None:
    named = with_pattern(workspace)
    run(named, "text\nзаказ ЗК-11111\n")
    assert run(named, "text\nзаказ ЗК-22222\n").n_masked_again == 0


@on_sqlite_alone
def test_an_import_that_fails_masks_nothing(workspace: Workspace) -> None:
    run(workspace, "text\nзаказ ЗК-11111\n")
    with pytest.raises(Exception, match="no rows"):
        run(with_pattern(workspace), "text,x\n")
    assert texts(workspace) == ["заказ ЗК-11111"]


def test_relabel_settles_a_disagreement(workspace: Workspace) -> None:
    run(workspace, "text,label\nгде карта,Карта\nгде карта,Доставка\n")
    assert read_for_training(workspace.database).n_disagreements == 1
    report = run(workspace, "text,label\nгде карта,Доставка\n", relabel=True)
    assert report.n_disagreements == 0
    assert read_for_training(workspace.database).labels == ["Доставка"]


def test_relabel_keeps_two_labels_of_one_file(workspace: Workspace) -> None:
    run(workspace, "text,label\nгде карта,Старый\n")
    report = run(workspace, "text,label\nгде карта,Карта\nгде карта,Доставка\n", relabel=True)
    assert report.n_disagreements == 1
    with workspace.database.connect() as connection:
        assert disagreements(connection)[0].labels == ("Доставка", "Карта")


def test_an_empty_label_takes_the_label_away_with_relabel_and_changes_nothing_without(workspace: Workspace) -> None:
    run(workspace, "text,label\nгде карта,Карта\nгде заказ,Заказ\n")
    run(workspace, "text,label\nгде карта,\n")
    assert read_for_training(workspace.database).labels == ["Заказ", "Карта"]
    report = run(workspace, "text,label\nгде карта,\n", relabel=True)
    assert (report.n_replaced, report.n_taken_away) == (0, 1)
    assert read_for_training(workspace.database).labels == ["Заказ"]


def test_relabel_says_how_many_labels_it_replaced(workspace: Workspace) -> None:
    run(workspace, "text,label\nраз,Карта\nдва,Карта\nтри,Карта\n")
    report = run(workspace, "text,label\nраз,Заказ\nдва,Карта\nтри,Заказ\n", relabel=True)
    assert (report.n_replaced, report.n_taken_away, report.n_disagreements) == (2, 0, 0)


def test_relabel_without_a_column_of_labels_is_refused(workspace: Workspace) -> None:
    with pytest.raises(ColumnMissing, match="--relabel needs a column with labels"):
        run(workspace, "text\nраз\n", relabel=True)


def test_a_text_that_is_kept_to_undo_with_is_masked_too(workspace: Workspace) -> None:
    run(workspace, "id,text\n1,где заказ ЗК-12345\n")
    run(workspace, "id,text\n1,где же заказ\n")
    named = with_pattern(workspace)
    run(named, "id,text\n2,другое\n")
    with named.database.connect() as connection:
        assert connection.execute(select(corrections.c.text)).scalars().all() == ["где заказ <ORDER>"]


@on_sqlite_alone
def test_the_lines_of_a_conversation_stay_what_they_were(workspace: Workspace) -> None:
    file = workspace.folder / "talks.csv"
    file.write_text("dialog,who,text\n1,client,где карта\n1,client,и где заказ\n1,agent,сейчас\n", "utf-8")
    said = {"conversation": "dialog", "author": "who"}
    for place in (workspace, with_pattern(workspace)):
        for _ in import_file(place, file, said, ("agent",)):
            pass
        assert texts(place) == ["где карта\nи где заказ"]
        place.database.dispose()


def store_as_an_older_version_did(workspace: Workspace, text: str) -> None:
    with workspace.database.begin() as connection:
        connection.execute(update(messages).values(text=text))
        write_state(connection, "masks", "older")


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        ("<p>почта oleg&#64;post.example</p>", "почта <EMAIL>"),
        ('первое\n<img src="<LINK>">\nвторое', "первое\nвторое"),
        ('<img src="<LINK>">', '<img src="<LINK>">'),
    ],
)
def test_what_older_masks_left_is_masked_at_the_next_import(workspace: Workspace, stored: str, expected: str) -> None:
    run(workspace, "text,label\nстарое,Иное\n")
    store_as_an_older_version_did(workspace, stored)
    run(workspace, "text,label\nя,Иное\n")
    assert texts(workspace) == sorted([expected, "я"])


def test_names_of_before_that_hold_personal_data_are_hidden(workspace: Workspace) -> None:
    run(workspace, "id,text,segment,label\n7,где карта,lead,Карта\n8,где заказ,lead,Карта\n")
    with workspace.database.begin() as connection:
        connection.execute(update(message_ids).where(message_ids.c.external_id == "7").values(external_id=PHONE))
        connection.execute(update(messages).where(messages.c.text == "где карта").values(segment=f"от {PHONE}"))
        connection.execute(update(classes).values(name=f"звонок {PHONE}"))
        write_state(connection, "masks", "older")
    run(workspace, "text\nя\n")
    with workspace.database.connect() as connection:
        found = [
            *connection.execute(select(message_ids.c.external_id)).scalars(),
            *connection.execute(select(messages.c.segment)).scalars(),
            *connection.execute(select(classes.c.name)).scalars(),
        ]
    assert not [name for name in found if name and "916" in name]
    assert {"8", "lead", "от <PHONE>", "звонок <PHONE>"} <= set(found)
    assert read_for_training(workspace.database).labels == ["звонок <PHONE>"] * 2


def test_classes_that_become_one_are_joined(workspace: Workspace) -> None:
    run(workspace, "text,label\nраз,а\nдва,б\nраз,б\n")
    with workspace.database.begin() as connection:
        for name, other in (("а", "+7 916 555-01-02"), ("б", "+7 916 555-01-03")):
            connection.execute(update(classes).where(classes.c.name == name).values(name=other))
        write_state(connection, "masks", "older")
    run(workspace, "text\nя\n")
    assert read_for_training(workspace.database).labels == ["<PHONE>", "<PHONE>"]
