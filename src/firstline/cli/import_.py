"""`firstline import`."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from firstline.cli.options import (
    AgentValuesOption,
    AuthorOption,
    ConversationOption,
    DelimiterOption,
    EncodingOption,
    HeaderRowOption,
    IdOption,
    JsonOption,
    LabelledByOption,
    LabelOption,
    NoHeaderOption,
    SegmentOption,
    SentAtOption,
    SheetOption,
    TextOption,
    WorkspaceOption,
    split_values,
)
from firstline.cli.output import agreeing, counted, listed, next_command, note, print_json, print_table, progress, say
from firstline.cli.overlapping import note_overlaps, note_similar
from firstline.messages.reading import ANSWERS, reading_options, said_columns
from firstline.steps import run_to_end

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.progress import Progress

    from firstline.messages.importing import ImportProgress, ImportReport
    from firstline.messages.into_workspace import ImportRequest
    from firstline.store.workspace import Workspace

_MOST_REASONS = 3


_DayFirstOption = Annotated[
    bool | None,
    typer.Option("--day-first/--month-first", help="How to read 01/02/2026 if no date in the column decides it."),
]
_SourceOption = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="The system that the ids come from. Default: the file's name without dates."),
]
_RelabelOption = Annotated[
    bool,
    typer.Option("--relabel", help="Replace existing labels with those of this file; an empty label removes one."),
]
_RandomOption = Annotated[
    bool,
    typer.Option(
        "--random",
        help="The messages were drawn at random: their labels measure the champion before any model learns them.",
    ),
]


def import_(
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="FILE", help="CSV, TSV, text, JSONL, JSON, Parquet or Excel.")
    ] = None,
    text: TextOption = None,
    id_: IdOption = None,
    label: LabelOption = None,
    labelled_by: LabelledByOption = None,
    segment: SegmentOption = None,
    sent_at: SentAtOption = None,
    conversation: ConversationOption = None,
    author: AuthorOption = None,
    agent_values: AgentValuesOption = None,
    day_first: _DayFirstOption = None,
    source: _SourceOption = None,
    relabel: _RelabelOption = False,
    random: _RandomOption = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show columns, counts and five masked messages; store nothing.")
    ] = False,
    undo: Annotated[bool, typer.Option("--undo", help="Undo the last import.")] = False,
    encoding: EncodingOption = None,
    delimiter: DelimiterOption = None,
    sheet: SheetOption = None,
    header_row: HeaderRowOption = None,
    no_header: NoHeaderOption = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Import messages: mask personal data, skip duplicates, and store a file whole or not at all.

    Columns that you name are saved in firstline.toml for the next import.
    """
    from firstline.errors import UsageError
    from firstline.messages.into_workspace import ImportRequest, date_order
    from firstline.store.workspace import Workspace

    if undo:
        _undo(workspace, files or (), as_json, has_others=bool(relabel or random or dry_run or source))
        return
    if not files:
        raise UsageError("Missing argument 'FILE...'.", "For example: firstline import history.csv")
    said = said_columns(
        text=text,
        id=id_,
        label=label,
        labelled_by=labelled_by,
        segment=segment,
        sent_at=sent_at,
        conversation=conversation,
        author=author,
    )
    place = Workspace.find(workspace)
    options = reading_options(place.settings, text, encoding, delimiter, sheet, header_row, no_header)
    days = date_order(day_first)
    request = ImportRequest(said, split_values(agent_values), options, relabel, random, source, dry_run, days)
    reports = _import_all(place, files, request, workspace, as_json=as_json)
    if not as_json:
        _print_end(reports, place, workspace, is_rehearsal=dry_run)


def _import_all(
    place: "Workspace", files: "Sequence[Path]", request: "ImportRequest", workspace: Path | None, *, as_json: bool
) -> "list[ImportReport]":
    """Import the files one after the other, and print what each brought."""
    from firstline.messages.into_workspace import remember

    reports: list[ImportReport] = []
    printed = _printed(reports, as_json, workspace, is_rehearsal=request.is_rehearsal)
    with printed, place.hold("messages", "import"), progress(as_json) as bar:
        for file in files:
            reports.append(_import_one(place, file, request, bar))
            remember(place, request)
    return reports


def _import_one(place: "Workspace", file: Path, request: "ImportRequest", bar: "Progress") -> "ImportReport":
    """Import a file or a pipe, and show how far it is."""
    from firstline.messages.into_workspace import import_into

    task = bar.add_task(file.name, total=1.0)

    def show(step: "ImportProgress") -> None:
        bar.update(task, completed=step.done, description=f"{file.name}: {counted(step.n_rows, 'row')}")

    return run_to_end(import_into(place, file, request), show)


def _print_end(
    reports: "Sequence[ImportReport]", place: "Workspace", workspace: Path | None, *, is_rehearsal: bool
) -> None:
    """What the imports mean together, and what to do next."""
    if is_rehearsal:
        say("Nothing was stored.")
        return
    names = {name for report in reports for name in report.classes}
    note_similar(place, names)
    note_overlaps(place, names)
    has_labels = any(report.n_labelled for report in reports)
    train = "retrain" if (place.models / "champion.json").exists() else "train"
    say(f"Next: {next_command(workspace, train if has_labels else 'status')}")


