"""`firstline forget`."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from firstline.cli.options import JsonOption, WorkspaceOption
from firstline.cli.output import counted, listed, next_command, print_json, say

if TYPE_CHECKING:
    from firstline.store.forgetting import Forgotten
    from firstline.store.workspace import Workspace


def forget(
    ids: Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="Ids, as in the export.")] = None,
    ids_file: Annotated[Path | None, typer.Option("--ids", metavar="FILE", help="A file, an id on each line.")] = None,
    source: Annotated[
        str | None, typer.Option(metavar="NAME", help="The system that the ids are from. Default: any.")
    ] = None,
    text: Annotated[
        typer.FileText | None, typer.Option(metavar="FILE", help="A file with a text; - reads standard input.")
    ] = None,
    older_than: Annotated[
        str | None, typer.Option(metavar="365d", help="Messages that were sent longer ago than so many days.")
    ] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Delete messages for good, so that the same export does not bring them back.

    Says which runs, models and language models still hold something of them, and what makes each anew.
    """
    from firstline.errors import UsageError
    from firstline.messages.incoming import UnusableCell, read_name, read_text
    from firstline.store.workspace import Workspace

    named = [*(ids or ()), *(_lines(ids_file) if ids_file else ())]
    if not (named or text or older_than):
        raise UsageError("Nothing is named to forget.", "Name ids, --ids FILE, --text FILE or --older-than 365d.")
    before = _before(older_than) if older_than else None
    place = Workspace.find(workspace)
    try:
        texts = [read_text(text.read())] if text else []
        known = [name for one in named if (name := read_name(one))]
    except (UnusableCell, UnicodeDecodeError) as error:
        why = str(error) if isinstance(error, UnusableCell) else "it is not UTF-8"
        raise UsageError(f"What is to be forgotten cannot be read: {why}.", "Name it as the export has it.") from None
    with place.hold("messages", "forget"):
        found = _forget(place, known, source, texts, before)
    holders = _holders(place, found.keys)
    if as_json:
        print_json({"n_messages": len(found.keys), "n_ids": found.n_ids, "n_shared": found.n_shared, "runs": holders})
        return
    say(f"{counted(len(found.keys), 'message')} and {counted(found.n_ids, 'id')} forgotten.")
    if found.n_shared:
        say(f"  {counted(found.n_shared, 'message')} stay, since other ids have the same text.")
    if found.keys:
        _say_holders(place, holders, workspace)


def _forget(
    place: "Workspace", ids: list[str], source: str | None, texts: list[str], before: datetime | None
) -> "Forgotten":
    from firstline.messages.importing import masker
    from firstline.messages.incoming import Names
    from firstline.store.database import writing
    from firstline.store.forgetting import forget, rewrite
    from firstline.store.key import open_key
    from firstline.text.emails import own_words

    mask, cuts = masker(place.settings), place.settings.emails.cut_quotes
    own = [own_words(text) if cuts else text for text in texts]
    # A conversation is stored line by line.
    masked = [form for text in own for form in (mask(text), "\n".join(map(mask, text.split("\n"))))]
    with writing(place.database) as connection:
        key = open_key(place.folder, connection)
        names = Names(mask, key.hash_id)
        known = [name for one in ids if (name := names.id(one))]
        found = forget(connection, key.secret, ids=known, source=source, texts=masked, before=before)
    rewrite(place.database)
    return found


def _lines(file: Path) -> list[str]:
    from firstline.errors import FileUnreadable

    try:
        return [line.strip() for line in file.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8"
        raise FileUnreadable(f"{file} cannot be read: {why}.", "It holds an id on each line.") from None


def _before(older_than: str) -> datetime:
    from firstline.errors import UsageError
    from firstline.store.messages import now

    days = older_than.removesuffix("d")
    if not days.isdecimal() or int(days) > 36_500:
        raise UsageError(f"'{older_than}' is not a number of days.", "For example: --older-than 365d")
    return now() - timedelta(days=int(days))


def _holders(place: "Workspace", keys: set[bytes]) -> dict[str, int]:
    """How many of the messages each run has read."""
    from firstline.training.runs import runs_that_read

    return {run: n_read for run, n_read in runs_that_read(place.runs, keys).items() if n_read and keys}


def _say_holders(place: "Workspace", holders: dict[str, int], workspace: Path | None) -> None:
    """Which runs, models and language models still hold something, and what makes each anew."""
    from firstline.training.runs import list_runs

    models = sorted({card.model for card in list_runs(place.runs) if card.id in holders and card.model})
    unknown = [run for run, n_read in holders.items() if n_read < 0]
    if holders:
        say(f"  Runs that have read some of them: {listed(sorted(set(holders) - set(unknown))) or 'none known'}")
    if unknown:
        say(f"  Runs of earlier versions, which may have: {listed(unknown)}")
    if models:
        say(f"  Models that learned from some of them: {listed(models)}")
    if holders:
        anew = next_command(workspace, "train --fresh")
        say(f"  Train again, promote the new model, then delete those folders in runs and models: {anew}")
    if place.language_models.exists() and any(place.language_models.iterdir()):
        anew = next_command(workspace, "adapt --force")
        say(f"  Language models and sentence vectors were made from all messages: {anew}, or delete language-models")
