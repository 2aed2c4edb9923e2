from pathlib import Path
from typing import Any

import pytest

from tests.unit.messages.exports.reading import read_export


def sent(number: int, text: object, **other: object) -> dict[str, Any]:
    return {
        "id": number,
        "type": "message",
        "date": "2026-03-04T12:00:00",
        "date_unixtime": "1772614800",
        "from": "Ирина",
        "from_id": "user55",
        "text": text,
        "text_entities": [],
        **other,
    }


CALL = {"id": 9, "type": "service", "date": "2026-03-04T11:00:00", "actor": "Ирина", "action": "phone_call", "text": ""}


def test_parts_of_a_text_are_joined_and_service_entries_left_out(tmp_path: Path) -> None:
    parts = ["Смотрите ", {"type": "link", "text": "shop.example/1"}, ", ", {"type": "bold", "text": "срочно"}]
    chat = {"name": "Чат", "type": "personal_chat", "id": 31, "messages": [CALL, sent(2, parts)]}
    found = read_export(tmp_path, chat)
    assert [row["text"] for row in found.rows] == ["Смотрите shop.example/1, срочно"]
    assert "Telegram" in found.described


def test_ids_times_and_authors_have_their_roles(tmp_path: Path) -> None:
    found = read_export(tmp_path, {"name": "Чат", "type": "x", "id": 31, "messages": [sent(2, "раз")]})
    assert found.roles["text"] == "text"
    assert {role: found.rows[0][name] for role, name in found.roles.items()} == {
        "text": "раз",
        "id": "31-2",
        "sent_at": "1772614800",
        "conversation": 31,
        "author": "Ирина",
    }


def test_the_date_stays_as_it_stands_in_the_file(tmp_path: Path) -> None:
    found = read_export(tmp_path, {"name": "Чат", "type": "x", "id": 31, "messages": [sent(2, "раз")]})
    assert found.rows[0]["date"] == "2026-03-04T12:00:00"


def test_without_unix_time_the_date_is_the_time(tmp_path: Path) -> None:
    message = sent(2, "раз")
    del message["date_unixtime"]
    found = read_export(tmp_path, {"name": "Чат", "type": "x", "id": 31, "messages": [message]})
    assert found.roles["sent_at"] == "date"
    assert "date_unixtime" not in found.rows[0]


def test_of_a_whole_account_each_message_knows_its_chat(tmp_path: Path) -> None:
    account = {
        "about": "…",
        "contacts": {"about": "…", "list": [{"first_name": "Пётр", "phone_number": "0"}]},
        "chats": {
            "about": "…",
            "list": [
                {"name": "A", "type": "personal_chat", "id": 5, "messages": [CALL, sent(1, "раз"), sent(2, "два")]},
                {"name": "B", "type": "personal_chat", "id": 6, "messages": []},
                {"name": "C", "type": "personal_chat", "id": 7, "messages": [sent(1, "три")]},
            ],
        },
    }
    rows = read_export(tmp_path, account).rows
    assert [(row["chat"], row["id"], row["text"]) for row in rows] == [
        (5, "5-1", "раз"),
        (5, "5-2", "два"),
        (7, "7-1", "три"),
    ]


@pytest.mark.parametrize("kinds", [["chats", "left_chats"], ["left_chats", "chats"], ["left_chats"]])
def test_chats_that_the_user_has_left_are_read_as_the_others(tmp_path: Path, kinds: list[str]) -> None:
    def chats(kind: str) -> dict[str, Any]:
        group = {"name": "A", "type": "private_group", "id": f"{kind}-5", "messages": [CALL, sent(1, "раз")]}
        return {"list": [{"id": 4, "messages": []}, group]}

    account = {"contacts": {"list": [{"first_name": "Пётр"}]}, **{kind: chats(kind) for kind in kinds}}
    found = read_export(tmp_path, account)
    assert [(row["chat"], row["text"]) for row in found.rows] == [(f"{kind}-5", "раз") for kind in kinds]
    assert "Telegram" in found.described


def test_a_part_of_a_text_that_is_null_is_nothing(tmp_path: Path) -> None:
    parts = ["нет ", None, {"type": "bold", "text": None}, {"type": "link"}, 112, ["x"]]
    found = read_export(tmp_path, {"id": 31, "messages": [sent(2, parts)]})
    assert [row["text"] for row in found.rows] == ["нет 112"]


def test_another_list_of_messages_is_no_telegram(tmp_path: Path) -> None:
    found = read_export(tmp_path, {"id": 3, "messages": [{"id": 1, "type": "mail", "date": "x", "text": "раз"}]})
    assert found.rows == [{"id": 1, "type": "mail", "date": "x", "text": "раз"}]
    assert found.roles == {}
