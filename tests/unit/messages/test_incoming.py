import pickle
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import cast

import pytest

from firstline.messages.cells import MAX_TEXT_CHARS
from firstline.messages.columns import ColumnMap
from firstline.messages.incoming import Incoming, read_rows
from firstline.messages.records import Record, Reject, Value
from firstline.text.masks import Masker


class OneRow:
    """A file of one row, whose columns are named after their roles."""

    described = "a test"

    def __init__(self, **cells: Value) -> None:
        self.columns = list(cells)
        self._cells = cells

    def records(self, columns: Sequence[str]) -> Iterator[Record | Reject]:
        yield Record(2, [self._cells[name] for name in columns])

    def done(self) -> float:
        return 1.0


def one(**cells: Value) -> Incoming | Reject:
    reader = OneRow(**cells)
    columns = ColumnMap({name: name for name in cells}, agent_values=("Agent",))
    (row,) = read_rows(reader, columns, Masker((("policy", r"ОСАГО-\d{6}"),)))
    return row


def message(**cells: Value) -> Incoming:
    return cast("Incoming", one(**cells))


def test_personal_data_is_masked() -> None:
    assert message(text="Пишите на ivan@example.com").text == "Пишите на <EMAIL>"


def test_an_email_is_cut_only_if_the_setting_says_so() -> None:
    columns = ColumnMap({"text": "text"})
    for cut_quotes, text in ((True, "Где карта?"), (False, "Где карта? > Ваш перевод > зачислен")):
        (row,) = read_rows(
            OneRow(text="Где карта?\n> Ваш перевод\n> зачислен"), columns, Masker(), cut_quotes=cut_quotes
        )
        assert isinstance(row, Incoming)
        assert (row.text, row.is_cut) == (text, cut_quotes)


def test_an_email_is_cut_before_it_is_masked() -> None:
    text = "Где карта?\nвт, 3 мар. 2026 г. в 13:00, Банк <help@bank.example>:\n> перевод зачислен"
    (row,) = read_rows(OneRow(text=text), ColumnMap({"text": "text"}), Masker(), cut_quotes=True)
    assert isinstance(row, Incoming)
    assert row.text == "Где карта?"


def test_a_message_that_is_no_email_is_not_counted_as_cut() -> None:
    (row,) = read_rows(OneRow(text="Где\nкарта?"), ColumnMap({"text": "text"}), Masker(), cut_quotes=True)
    assert isinstance(row, Incoming)
    assert not row.is_cut


def test_the_teams_own_patterns_are_masked() -> None:
    assert message(text="Полис ОСАГО-123456 истёк").text == "Полис <POLICY> истёк"


@pytest.mark.parametrize("empty", [None, "", "  \u200b ", float("nan"), b""])
def test_a_row_without_text_is_rejected(empty: Value) -> None:
    assert one(text=empty) == Reject(2, "no text")


@pytest.mark.parametrize("empty", [None, "", "  ", float("nan")])
def test_an_empty_label_is_no_label(empty: Value) -> None:
    assert message(text="раз", label=empty).label is None


@pytest.mark.parametrize(
    ("value", "text"), [(7, "7"), (7.0, "7"), (7.5, "7.5"), ("  карта \n", "карта"), (b"\xd0\xba", "к"), (True, "True")]
)
def test_a_value_is_text_as_people_see_it(value: Value, text: str) -> None:
    row = message(text=value, id=value)
    assert (row.text, row.external_id) == (text, text)


UNUSABLE = {
    "broken byte": "раз\udcff",
    "broken bytes": b"\xff",
    "list": ["раз"],
    "object": {"ru": "раз"},
    "huge number": 10**5000,
    "huge text": "a" * 200_000,
}


@pytest.mark.parametrize("role", ["text", "label", "id", "segment"])
@pytest.mark.parametrize("kind", UNUSABLE)
def test_a_value_that_cannot_be_used_rejects_its_row(role: str, kind: str) -> None:
    if (role, kind) == ("label", "list"):
        return
    row = one(**{"text": "раз", role: UNUSABLE[kind]})
    assert isinstance(row, Reject)
    assert "раз" not in row.reason


@pytest.mark.parametrize("role", ["label", "segment"])
def test_a_class_or_segment_with_personal_data_is_rejected_without_its_text(role: str) -> None:
    row = one(**{"text": "раз", role: "клиент +7 916 123-45-67"})
    assert row == Reject(2, f"the {'class' if role == 'label' else role} holds personal data")


@pytest.mark.parametrize("role", ["id", "conversation"])
def test_an_id_with_personal_data_becomes_its_hash(role: str) -> None:
    cells = {"text": "раз", "author": "client", role: "79161234567@c.us"}
    reader = OneRow(**cells)
    columns = ColumnMap({name: name for name in cells}, ("agent",))
    (row,) = read_rows(reader, columns, Masker(), hash_id=lambda value: f"hash:{len(value)}")
    assert isinstance(row, Incoming)
    assert (row.external_id if role == "id" else row.conversation) == "hash:16"


def test_an_id_that_is_only_copied_stays() -> None:
    assert message(text="раз", id="79161234567@c.us").external_id == "79161234567@c.us"


def test_a_class_with_personal_data_beside_a_reply_is_no_loss() -> None:
    row = message(text="ответ", conversation="1", author="agent", label="+7 916 123-45-67")
    assert (row.author, row.label) == ("agent", None)


def test_the_longest_text_is_taken() -> None:
    assert len(message(text="слово " * (MAX_TEXT_CHARS // 6)).text) > 99_000


def test_a_time_that_cannot_be_read_is_none_and_rejects_nothing() -> None:
    assert message(text="раз", sent_at="вчера").sent_at is None
    assert message(text="раз", sent_at="2026-01-31").sent_at == datetime(2026, 1, 31)


def test_a_row_of_a_conversation_needs_its_id() -> None:
    assert one(text="раз", conversation="", author="client") == Reject(2, "no conversation id")


def test_what_support_wrote_is_not_read() -> None:
    row = message(text="ответ\udcff", conversation="1", author=" AGENT ")
    assert (row.text, row.author) == ("", "AGENT")


def test_rows_come_from_another_process_as_they_are() -> None:
    row = Incoming(7, "где карта", "1", "Карта", "lead", datetime(2026, 1, 1), "c", "я", True)
    assert pickle.loads(pickle.dumps(row)) == row
    assert pickle.loads(pickle.dumps(Record(7, ["а", None]))) == Record(7, ["а", None])


def test_two_cores_give_what_one_gives() -> None:
    columns = ColumnMap({"text": "text"})
    rows: list[list[Value]] = [[f"звоните +7 916 555-{n:04d}"] for n in range(2_500)]
    rows.append([""])

    class Rows(OneRow):
        def records(self, columns: Sequence[str]) -> Iterator[Record | Reject]:
            return (Record(line, values) for line, values in enumerate(rows))

    by_one, by_two = (list(read_rows(Rows(text=None), columns, Masker(), by_two_cores=flag)) for flag in (False, True))
    assert by_two == by_one
    assert by_two[-1] == Reject(2_500, "no text")
