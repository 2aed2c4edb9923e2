"""What commands say about the promise that is in force."""

from typing import TYPE_CHECKING

from firstline.cli.output import counted

if TYPE_CHECKING:
    from pathlib import Path

    from firstline.bundle.decisions import Decider
    from firstline.bundle.manifest import Manifest
    from firstline.bundle.promise import Promise
    from firstline.evaluation.promises import Outlook
    from firstline.store.workspace import Workspace


def out_of_reach(promise: "Promise") -> str:
    """That the data cannot keep the promise, and what follows."""
    if promise.precision is not None:
        return f"The labelled messages cannot keep {promise}, so nothing is routed and people see every message."
    return f"{str(promise).capitalize()} cannot be kept: the classes in always_review are more than that."


def in_words(outlook: "Outlook") -> str:
    """`of 1,000 messages 240 go by themselves, about 12 of them wrongly (7 to 19)`."""
    if outlook.is_out_of_reach and outlook.promise.precision is not None:
        return f"{outlook.promise} is out of reach"
    wrong = f"about {outlook.wrong:,} of them wrongly ({outlook.wrong_low:,} to {outlook.wrong_high:,})"
    people = f"{outlook.review:,} go to people" + (f", {outlook.unknown:,} are unknown" if outlook.unknown else "")
    return f"of {counted(outlook.n, 'message')} {outlook.routed:,} go by themselves, {wrong}; {people}"


def routing(decider: "Decider") -> str:
    """`At 95 % precision it routes 61 % of messages by itself.`, or why not."""
    from firstline.bundle.promise import percent

    promise = decider.promise
    if decider.record is None:
        return "It routes nothing: it is older than decisions."
    if decider.thresholds.is_out_of_reach:
        return out_of_reach(promise)
    share = percent(round(decider.held_out.routed / max(decider.held_out.n_messages, 1), 2))
    return f"{'At' if promise.precision is not None else 'With'} {promise} it routes {share} of messages by itself."


def routing_of(place: "Workspace", model: "Manifest", models: "Path | None" = None) -> str:
    """The same as `routing` for a model that is not loaded; or what is wrong with it or with the promise."""
    from firstline.errors import BundleError
    from firstline.evaluation.promises import decider_of

    try:
        return routing(decider_of(place, model, models))
    except BundleError as problem:
        return f"{problem.message} {problem.next_step}."
