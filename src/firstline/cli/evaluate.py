"""`firstline evaluate`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from firstline.cli.loading import load_predictor
from firstline.cli.options import (
    DelimiterOption,
    EncodingOption,
    HeaderRowOption,
    LabelOption,
    ModelOption,
    NoHeaderOption,
    SegmentOption,
    SheetOption,
    TextOption,
    WorkspaceOption,
    temporary_room,
)
from firstline.cli.output import (
    agreeing,
    counted,
    figure,
    json_text,
    listed,
    next_command,
    note,
    print_json,
    print_table,
    progress,
    say,
)
from firstline.cli.promising import out_of_reach
from firstline.messages.reading import reading_options, said_columns
from firstline.steps import run_to_end

if TYPE_CHECKING:
    from collections.abc import Mapping

    from firstline.evaluation.labelled_file import Evaluation
    from firstline.messages.records import ReadingOptions
    from firstline.store.workspace import Workspace


def evaluate(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A labelled file in any format that import reads.")],
    model: ModelOption = None,
    json_out: Annotated[
        Path | None,
        typer.Option("--json", metavar="OUT", help="Write the figures as JSON to this file; - prints them."),
    ] = None,
    unknown: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A second file, of messages that belong to none of the classes."),
    ] = None,
    text: TextOption = None,
    label: LabelOption = None,
    segment: SegmentOption = None,
    encoding: EncodingOption = None,
    delimiter: DelimiterOption = None,
    sheet: SheetOption = None,
    header_row: HeaderRowOption = None,
    no_header: NoHeaderOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Measure a model on a labelled file, with the same code that serves."""
    from firstline.store.private import write_private
    from firstline.store.workspace import Workspace

    place = Workspace.find(workspace)
    to_stdout = json_out is not None and str(json_out) == "-"
    options = reading_options(place.settings, text, encoding, delimiter, sheet, header_row, no_header)
    said = said_columns(text=text, label=label, segment=segment)
    room = temporary_room(place, json_out if not to_stdout else None)
    result = _evaluated(place, model, file, unknown, said, options, room, is_quiet=to_stdout)
    if json_out is not None and not to_stdout:
        write_private(json_out, json_text(_as_json(result)) + "\n")
    _print_notes(result)
    if to_stdout:
        print_json(_as_json(result))
    else:
        _print_figures(result, workspace)


def _evaluated(
    place: "Workspace",
    model: str | None,
    file: Path,
    unknown: Path | None,
    said: "Mapping[str, str]",
    options: "ReadingOptions",
    room: Path,
    *,
    is_quiet: bool,
) -> "Evaluation":
    """Measure a model of the workspace on a file; `unknown` is one of messages of none of the classes."""
    from firstline.evaluation.in_workspace import evaluate_in
    from firstline.steps import Note

    predictor = load_predictor(place, model)
    with progress(is_quiet) as bar:
        task = bar.add_task(f"{predictor.manifest.id} on {file.name}", total=1.0)
        return run_to_end(
            evaluate_in(place, predictor, file, said, options, unknown, room),
            lambda step: note(step.text) if isinstance(step, Note) else bar.update(task, completed=step),
        )


def _print_notes(result: "Evaluation") -> None:
    for text in result.notes:
        note(text)
    if result.n_rejected:
        note(f"{counted(result.n_rejected, 'row')} could not be used")
    if result.n_unlabelled:
        note(f"{counted(result.n_unlabelled, 'row')} without a label: not counted")
    if result.n_none:
        note(f"{counted(result.n_none, 'row')} labelled as none of the classes: only part of the decisions below")
    for name, count in result.unknown_labels.items():
        note(f"class '{name}' ({counted(count, 'row')}) is not known to the model: {_as_errors(1)}")
    if others := result.lines_of_others:
        lines = listed([f"{line:,}" for line in others])
        errors = _as_errors(result.n_other_classes)
        note(f"{counted(len(others), 'row')} with a class that is not known here: {errors}; lines: {lines}")
    if result.n_learned:
        note(
            f"{agreeing(result.n_learned, 'row', 'is a labelled message', 'are labelled messages')} of this workspace:"
            " a model that learned them looks better here than it is; firstline models show has its cross-validated"
            " figures"
        )
    if result.n_unknown_segments:
        have = agreeing(result.n_unknown_segments, "row", "has", "have")
        note(f"{have} a segment that training never saw: classified without it")


