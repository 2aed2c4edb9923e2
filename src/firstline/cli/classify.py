"""`firstline classify`."""

from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from firstline.cli.loading import load_predictor
from firstline.cli.options import (
    DelimiterOption,
    EncodingOption,
    JsonOption,
    ModelOption,
    SegmentOption,
    TextOption,
    WorkspaceOption,
    reading_delimiter,
    said_columns,
    temporary_room,
)
from firstline.cli.output import counted, listed, next_command, note, print_json, progress, say
from firstline.steps import run_to_end


def classify(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file of any format that import takes.")],
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="OUT", help="Where to write: .csv .tsv .jsonl .json .parquet .xlsx")
    ],
    model: ModelOption = None,
    text: TextOption = None,
    segment: SegmentOption = None,
    encoding: EncodingOption = None,
    delimiter: DelimiterOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add label, confidence and the runner-up to every row of a file."""
    from firstline.errors import StoreUnusable
    from firstline.messages.records import ReadingOptions
    from firstline.serving.bulk import classify_file
    from firstline.store.messages import labelled_keys
    from firstline.store.workspace import Workspace

    place = Workspace.find(workspace)
    remembered = place.settings.columns
    predictor = load_predictor(place.models, model)
    learned: frozenset[bytes] = frozenset()
    if place.has_database:
        # Whether they were learned is worth a note, not an error.
        with suppress(StoreUnusable):
            learned = labelled_keys(place.database, place.none_classes)
    options = ReadingOptions(encoding, reading_delimiter(delimiter), text or remembered.text or None)
    with progress(as_json) as bar:
        task = bar.add_task(file.name, total=1.0)
        said = said_columns(text=text, segment=segment)
        room = temporary_room(place, out)
        answering = classify_file(predictor, file, out, said, remembered, options, learned=learned, temporary=room)
        report = run_to_end(answering, lambda done: bar.update(task, completed=done))
    for sentence in report.notes:
        note(sentence)
    if outdated := sorted(place.none_classes.intersection(predictor.manifest.labels)):
        note(
            f"the model was trained before {listed(outdated)} came to mean none of the classes, and may still answer"
            f" it: {next_command(workspace, 'train')}"
        )
    if report.n_unknown_segments:
        note(f"{report.n_unknown_segments:,} rows have a segment that training never saw: answered without")
    if report.n_learned:
        note(
            f"{report.n_learned:,} of them have a label here: the model has learned them, so its confidence in them"
            " says nothing about others"
        )
    if as_json:
        print_json(report)
        return
    say(
        f"{counted(report.n_rows, 'message')} classified by {report.model}: {report.out},"
        f" columns {', '.join(report.columns_added)}"
    )
    if report.n_rejected:
        say(f"{report.n_rejected:,} rows without a usable text, see {report.rejects_file}")
