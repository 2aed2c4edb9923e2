"""Which column of a file holds what: from the command line, from the settings, or by its name."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from firstline.errors import ColumnMissing
from firstline.messages.column_names import describe_columns, has_no_names, names_columns
from firstline.messages.exports.base import ExportRoles
from firstline.settings import ColumnsSettings
from firstline.text.masks import Masker
from firstline.text.personal import holds_personal_data

ROLES = ("text", "id", "label", "labelled_by", "segment", "sent_at", "conversation", "author")

_USUAL_NAMES: dict[str, tuple[str, ...]] = {
    "text": ("text", "message", "body", "question",
             "текст", "сообщение", "обращение", "текст сообщения", "текст обращения"),
    "id": ("id", "message_id", "ticket_id", "номер", "ид", "номер обращения"),
    "label": ("label", "class", "category", "класс", "категория", "метка", "тема"),
    "labelled_by": ("labelled_by", "annotator", "кто разметил"),
    "segment": ("segment", "сегмент", "тип клиента"),
    "sent_at": ("sent_at", "date", "created_at", "timestamp", "дата", "дата обращения"),
}  # fmt: skip


@dataclass(frozen=True)
class ColumnMap:
    """The columns of one file, by role; an absent role is not in `names`.

    `notes` are sentences about what was assumed.
    """

    names: Mapping[str, str]
    agent_values: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default=())

    @property
    def is_conversation(self) -> bool:
        return "conversation" in self.names


def find_columns(
    path: Path,
    columns: Sequence[str],
    said: Mapping[str, str],
    remembered: ColumnsSettings,
    agent_values: Sequence[str] = (),
    wanted: Sequence[str] = ROLES,
    export: ExportRoles | None = None,
) -> ColumnMap:
    """The column for each role in `wanted` of a file with these `columns`.

    Columns that the caller `said` must exist. A remembered column counts if the file has it; otherwise the role goes by
    its usual names, and a note says so. A known `export` brings its own roles. Raises `ColumnMissing`.
    """
    remembered = ColumnsSettings() if export and export.is_own else remembered
    agent_values = agent_values or remembered.agent_values
    of_export = _roles_of(export, bool(agent_values))
    ignored = export.ignored if export else frozenset()
    names: dict[str, str] = {}
    lacking: list[str] = []
    taken = {*said.values(), *(getattr(remembered, role) for role in ROLES)}
    for role in wanted:
        option = "--" + role.replace("_", "-")
        known = getattr(remembered, role)
        if role in said:
            if said[role] not in columns:
                raise _missing(path, columns, _no_column(path, columns, option, said[role]), option)
            names[role] = said[role]
        # A setting that is empty names no column, not the one whose name is empty.
        elif known and known in columns:
            names[role] = known
        else:
            free = [name for name in columns if name not in taken]
            found = of_export[role] if of_export.get(role) in free else _usual(role, free, ignored)
            if found:
                names[role] = found
                taken.add(found)
            elif known and role == "text":
                raise _missing(path, columns, f"the remembered text column '{known}' is not in it")
            if known:
                lacking.append(f"'{known}' ({option}" + (f", read from '{found}')" if found else ")"))
    notes = [f"{path.name} lacks remembered columns: {', '.join(lacking)}"] if lacking else []
    if export and export.advice and "conversation" in wanted and "conversation" not in names:
        notes.append(export.advice)
    if "text" not in names:
        raise _missing(path, columns, "no column is known to hold the text")
    _check_names(path, names)
    _check_conversation(path, columns, said, names, agent_values)
    return ColumnMap(names, tuple(agent_values), tuple(notes))


def _roles_of(export: ExportRoles | None, is_support_known: bool) -> Mapping[str, str]:
    """The columns of an export by role; those of conversations only if it is known who support is."""
    roles = export.columns if export else {}
    return {role: name for role, name in roles.items() if is_support_known or role not in ("conversation", "author")}


def _usual(role: str, columns: Sequence[str], ignored: Collection[str] = ()) -> str | None:
    by_name = {name.strip().lower(): name for name in reversed(columns) if name not in ignored}
    return next((by_name[name] for name in _USUAL_NAMES.get(role, ()) if name in by_name), None)


def names_text(columns: Sequence[str], text_column: str | None = None) -> bool:
    """Whether one of these names is `text_column`, or a usual name of the column with the text."""
    return text_column in [name.strip() for name in columns] or _usual("text", columns) is not None


def _check_names(path: Path, names: Mapping[str, str]) -> None:
    """The names are shown and remembered in firstline.toml."""
    for role, name in names.items():
        if holds_personal_data(name, Masker()):
            option = "--" + role.replace("_", "-")
            raise ColumnMissing(
                f"{path}: the name of the column for {option} holds personal data.",
                "If that line is a message, add a line with column names above it; otherwise rename the column.",
            )


def _check_conversation(
    path: Path, columns: Sequence[str], said: Mapping[str, str], names: dict[str, str], agent_values: Sequence[str]
) -> None:
    if "conversation" not in names:
        if "author" in said:
            what = "--author is of use in conversations only: name --conversation too"
            raise _missing(path, columns, what, "--conversation")
        names.pop("author", None)
        return
    if "author" not in names:
        raise _missing(path, columns, "conversations need the column of who wrote: --author", "--author")
    if not agent_values:
        raise ColumnMissing(
            f"{path}: to read conversations, Firstline needs the values of '{names['author']}' that mean support.",
            "Name them: --agent-values agent,operator",
        )


def _no_column(path: Path, columns: Sequence[str], option: str, name: str) -> str:
    """What is wrong with the name of a column that a file does not have."""
    what = f"{option} '{name}' is not a column of it"
    outer = name.partition(".")[0]
    if outer != name and outer in columns and not names_columns(path.suffix):
        what += f"; if '{outer}' is an object, what it holds is not read: put '{name}' beside it as a key of its own"
    return what


def _missing(path: Path, columns: Sequence[str], what: str, option: str = "--text") -> ColumnMissing:
    described = describe_columns(columns, path.suffix)
    next_step = f"Name it, for example: {option} COLUMN"
    if has_no_names(columns, path.suffix):
        also = "" if option == "--text" else f" {option} 3"
        next_step = f"Name the line that does: --header-row N. If none does: --no-header --text 2{also}"
    return ColumnMissing(f"{path}: {what}. {described}.", next_step)
