"""Which export a file is, by its shape."""

from collections.abc import Callable, Iterable, Sequence

from firstline.messages.exports.argilla import ArgillaRecords, ArgillaTable, ArgillaTextClassification
from firstline.messages.exports.base import ExportFormat, ExportRoles, Item
from firstline.messages.exports.corrections import own_roles
from firstline.messages.exports.doccano import Doccano
from firstline.messages.exports.label_studio import LabelStudio, LabelStudioTable
from firstline.messages.exports.prodigy import Prodigy
from firstline.messages.exports.telegram import Telegram
from firstline.messages.records import Reader

_FORMATS: tuple[Callable[[], ExportFormat], ...] = (
    Telegram,
    LabelStudio,
    LabelStudioTable,
    ArgillaRecords,
    ArgillaTable,
    Prodigy,
    ArgillaTextClassification,
    Doccano,
)


def recognise(keys: Sequence[str], items: Iterable[Item]) -> ExportFormat | None:
    """The export that a JSON file with these keys and objects is; None if it is another's.

    `items` are read anew for each export that the keys fit.
    """
    return next((export for export in (make() for make in _FORMATS) if export.matches(keys, items)), None)


def export_roles(reader: Reader) -> ExportRoles | None:
    """Which columns of a file hold what, if it is an export that is known. A CSV may be Label Studio's.

    A file of Firstline's own may have any format, and what another tool made of one, too.
    """
    export: ExportFormat | None = getattr(reader, "export", None)
    if export is None and (table := LabelStudioTable()).matches(reader.columns, ()):
        export = table
    return own_roles(reader.columns, export.roles(reader.columns) if export else None)
