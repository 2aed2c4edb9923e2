"""`firstline advise`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from firstline.cli.options import JsonOption, WorkspaceOption, split_values
from firstline.cli.output import (
    agreeing,
    counted,
    duration,
    listed,
    next_command,
    print_json,
    print_table,
    progress,
    say,
    size,
    stages,
    without_name,
)
from firstline.steps import run_to_end
from firstline.training import require_training

if TYPE_CHECKING:
    from firstline.training.advice import Advice
    from firstline.training.estimates import Estimated

_UNKNOWN = "-"


def advise(
    candidates: Annotated[
        str | None, typer.Option(metavar="A,B", help="The candidates to estimate. Default: all.")
    ] = None,
    folds: Annotated[
        int | None, typer.Option(min=2, max=20, help="Number of folds. Default: as in firstline.toml.")
    ] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Before a long training, show which classes need labels, which candidates suit the data, and what they cost."""
    from firstline.store.messages import read_for_training
    from firstline.store.workspace import Workspace

    place = Workspace.find(workspace)
    require_training()
    from firstline.training.advice import advise as run
    from firstline.training.candidates import AUTO, CLASSES
    from firstline.training.candidates.base import Context
    from firstline.training.candidates.estimate import Workload

    settings = place.settings.training
    workload = Workload(
        read_for_training(place.database, place.none_classes),
        Context.of(place.settings, settings.seed, place.language_models, place.folder),
        folds if folds is not None else settings.folds,
        settings.repeats,
    )
    asked = split_values(candidates) or (AUTO,)
    names = list(dict.fromkeys(known for name in asked for known in (CLASSES if name == AUTO else (name,))))
    with progress(as_json) as bar:
        advice = run_to_end(run(workload, names), stages(bar))
    if as_json:
        print_json(advice)
    else:
        _print(advice, workspace, is_auto=not candidates and AUTO in settings.candidates, folds=folds)


def _print(advice: "Advice", workspace: Path | None, *, is_auto: bool, folds: int | None) -> None:
    from firstline.store.messages import LEAST_NONE

    messages = counted(advice.n_messages, "message")
    say(f"{messages}: {advice.n_labelled:,} labelled, {advice.n_unlabelled:,} unlabelled")
    if advice.n_not_read:
        say(f"Of the unlabelled, training reads {advice.n_unlabelled - advice.n_not_read:,}, drawn at random")
    if advice.segments:
        say("Segments: " + listed([f"{name} {count:,}" for name, count in advice.segments.items()]))
    if advice.n_disagreements:
        have = agreeing(advice.n_disagreements, "message", "has", "have")
        say(f"{have} more than one label, not trained on: {next_command(workspace, 'status --disagreements')}")
    if advice.n_none:
        learned = "learned as such" if advice.is_none_learned else f"fewer than {LEAST_NONE}, so not learned"
        say(f"{counted(advice.n_none, 'message')} labelled as none of the classes, {learned}")
    few = [one for one in advice.classes if not one.is_enough]
    say(f"Classes with enough labels: {len(advice.classes) - len(few)} of {len(advice.classes)}")
    if few:
        rows = [(one.label, f"{one.n_labels:,}", one.reason) for one in few]
        print_table(("class", "labels", "why this is too few"), rows, ("labels",))
    if advice.names_not_learned:
        names = counted(len(advice.names_not_learned), "class name")
        say(f"{names} not learned (a code, or not unique): {listed(advice.names_not_learned)}")
    cores = counted(advice.n_cores, "core")
    times = f", {advice.repeats} times" if advice.repeats > 1 else ""
    say(f"Estimates for {advice.folds} folds{times} on this machine ({cores}), measured on a sample:")
    print_table(
        ("candidate", "time", "memory to train", "disk", "makes sense"),
        [_cells(one) for one in advice.estimates],
        ("time", "memory to train", "disk"),
    )
    for one in advice.estimates:
        say(f"{one.candidate}: {without_name(one.reason, one.candidate)}")
    sensible = [one for one in advice.estimates if one.makes_sense]
    if not sensible:
        return
    asked = f" --folds {folds}" if folds is not None else ""
    if is_auto:
        from firstline.training.budget import enough_minutes

        minutes = enough_minutes(sum(one.seconds or 0.0 for one in sensible))
        say(f"Next: {next_command(workspace, f'train --minutes {minutes}{asked}')}, which is enough for all of these")
    else:
        names = ",".join(one.candidate for one in sensible)
        say(f"Next: {next_command(workspace, f'train --candidates {names}{asked}')}")


def _cells(estimate: "Estimated") -> tuple[str, ...]:
    return (
        estimate.candidate,
        _UNKNOWN if not estimate.seconds else duration(estimate.seconds),
        _UNKNOWN if estimate.memory_bytes is None else size(estimate.memory_bytes),
        _UNKNOWN if not estimate.disk_bytes else size(estimate.disk_bytes),
        "yes" if estimate.makes_sense else "no",
    )
