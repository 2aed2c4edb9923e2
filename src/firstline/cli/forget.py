"""`firstline forget`."""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from firstline.cli.options import JsonOption, WorkspaceOption
from firstline.cli.output import counted, listed, next_command, note, print_json, say

if TYPE_CHECKING:
    from firstline.store.forgetting import Forgotten
    from firstline.store.workspace import Workspace

_MOST_DAYS = 36_500


def forget(
    ids: Annotated[list[str] | None, typer.Argument(metavar="ID", help="Ids, as in the export.")] = None,
    ids_file: Annotated[Path | None, typer.Option("--ids", metavar="FILE", help="A file with one id per line.")] = None,
    source: Annotated[
        str | None, typer.Option(metavar="NAME", help="The system that the ids come from. Default: any.")
    ] = None,
    text: Annotated[
        typer.FileText | None,
        typer.Option(metavar="FILE", help="A file with the text of a message; - reads standard input."),
    ] = None,
    older_than: Annotated[
        str | None, typer.Option(metavar="365d", help="Messages sent more than this many days ago.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count what would be forgotten; change nothing.")] = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Delete messages for good; importing the same export again does not bring them back.

    Recorded answers to them are deleted, too. Lists the runs, models and language models that read some of them, and
    how to make each again.
    """
    from firstline.errors import InputError, UnusableCell, UsageError
    from firstline.evaluation.forgetting import Wanted, forget_everywhere
    from firstline.messages.cells import read_name, read_text
    from firstline.store.workspace import Workspace

    named = [*(ids or ()), *(_lines(ids_file) if ids_file else ())]
    if not (named or text or older_than):
        raise UsageError("Nothing to forget was named.", "Name ids, --ids FILE, --text FILE or --older-than 365d.")
    before = _before(older_than) if older_than else None
    place = Workspace.find(workspace)
    try:
        texts = [read_text(text.read())] if text else []
        known = [name for one in named if (name := read_name(one))]
    except (UnusableCell, UnicodeDecodeError) as error:
        why = str(error) if isinstance(error, UnusableCell) else "it is not UTF-8"
        raise UsageError(f"Cannot read what to forget: {why}.", "Write it as it is in the export.") from None
    with place.hold("messages", "forget"):
        gone = forget_everywhere(place, Wanted(known, source, texts, before), is_rehearsal=dry_run)
    found, n_records = gone.found, gone.n_records
    if gone.not_rewritten:
        note(f"Warning: forgotten text may still be in unused parts of the database's files: {gone.not_rewritten}.")
        note("Run this again later: it will find nothing to forget, but rewrite the files.")
    if not (found.keys or found.n_ids or n_records):
        raise InputError(
            "Nothing here matches, so nothing was forgotten.",
            f"Write ids and texts as they are in the export. Systems known here: {listed(found.sources) or 'none'}",
        )
    holders = _holders(place, found.keys, list(gone.reports))
    if as_json:
        counts = {"n_messages": len(found.keys), "n_ids": found.n_ids, "n_shared": found.n_shared}
        missed = {"n_unknown_ids": found.n_unknown_ids, "n_undated": found.n_undated}
        print_json({**counts, **missed, "n_records": n_records, **asdict(holders)})
        return
    _say_counts(found, n_records, " would be" if dry_run else "")
    if found.keys:
        _say_holders(holders, workspace, dry_run)


def _say_counts(found: "Forgotten", n_records: int, would: str) -> None:
    say(f"{counted(len(found.keys), 'message')} and {counted(found.n_ids, 'id')}{would} forgotten.")
    if n_records:
        say(f"  {counted(n_records, 'recorded answer')}{would} deleted.")
    if found.n_shared:
        verb = "stays" if found.n_shared == 1 else "stay"
        say(f"  {counted(found.n_shared, 'message')} {verb}: other ids have the same text.")
    if found.n_unknown_ids:
        say(f"  {counted(found.n_unknown_ids, 'id')} not found.")
    if found.n_undated:
        say(f"  {counted(found.n_undated, 'message')} without a date: not compared with --older-than.")


def _lines(file: Path) -> list[str]:
    from firstline.errors import FileUnreadable

    try:
        return [line.strip() for line in file.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8"
        raise FileUnreadable(f"{file} cannot be read: {why}.", "It should have one id per line.") from None


def _before(older_than: str) -> datetime:
    from firstline.errors import UsageError
    from firstline.store.messages import now

    days = older_than.removesuffix("d")
    if days == older_than or not days.isdecimal() or not 0 < int(days) <= _MOST_DAYS:
        raise UsageError(f"'{older_than}' is not a number of days.", "For example: --older-than 365d")
    return now() - timedelta(days=int(days))


@dataclass(frozen=True)
class Holders:
    """The ids of runs and models that read some of the forgotten messages, or may have.

    `reports` quoted some, so they were deleted.
    """

    runs: list[str]
    models: list[str]
    runs_that_may: list[str]
    models_that_may: list[str]
    has_language_models: bool
    reports: list[str]


def _holders(place: "Workspace", keys: set[bytes], reports: list[str]) -> Holders:
    from firstline.bundle.registry import list_models

    n_read, made = _runs(place.runs, keys)
    models = [model.id for model in list_models(place.models)[0]] if keys else []
    language_models = place.language_models
    return Holders(
        runs=sorted(run for run, number in n_read.items() if number > 0),
        models=sorted(model for model in models if n_read.get(made.get(model, ""), 0) > 0),
        runs_that_may=sorted(run for run, number in n_read.items() if number < 0),
        # If its run was deleted or has made another model since, what it read is unknown.
        models_that_may=sorted(model for model in models if n_read.get(made.get(model, ""), -1) < 0),
        has_language_models=language_models.exists() and any(language_models.iterdir()),
        reports=reports,
    )


def _runs(runs: Path, keys: set[bytes]) -> tuple[dict[str, int], dict[str, str]]:
    """How many of the messages each run read, -1 if that is unknown; and the run that each model is from."""
    try:
        from firstline.training.runs import list_runs, runs_that_read
    except ImportError:
        # A serving machine has neither the libraries nor, as a rule, runs.
        names = [path.name for path in runs.iterdir() if path.is_dir()] if runs.is_dir() else []
        return (dict.fromkeys(names, -1) if keys else {}), {}
    made = {card.model: card.id for card in list_runs(runs) if card.model}
    return (runs_that_read(runs, keys) if keys else {}), made


def _say_holders(holders: Holders, workspace: Path | None, is_rehearsal: bool) -> None:
    if holders.reports:
        deleted = "would be deleted" if is_rehearsal else "deleted"
        say(f"  Reports that quoted some of them, {deleted}: {listed(holders.reports)}")
    for what, names in (
        ("Runs that read some of them", holders.runs),
        ("Models that read some of them", holders.models),
        ("Runs of earlier versions that may have read some", holders.runs_that_may),
        ("Models that may have read some, since their runs are not known", holders.models_that_may),
    ):
        if names:
            say(f"  {what}: {listed(names)}")
    if holders.models or holders.models_that_may:
        say("  The service keeps answering with such a model until you promote another:")
        say(f"    1. {next_command(workspace, 'train --fresh')}")
        say(f"    2. {next_command(workspace, 'models promote NEW')}")
        say("    3. delete the folders named above in runs and models")
    if holders.has_language_models:
        say("  Language models and sentence vectors were learned from all messages. To learn them again:")
        say(f"    {next_command(workspace, 'adapt --force')}, or delete the folder language-models")
