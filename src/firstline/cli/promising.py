"""What commands say about the promise that is in force."""

from typing import TYPE_CHECKING

from firstline.cli.output import counted

if TYPE_CHECKING:
    from firstline.bundle.promise import Promise
    from firstline.evaluation.promises import Outlook


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