def _as_errors(n_classes: int) -> str:
    """How classes that the model does not know lower the figures."""
    classes = "class" if n_classes == 1 else "classes"
    return f"counted as errors, and as {n_classes:,} more {classes} with F1 .000 in the macro averages"


def _print_figures(result: "Evaluation", workspace: Path | None) -> None:
    figures = result.figures
    say(f"Model {result.model}, {counted(figures.n_messages, 'message')}; 95 % intervals in brackets")
    say(f"  accuracy         {figure(figures.accuracy, figures.intervals['accuracy'])}")
    say(f"  macro-F1         {figure(figures.macro_f1, figures.intervals['macro_f1'])}")
    say(f"  macro precision  {figure(figures.macro_precision, figures.intervals['macro_precision'])}")
    sure = result.reliability
    error = figure(sure.calibration_error, sure.intervals["calibration_error"])
    say(f"  confidence       calibration error {error}, Brier score {figure(sure.brier, sure.intervals['brier'])}")
    _print_decisions(result, workspace)
    print_table(
        ("class", "precision", "recall", "F1", "messages"),
        [
            (name, figure(item.precision), figure(item.recall), figure(item.f1), f"{item.support:,}")
            for name, item in sorted(figures.per_class.items(), key=lambda pair: pair[1].f1)
            if item.support
        ],
        ("precision", "recall", "F1", "messages"),
    )
    if left_out := result.classes_without_messages:
        # Here, since names of classes may stand beside the figures, but not in a log of errors.
        say(f"Not in this file, and left out of the macro averages: {listed(list(left_out))}")


def _print_decisions(result: "Evaluation", workspace: Path | None) -> None:
    """What would be routed, and how much of it rightly."""
    found = result.decided
    n_messages = sum(found.counts.values())
    shares = {name: f"{100 * count / max(n_messages, 1):.0f} %" for name, count in found.counts.items()}
    say(f"  decisions        route {shares['route']}, review {shares['review']}, unknown {shares['unknown']}")
    if found.routed_precision is not None:
        promised = f"{figure(found.interval[0])}-{figure(found.interval[1])}"
        say(f"  routed precision {figure(found.routed_precision)} (promised {promised}, for {found.promise})")
    if found.is_out_of_reach:
        say(f"  {out_of_reach(found.promise)} See: {next_command(workspace, 'decide')}")
    if outside := result.outsiders:
        told = f"{counted(outside.n_messages, 'message')} of none of the classes"
        say(f"  {told}: {100 * outside.recall:.0f} % unknown, {100 * outside.routed:.0f} % routed")
        if outside.auroc is not None:
            say(f"  told apart       {figure(outside.auroc)} (AUROC of how unfamiliar they are)")


def _decisions_as_json(result: "Evaluation") -> dict[str, object]:
    found, outside = result.decided, result.outsiders
    return {
        "promise": found.promise,
        "promise_out_of_reach": found.is_out_of_reach,
        "decisions": found.counts,
        "coverage": found.coverage,
        "routed_precision": found.routed_precision,
        "routed_precision_promised": found.interval if found.routed_precision is not None else None,
        "confusion": [one._asdict() for one in result.confusion],
        "n_unknown": outside.n_messages if outside else 0,
        "unknown_recall": outside.recall if outside else None,
        "unknown_routed": outside.routed if outside else None,
        "unknown_auroc": outside.auroc if outside else None,
    }


def _as_json(result: "Evaluation") -> dict[str, object]:
    figures = result.figures
    return {
        "model": result.model,
        "n_messages": figures.n_messages,
        "accuracy": figures.accuracy,
        "macro_f1": figures.macro_f1,
        "macro_precision": figures.macro_precision,
        "calibration_error": result.reliability.calibration_error,
        "brier": result.reliability.brier,
        "intervals": {**figures.intervals, **result.reliability.intervals},
        "per_class": figures.per_class,
        **_decisions_as_json(result),
        "n_rejected": result.n_rejected,
        "n_unlabelled": result.n_unlabelled,
        "n_none": result.n_none,
        "n_learned": result.n_learned,
        "classes_without_messages": result.classes_without_messages,
        "unknown_labels": result.unknown_labels,
        "lines_of_others": result.lines_of_others,
        "n_other_classes": result.n_other_classes,
        "n_unknown_segments": result.n_unknown_segments,
    }