def _undo(workspace: Path | None, files: "Sequence[Path]", as_json: bool, *, has_others: bool) -> None:
    """Undo the last import, and say what that changed. `has_others`: options were given that only an import has."""
    from firstline.errors import UsageError
    from firstline.messages.importing import undo_import
    from firstline.store.workspace import Workspace

    if has_others:
        raise UsageError(
            "--undo cannot be combined with other options.", "To undo the last import: firstline import --undo"
        )
    place = Workspace.find(workspace)
    if files:
        raise UsageError("--undo takes no file: it undoes the last import.", "Run: firstline import --undo")
    with place.hold("messages", "import"):
        undone = undo_import(place)
    if undone is None:
        raise UsageError(
            "There is no import to undo.", "An import that an older version of Firstline made cannot be undone."
        )
    if as_json:
        print_json(asdict(undone))
        return
    say(f"The import of {undone.file} ({undone.at:%Y-%m-%d %H:%M} UTC) is undone:")
    say(f"  {counted(undone.n_messages, 'message')} and {counted(undone.n_labels, 'label')} removed")
    if undone.n_texts_back or undone.n_labels_back:
        back = counted(undone.n_texts_back, "earlier text")
        say(f"  {back} and {counted(undone.n_labels_back, 'earlier label')} restored")


@contextmanager
def _printed(
    reports: "list[ImportReport]", as_json: bool, workspace: Path | None, *, is_rehearsal: bool
) -> Iterator[None]:
    """Print the reports once the bars are gone, even if a later file was refused."""
    try:
        yield
    finally:
        if as_json:
            print_json([asdict(report) for report in reports])
        else:
            for report in reports:
                _print_report(report, workspace, is_rehearsal=is_rehearsal)


def _print_report(report: "ImportReport", workspace: Path | None, *, is_rehearsal: bool) -> None:
    """A rehearsal stores nothing, so it tells what would be stored."""
    would_be = "would be " if is_rehearsal else ""
    for text in report.notes:
        note(text)
    roles = ", ".join(f"{role} = '{name}'" if role != name else f"'{name}'" for role, name in report.columns.items())
    rows = counted(report.n_rows, "conversation" if report.is_conversation else "row")
    say(f"{report.file} ({report.described}): {rows}, columns {roles}")
    guesses = [name for name in report.unused if name.startswith(ANSWERS)]
    if unused := [name for name in report.unused if name not in guesses]:
        hint = "" if "label" in report.columns else "; if one of them is the class, name it: --label COLUMN"
        say(f"  unused columns: {listed(unused)}{hint}")
    if guesses and report.columns.get("label", "").startswith(ANSWERS):
        say("  unused columns: the other answers of firstline classify")
    elif guesses:
        say("  unused columns: answers of firstline classify; to import them as labels: --label predicted_label")
    if report.n_masked_again:
        say(f"  the masks have changed: {counted(report.n_masked_again, 'stored message')} {would_be}masked again")
    new = counted(report.n_new, "new message")
    say(f"  {new}, {report.n_known:,} already here, {report.n_repeated:,} repeated in the file")
    if report.n_forgotten:
        say(f"  {counted(report.n_forgotten, 'row')} {would_be}skipped: forgotten earlier")
    if report.n_gone:
        gone = counted(report.n_gone, "row")
        say(
            f"  {gone} {would_be}skipped: the message is no longer stored or has another text, or the row has the key"
            " of another message"
        )
    if report.n_corrected:
        say(f"  {counted(report.n_corrected, 'known id')} of '{report.source}' with another text: {would_be}corrected")
    if report.n_shared_ids:
        shared = counted(report.n_shared_ids, "row")
        say(f"  {shared} with the id of an earlier row but another text: kept without an id")
        say("    if these rows are one conversation, name its column: --conversation COLUMN")
    _print_labels(report, would_be)
    if report.segments:
        shown = sorted(report.segments.items(), key=lambda item: -item[1])
        say("  segments: " + listed([f"{name} {count:,}" for name, count in shown]))
    if report.n_disagreements:
        have, would_have = ("would have",) * 2 if is_rehearsal else ("has", "have")
        split = agreeing(report.n_disagreements, "message", have, would_have)
        where = "" if is_rehearsal else f": {next_command(workspace, 'status --disagreements')}"
        say(f"  {split} more than one label in this workspace{where}")
    if report.dates:
        say(f"  dates: {report.dates}")
    if report.n_times_unread:
        line = f", the first in line {report.line_without_time:,}" if report.line_without_time else ""
        say(f"  {report.n_times_unread:,} with a time that could not be read{line}")
    if report.n_cut:
        say(f"  quoted replies or a signature {would_be}cut from {counted(report.n_cut, 'message')}")
    _print_rejects(report, would_be)
    if report.sample:
        cells = [(item.text, item.segment or "", item.label or "") for item in report.sample]
        print_table(("text, masked", "segment", "class"), cells)


def _print_labels(report: "ImportReport", would_be: str) -> None:
    if report.n_labelled:
        newly = f"{counted(report.n_new_labelled, 'message')} {would_be}newly labelled"
        say(f"  {report.n_labelled:,} with a label, {newly}")
    if added := report.new_classes:
        say(f"  {counted(len(added), 'new class')}: {listed(list(added))}")
    for name, now in report.renamed.items():
        say(f"  '{name}' is called '{now}' now, and counts as that")
    if report.retired:
        names = listed(list(report.retired))
        say(f"  {counted(len(report.retired), 'retired class')}, whose labels are stored but not learned: {names}")
    if report.n_random:
        say(f"  {report.n_random:,} of messages drawn at random: they measure the champion when it is trained again")
    if report.n_none:
        say(f"  {report.n_none:,} of them with a label that means none of the classes")
    if report.n_replaced or report.n_taken_away:
        say(f"  {counted(report.n_replaced, 'label')} {would_be}replaced, {report.n_taken_away:,} removed")


def _print_rejects(report: "ImportReport", would_be: str) -> None:
    if report.n_rejected:
        where = f", see {report.rejects_file}" if report.rejects_file else ""
        say(f"  {report.n_rejected:,} {would_be}rejected{where}")
    for reason, count in list(report.reject_reasons.items())[:_MOST_REASONS]:
        say(f"    {count:,}: {reason}")
