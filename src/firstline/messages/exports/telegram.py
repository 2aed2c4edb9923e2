"""Telegram's own JSON export, of one chat or of the whole account."""

from collections.abc import Iterable, Sequence

from firstline.messages.exports.base import ExportRoles, Item

_UNIX = "date_unixtime"
_MARKS = {"from_id", "actor_id", "text_entities"}


class Telegram:
    """Messages as they were sent; what the app notes in between, such as calls, is left out."""

    name = "Telegram's export"

    def matches(self, keys: Sequence[str], items: Iterable[Item]) -> bool:
        return {"id", "type", "date", "text"} <= set(keys) and not _MARKS.isdisjoint(keys)

    def columns(self, keys: Sequence[str], items: Iterable[Item]) -> list[str]:
        clock = [_UNIX] if _UNIX in keys else []
        return ["text", "id", "date", *clock, "from", "from_id", "chat"]

    def row(self, item: Item) -> Item | None:
        if item.get("type") != "message":
            return None
        chat, message_id = item.get("chat"), item.get("id")
        return {
            "text": joined_text(item.get("text")),
            # Telegram counts the messages of each group anew.
            "id": message_id if chat is None else f"{chat}-{message_id}",
            "date": item.get("date"),
            _UNIX: item.get(_UNIX) or item.get("date"),
            "from": item.get("from"),
            "from_id": item.get("from_id"),
            "chat": chat,
        }

    def roles(self, columns: Sequence[str]) -> ExportRoles:
        # "date" is by the clock of the computer that exported.
        sent_at = _UNIX if _UNIX in columns else "date"
        return ExportRoles(
            {"text": "text", "id": "id", "sent_at": sent_at, "conversation": "chat", "author": "from"},
            ignored=frozenset({"date", "from", "from_id", "chat"}),
            advice="Telegram's export does not say which side support is, so each message stands alone, whoever wrote"
            " it. To keep what customers wrote before the first reply, name support: --agent-values NAME"
            " (as in the column 'from'; --author from_id for ids)",
        )


def joined_text(text: object) -> object:
    """The text of a message whose parts, such as links and bold words, stand in a list."""
    if not isinstance(text, list):
        return text
    return "".join(_part(part.get("text") if isinstance(part, dict) else part) for part in text)


def _part(text: object) -> str:
    """The words of a part; null, and what the app never writes, is nothing."""
    return str(text) if isinstance(text, str | int | float) and not isinstance(text, bool) else ""
