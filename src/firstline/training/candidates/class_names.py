"""The name of a class as one more message of it: where labels are few, it tells what the class is about.

Classification by what names mean, as in Chang et al. 2008, together with the labels instead of without them.
"""

import re
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass

from firstline.store.messages import Labelled
from firstline.training.candidates.base import Candidate, Context, Learner, Stage
from firstline.types import Label, Message

_WORD = re.compile(r"[^\W\d_]{2}")


def prepare_for(
    kind: type[Candidate], context: Context, data: Labelled
) -> Generator[Stage, None, Callable[[], Learner]]:
    """Prepare a candidate for the messages of a workspace; it learns names too, unless the settings say otherwise."""
    names = messages_of(data.labels) if context.has_class_names else {}
    make = yield from kind.prepare(context, [*data.messages, *data.unlabelled, *names.values()])
    return (lambda: WithClassNames(make(), names)) if names else make


def messages_of(labels: Sequence[Label]) -> dict[Label, Message]:
    """The name of each class as a message, `card_lost` as "card lost"; a mere code, such as `A7`, is none."""
    return {label: Message(label.replace("_", " ").strip()) for label in sorted(set(labels)) if _WORD.search(label)}


@dataclass(frozen=True)
class WithClassNames:
    """A candidate that gets the name of each class that it learns, a message by label, beside its messages."""

    learner: Learner
    names: Mapping[Label, Message]

    def fit(self, messages: Sequence[Message], labels: Sequence[Label], unlabelled: Sequence[Message]) -> Candidate:
        """Learn from all of them; returns the candidate."""
        named = [label for label in sorted(set(labels)) if label in self.names]
        return self.learner.fit([*messages, *(self.names[label] for label in named)], [*labels, *named], unlabelled)
