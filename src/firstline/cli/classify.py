"""`firstline classify`."""

from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from firstline.cli.loading import load_predictor
from firstline.cli.options import (
    DelimiterOption,
    EncodingOption,
    HeaderRowOption,
    JsonOption,
    ModelOption,
    NoHeaderOption,
    SegmentOption,
    SheetOption,
    TextOption,
    WorkspaceOption,
    temporary_room,
)
from firstline.cli.output import agreeing, counted, listed, note, print_json, progress, say
from firstline.cli.places import DaskOption, cluster
from firstline.messages.reading import reading_options, said_columns
from firstline.steps import run_to_end

if TYPE_CHECKING:
    from collections.abc import Container, Generator, Iterator

    from rich.progress import Progress

    from firstline.bundle.predictor import Predictor
    from firstline.serving.answering import Spread
    from firstline.serving.bulk import BulkReport
    from firstline.serving.explained import Explainer
    from firstline.steps import Note
    from firstline.store.workspace import Workspace

FileArgument = Annotated[
    Path,
    typer.Argument(metavar="FILE", help="A file in any format that import reads, or a folder of .parquet files."),
]
OutOption = Annotated[
    Path, typer.Option("--out", "-o", metavar="OUT", help="Where to write: .csv .tsv .jsonl .json .parquet .xlsx")
]
SafeForExcelOption = Annotated[
    bool,
    typer.Option(
        "--safe-for-excel",
        help="In a .csv or .tsv, write an apostrophe before each text that begins with = + - @, a tab or a line"
        " end, so that Excel does not run it as a formula. An .xlsx needs none.",
    ),
]
ExplainOption = Annotated[
    bool,
    typer.Option(
        "--explain",
        help="Add predicted_words, the words that carried the answer, and predicted_nearest, the labelled messages"
        " of this workspace that the model answers most alike.",
    ),
]


def classify(
    file: FileArgument,
    out: OutOption,
    model: ModelOption = None,
    text: TextOption = None,
    segment: SegmentOption = None,
    encoding: EncodingOption = None,
    delimiter: DelimiterOption = None,
    sheet: SheetOption = None,
    header_row: HeaderRowOption = None,
    no_header: NoHeaderOption = False,
    safe_for_excel: SafeForExcelOption = False,
    explain: ExplainOption = False,
    dask: DaskOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Classify a file: write its rows, in order, with predicted_label, its confidence, the runner-up and a note.

    A row without a usable text has no answer; its predicted_note says why. An export of conversations gives one row
    for each conversation. The columns of an earlier classify are replaced. --explain adds why. A command that was
    killed is resumed by running it again, unless OUT is a workbook.
    """
    from firstline.errors import UsageError
    from firstline.messages.pipes import readable
    from firstline.serving.bulk import classify_file
    from firstline.store.workspace import Workspace

    if explain and dask is not None:
        raise UsageError("A cluster does not explain.", "Leave out --explain or --dask.")
    place = Workspace.find(workspace)
    predictor = load_predictor(place, model)
    learned = _learned(place)
    options = reading_options(place.settings, text, encoding, delimiter, sheet, header_row, no_header)
    room = temporary_room(place, out)
    with (
        _spread(place, predictor, dask, is_here=explain) as spread,
        progress(as_json) as bar,
        readable(file, room) as path,
    ):
        answering = classify_file(
            predictor,
            path,
            out,
            said_columns(text=text, segment=segment),
            place.settings.columns,
            options,
            learned=learned,
            temporary=room,
            is_safe_for_excel=safe_for_excel,
            explainer=_explainer(place, predictor) if explain else None,
            spread=spread,
        )
        report = _run(answering, out, bar)
    _print_notes(report)
    if as_json:
        print_json(report)
    else:
        _print_report(report)


def _run(answering: "Generator[float | Note, None, BulkReport]", out: Path, bar: "Progress") -> "BulkReport":
    """Run to the end, showing how far it is."""
    from firstline.messages.unfinished import n_rows_kept
    from firstline.steps import Note

    task = bar.add_task(out.name, total=1.0)
    try:
        return run_to_end(
            answering, lambda step: note(step.text) if isinstance(step, Note) else bar.update(task, completed=step)
        )
    except KeyboardInterrupt:
        answering.close()
        n_rows = n_rows_kept(out)
        whence = f"it resumes after row {n_rows:,}" if n_rows else "it starts from the first row"
        note(f"Run the same command again, and {whence}.")
        raise


@contextmanager
def _spread(place: "Workspace", predictor: "Predictor", dask: str | None, is_here: bool) -> "Iterator[Spread]":
    """Where rows are answered: on a cluster, on every core of this machine, or in this process."""
    from firstline.bundle.source import ModelFolder
    from firstline.processes import n_usable_cores
    from firstline.serving.answering import OnEveryCore, SentAnswering, here

    source = ModelFolder.of(predictor, place.models)
    if dask is not None:
        with cluster(dask, place.settings, is_timed=False) as found:
            copied = source.copied()
            yield lambda answering, parts: found.in_order(SentAnswering(copied, answering.learned), parts)
    elif is_here or n_usable_cores() == 1:
        yield here
    else:
        yield OnEveryCore(source, n_usable_cores())


def _learned(place: "Workspace") -> "Container[bytes]":
    """The keys of the messages that the model may have learned; none if the store cannot be read."""
    from firstline.errors import StoreUnusable
    from firstline.store.messages import labelled_keys

    if place.has_database:
        # Whether they were learned is worth a note, not an error.
        with suppress(StoreUnusable):
            return labelled_keys(place.database)
    return frozenset()


def _explainer(place: "Workspace", predictor: "Predictor") -> "Explainer":
    """Words, and the nearest labelled messages if the workspace has a database that can be read and some in it."""
    from firstline.errors import StoreUnusable
    from firstline.labelling.nearest import Neighbours
    from firstline.serving.explained import Explainer
    from firstline.store.labelled import read_labelled

    if place.has_database:
        # A serving machine may have no access to it.
        with suppress(StoreUnusable):
            if labelled := read_labelled(place.database, place.none_classes):
                return Explainer(predictor, Neighbours(predictor.vectors, labelled))
    return Explainer(predictor)


def _print_notes(report: "BulkReport") -> None:
    for sentence in report.notes:
        note(sentence)
    if report.n_unknown_segments:
        have = agreeing(report.n_unknown_segments, "row", "has", "have")
        note(f"{have} a segment that training never saw: classified without it")
    if report.n_learned:
        are = agreeing(report.n_learned, "row", "is a labelled message", "are labelled messages")
        note(f"{are} of this workspace: the model may have learned them, so its confidence there proves nothing")
    if left_out := report.lines_left_out:
        lines = listed([f"{line:,}" for line in left_out])
        note(f"{counted(len(left_out), 'line')} could not be read and belong to no conversation: {lines}")


def _print_report(report: "BulkReport") -> None:
    say(f"{counted(report.n_rows, 'row')} written to {report.out}")
    without = f"; {report.n_unanswered:,} without an answer, see predicted_note" if report.n_unanswered else ""
    say(f"  {report.n_answered:,} answered by {report.model}{without}")
    say(f"  columns added: {', '.join(report.columns_added)}")
