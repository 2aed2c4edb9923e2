"""`firstline decide`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from firstline.cli.loading import load_predictor
from firstline.cli.options import JsonOption, ModelOption, WorkspaceOption
from firstline.cli.output import counted, figure, listed, next_command, print_json, print_table, say
from firstline.cli.promising import in_words, out_of_reach

if TYPE_CHECKING:
    from firstline.bundle.decisions import Decider
    from firstline.bundle.promise import Promise
    from firstline.evaluation.promises import Outlook
    from firstline.store.workspace import Workspace

_WHOLE_PERCENT = 100.0


def decide(
    precision: Annotated[
        str | None,
        typer.Option(metavar="SHARE", help="Promise that at least this share of routed messages is right: 0.95 or 95."),
    ] = None,
    review: Annotated[
        str | None,
        typer.Option(metavar="SHARE", help="Promise that at most this share of messages goes to people: 0.2 or 20."),
    ] = None,
    model: ModelOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show how many messages can be routed, and how many of them wrongly, or set what you ask for.

    No model changes: the promise is in models/promise.json, and a running service follows it within two seconds.
    """
    from firstline.evaluation.promises import curve, outlook
    from firstline.store.workspace import Workspace

    place = Workspace.find(workspace)
    promise = _promise(precision, review)
    predictor = load_predictor(place, model, promise)
    if promise is not None:
        _save(place, promise)
    decider = predictor.decider
    others = curve(decider) if decider.record else []
    name = predictor.manifest.id
    if as_json:
        print_json(_as_json(name, decider, outlook(decider), others, is_changed=promise is not None))
        return
    if promise is not None:
        say(f"Asked for from now on: {promise}. A running service follows at once.")
    _print(name, decider, others if promise is None else [], workspace)


def _promise(precision: str | None, review: str | None) -> "Promise | None":
    """What the caller asks for, if anything. Raises `UsageError`."""
    from firstline.bundle.promise import Promise
    from firstline.errors import UsageError

    if precision is not None and review is not None:
        raise UsageError("--precision and --review cannot be combined.", "Leave one of them out.")
    if precision is not None:
        return Promise(precision=share_of("--precision", precision, "0.95"))
    return Promise(review=share_of("--review", review, "0.2")) if review is not None else None


def share_of(option: str, given: str, example: str) -> float:
    """A share between 0 and 1; what is above 1 is percent. Raises `UsageError`."""
    from firstline.errors import UsageError

    try:
        value = float(given.strip().removesuffix("%").replace(",", "."))
    except ValueError:
        value = 0.0
    share = value / _WHOLE_PERCENT if value > 1 or given.strip().endswith("%") else value
    # Also false for what is not a number.
    if not 0 < share < 1:
        raise UsageError(
            f"{option} needs a share between 0 and 1, or a percentage above 1 and below 100, not '{given}'.",
            f"For example: {option} {example}",
        )
    return share


def _save(place: "Workspace", promise: "Promise") -> None:
    from firstline.bundle.promise import write_promise

    with place.hold("models", "decide"):
        write_promise(place.models, promise)


def _print(model: str, decider: "Decider", others: "list[Outlook]", workspace: Path | None) -> None:
    from firstline.evaluation.promises import outlook

    if decider.record is None:
        say(f"Nothing is routed by {model}: it has no held-out answers to decide by.")
        say(f"Next: {next_command(workspace, 'train')}")
        return
    n_messages = counted(round(decider.record.n_messages), "labelled message")
    say(f"{model}, by its answers to {n_messages} that it had not learned; 95 % intervals in brackets")
    if decider.thresholds.is_out_of_reach:
        say(out_of_reach(decider.promise))
    if decider.promise.review is not None or not decider.thresholds.is_out_of_reach:
        say(f"With {decider.promise}, as asked for, {in_words(outlook(decider))}.")
        say(_thresholds(decider))
    if decider.always_review:
        say(f"Always to people: {listed(sorted(decider.always_review))}")
    if others:
        _print_curve(others)
        reached = [one.promise.precision for one in others if not one.is_out_of_reach]
        option = f"--precision {max(filter(None, reached)):g}" if any(reached) else "--review 0.2"
        say(f"To ask for something else: {next_command(workspace, f'decide {option}')}")


def _thresholds(decider: "Decider") -> str:
    """How sure a message has to be, and the classes whose thresholds differ."""
    own = ", ".join(f"'{name}' {figure(value)}" for name, value in sorted(decider.own_thresholds.items()))
    common = decider.thresholds.common
    if common > 1:
        return f"A message is routed only if it is of one of these classes, and its confidence at least: {own}"
    whole = f"A message is routed if its confidence is at least {figure(common)}"
    return f"{whole}; classes with a threshold of their own: {own}" if own else f"{whole}."


def _print_curve(others: "list[Outlook]") -> None:
    say(f"Of {counted(others[0].n, 'message')}, by what is asked for:")
    print_table(
        ("precision", "go by themselves", "of them wrongly", "go to people", "unknown"),
        [_cells(one) for one in others],
        ("precision", "go by themselves", "of them wrongly", "go to people", "unknown"),
    )


def _cells(one: "Outlook") -> tuple[str, ...]:
    from firstline.bundle.promise import percent

    asked = percent(one.promise.precision or 0.0)
    if one.is_out_of_reach:
        return asked, "0", "out of reach", f"{one.review:,}", f"{one.unknown:,}"
    wrong = f"{one.wrong:,} ({one.wrong_low:,} to {one.wrong_high:,})"
    return asked, f"{one.routed:,}", wrong, f"{one.review:,}", f"{one.unknown:,}"


def _as_json(
    model: str, decider: "Decider", outlook: "Outlook", others: "list[Outlook]", *, is_changed: bool
) -> dict[str, object]:
    has_record, common = decider.record is not None, decider.thresholds.common
    return {
        "model": model,
        "promise": decider.promise,
        "is_changed": is_changed,
        "is_out_of_reach": decider.thresholds.is_out_of_reach,
        "n_messages": decider.held_out.n_messages,
        "threshold": common if common <= 1 else None,
        "own_thresholds": decider.own_thresholds,
        "always_review": sorted(decider.always_review),
        "outlook": outlook if has_record else None,
        "curve": others,
    }
