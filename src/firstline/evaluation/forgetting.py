"""Forgets messages wherever their text lies: in the database, in recorded answers, and in pages of `reports/`."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from firstline.errors import FileUnwritable
from firstline.evaluation.report.quoting import reports_that_quote
from firstline.messages.importing import masker
from firstline.messages.incoming import Names
from firstline.store.database import rehearsing, writing
from firstline.store.forgetting import Forgotten, forget, rewrite
from firstline.store.key import open_key
from firstline.store.records import forget_records
from firstline.store.workspace import Workspace
from firstline.text.emails import own_words


@dataclass(frozen=True)
class Wanted:
    """What to forget: ids, of one system if `source` is given; texts; what was sent before a time; or stored messages.

    `messages` are ids in the database. Texts are as in the export; they are masked here.
    """

    ids: Sequence[str] = ()
    source: str | None = None
    texts: Sequence[str] = ()
    before: datetime | None = None
    messages: Sequence[int] = ()


@dataclass(frozen=True)
class Gone:
    """What was forgotten, the pages that quoted it, and how many recorded answers were deleted.

    `not_rewritten` says why the files of the database may still contain it; empty if they do not.
    """

    found: Forgotten = field(default_factory=Forgotten)
    reports: tuple[str, ...] = ()
    n_records: int = 0
    not_rewritten: str = ""


def forget_everywhere(place: Workspace, wanted: Wanted, *, is_rehearsal: bool = False) -> Gone:
    """Forget messages; with `is_rehearsal`, only count. The caller holds the lock of the messages.

    Raises `StoreUnusable`, `WorkspaceBusy`, and `FileUnwritable` if recorded answers cannot be changed.
    """
    mask, cuts = masker(place.settings), place.settings.emails.cut_quotes
    own = [own_words(text) if cuts else text for text in wanted.texts]
    # A conversation is stored line by line.
    masked = [form for text in own for form in (mask(text), "\n".join(filter(None, map(mask, text.splitlines()))))]
    if not place.has_database:  # A serving machine. It would get a database and a key of its own.
        return Gone(n_records=_forget_records(place, set(wanted.ids), masked, set(), wanted.before, is_rehearsal))
    with (rehearsing if is_rehearsal else writing)(place.database) as connection:
        key = open_key(place.folder, connection)
        names = Names(mask, key.hash_id)
        known = [name for one in wanted.ids if (name := names.id(one))]
        found = forget(
            connection,
            key.secret,
            ids=known,
            source=wanted.source,
            texts=masked,
            before=wanted.before,
            stored=wanted.messages,
        )
        # Before the messages are gone for good: if this stops here, the same command finds all of it again.
        pages = reports_that_quote(place.reports, found.keys)
        for page in pages if not is_rehearsal else ():
            page.unlink(missing_ok=True)
        n_records = _forget_records(
            place, {*wanted.ids, *known}, masked, found.keys, wanted.before, is_rehearsal=is_rehearsal
        )
    # Also when nothing matched: what an earlier run could not do is done then.
    why = "" if is_rehearsal else rewrite(place.database)
    return Gone(found, tuple(page.name for page in pages), n_records, why)


def _forget_records(
    place: Workspace,
    ids: set[str],
    texts: Collection[str],
    keys: set[bytes],
    before: datetime | None,
    is_rehearsal: bool,
) -> int:
    """The number of recorded answers that were deleted."""
    try:
        return forget_records(
            place.records, ids=ids, texts=set(texts), keys=keys, before=before, is_rehearsal=is_rehearsal
        )
    except OSError as error:
        raise FileUnwritable(
            f"The recorded answers in {place.records} cannot be changed: {error.strerror}.", "Check its permissions."
        ) from None
