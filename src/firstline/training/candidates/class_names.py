"""The name of a class as one more message of it: where labels are few, it tells what the class is about.

Classification by what names mean, as in Chang et al. 2008, together with the labels instead of without them.
"""

from collections import Counter
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, replace

from firstline.steps import Stage
from firstline.store.messages import Labelled
from firstline.text.masks import without_masks
from firstline.training.candidates.base import Candidate, Context, Fitted, Learner
from firstline.training.candidates.regression import FEW_LABELS
from firstline.types import Label, Message

_LEAST_LETTERS = 2


def prepare_for(
    kind: type[Candidate], context: Context, data: Labelled
) -> Generator[Stage, None, Callable[[], Learner]]:
    """Prepare a candidate for the messages of a workspace; it learns names too, unless the settings say otherwise.

    The number of labels in the workspace decides how regressions are solved in all its trainings, so that folds measure
    the kind of model that is served.
    """
    context = replace(context, has_many_labels=len(data.messages) > FEW_LABELS)
    names = names_for(context, data)
    make = yield from kind.prepare(context, [*data.learned[0], *data.unlabelled, *names.values()])
    return (lambda: WithClassNames(make(), names)) if names else make


def all_messages(context: Context, data: Labelled) -> list[Message]:
    """What candidates are prepared for: with a label, even none of the classes, without, and names they learn."""
    return [*data.learned[0], *data.unlabelled, *names_for(context, data).values()]


def names_for(context: Context, data: Labelled) -> dict[Label, Message]:
    """By label, the names that are learned: `card_lost` as "card lost", masked as messages are.

    None that is a code of one letter, such as `A7`, or all masked, such as a long number; that two classes would
    share; or that a labelled message says as well, since people have judged that already.
    """
    if not context.has_class_names:
        return {}
    texts = {label: context.mask(" ".join(label.replace("_", " ").split())) for label in sorted(set(data.labels))}
    read = {label: context.rules(text.casefold()) for label, text in texts.items()}
    taken = Counter(read.values())
    taken.update({context.rules(message.text.casefold()) for message in data.messages})
    return {label: Message(text) for label, text in texts.items() if _is_word(text) and taken[read[label]] == 1}


def _is_word(text: str) -> bool:
    return sum(map(str.isalpha, without_masks(text))) >= _LEAST_LETTERS


@dataclass(frozen=True)
class WithClassNames:
    """A candidate that gets the name of each class that it learns, a message by label, beside its messages."""

    learner: Learner
    names: Mapping[Label, Message]

    def fit(self, messages: Sequence[Message], labels: Sequence[Label], unlabelled: Sequence[Message]) -> Fitted:
        """Learn from all of them; returns the candidate.

        Where no message has a word, names would hide that; the candidate learns without them.
        """
        has_words = any(_is_word(message.text) for message in messages)
        named = [label for label in sorted(set(labels)) if label in self.names] if has_words else []
        return self.learner.fit([*messages, *(self.names[label] for label in named)], [*labels, *named], unlabelled)
