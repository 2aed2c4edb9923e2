from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from firstline.errors import ColumnMissing
from firstline.messages.conversations import join_conversations
from firstline.messages.incoming import Incoming
from firstline.messages.records import Reject


def row(line: int, chat: str, author: str | None, text: str, minute: int | None = None, **rest: Any) -> Incoming:
    moment = None if minute is None else datetime(2026, 1, 1, 10, minute)
    return Incoming(line, text, sent_at=moment, conversation=chat, author=author, **rest)


def joined(*rows: Incoming | Reject, agents: tuple[str, ...] = ("agent",)) -> list[tuple[str | None, str | None]]:
    """(conversation, text) of each message; text None for a reject."""
    found = list(join_conversations(rows, agents))
    return [(item.conversation, item.text) if isinstance(item, Incoming) else (None, None) for item in found]


def test_what_comes_before_the_first_reply_is_kept_in_order() -> None:
    rows = [
        row(2, "1", "client", "раз"),
        row(3, "1", "client", "два"),
        row(4, "1", "agent", ""),
        row(5, "1", "c", "три"),
    ]
    assert joined(*rows) == [("1", "раз\nдва")]


def test_conversations_may_lie_between_each_other() -> None:
    rows = [
        row(2, "1", "client", "раз"),
        row(3, "2", "client", "два"),
        row(4, "1", "agent", ""),
        row(5, "2", "client", "три"),
        row(6, "1", "client", "четыре"),
    ]
    assert joined(*rows) == [("1", "раз"), ("2", "два\nтри")]


def test_a_greeting_from_support_is_no_reply() -> None:
    rows = [row(2, "1", "agent", ""), row(3, "1", "client", "раз"), row(4, "1", "agent", ""), row(5, "1", "c", "два")]
    assert joined(*rows) == [("1", "раз")]


def test_times_order_a_conversation() -> None:
    rows = [row(2, "1", "agent", "", 30), row(3, "1", "client", "два", 20), row(4, "1", "client", "раз", 10)]
    assert joined(*rows) == [("1", "раз\nдва")]


def test_rows_stay_as_they_stand_where_one_has_no_time() -> None:
    rows = [row(2, "1", "client", "раз", 30), row(3, "1", "agent", ""), row(4, "1", "client", "два", 10)]
    assert joined(*rows) == [("1", "раз")]


def test_rows_of_one_moment_stay_as_they_stand() -> None:
    rows = [row(2, "1", "client", "раз", 1), row(3, "1", "agent", "", 1), row(4, "1", "client", "два", 1)]
    assert joined(*rows) == [("1", "раз")]


def test_a_file_without_any_reply_is_an_error_that_shows_no_author() -> None:
    with pytest.raises(
        ColumnMissing, match=r"^None of the 2 messages is by agent; see column \'author\', which names 1 writer\.$"
    ):
        joined(row(2, "1", "client", "раз"), row(3, "1", None, "два"))


def test_support_is_found_behind_thousands_of_writers() -> None:
    rows = [row(n, str(n), f"client {n}", "раз") for n in range(3_000)]
    assert len(joined(*rows, row(9_999, "1", "agent", ""))) == 3_000


def test_agents_are_compared_without_case_and_blanks() -> None:
    rows = [row(2, "1", "client", "раз"), row(3, "1", "Служба Поддержки", ""), row(4, "1", "client", "два")]
    assert joined(*rows, agents=(" служба  поддержки",)) == [("1", "раз")]


def test_a_conversation_of_support_alone_is_rejected() -> None:
    assert joined(row(2, "1", "agent", ""), row(3, "1", "agent", "")) == [(None, None)]


def test_a_conversation_takes_its_label_segment_and_id_from_any_row() -> None:
    rows = [row(2, "77", "client", "раз", 5), row(3, "77", "agent", "", 6, label="карта", segment="vip")]
    (found,) = join_conversations(rows, ["agent"])
    assert found == Incoming(2, "раз", "77", "карта", "vip", datetime(2026, 1, 1, 10, 5), "77")


def test_two_labels_of_a_conversation_are_kept_as_a_disagreement() -> None:
    rows = [row(2, "1", "client", "раз", label="карта"), row(3, "1", "agent", "", label="перевод")]
    found = list(join_conversations(rows, ["agent"]))
    assert [item.label for item in found if isinstance(item, Incoming)] == ["карта", "перевод"]


def test_rejects_go_through() -> None:
    reject = Reject(9, "broken encoding")
    assert reject in list(join_conversations([reject, row(2, "1", "agent", "")], ["agent"]))


def test_a_conversation_is_cut_if_one_of_its_messages_is() -> None:
    first, second = row(2, "1", "client", "раз"), replace(row(3, "1", "client", "два"), is_cut=True)
    rows = [first, second, row(4, "1", "agent", ""), row(5, "2", "client", "три"), row(6, "2", "agent", "")]
    found = [item.is_cut for item in join_conversations(rows, ["agent"]) if isinstance(item, Incoming)]
    assert found == [True, False]


def test_an_import_that_stops_half_way_leaves_no_temporary_file(tmp_path: Path) -> None:
    rows = [row(n, str(n), "client", "раз") for n in range(30)] + [row(99, "1", "agent", "")]
    joining = join_conversations(rows, ("agent",), tmp_path)
    next(joining)
    assert [path.suffix for path in tmp_path.glob("firstline-*/*")] == [".db"]
    assert all(path.stat().st_mode & 0o077 == 0 for path in tmp_path.glob("firstline-*/*"))
    del joining
    assert list(tmp_path.glob("firstline-*")) == []


def test_conversations_in_a_file_are_those_in_memory(tmp_path: Path) -> None:
    rows = [row(n, str(n * 7 % 10), "agent" if n % 3 == 2 else "client", f"текст {n}", n % 60) for n in range(2, 200)]
    on_disk, in_memory = (list(join_conversations(rows, ("agent",), place)) for place in (tmp_path, None))
    assert on_disk == in_memory
