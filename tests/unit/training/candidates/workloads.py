"""Small workloads."""

from firstline.store.messages import Labelled
from firstline.text.rules import TextRules
from firstline.training.candidates.base import Context
from firstline.training.candidates.estimate import Workload
from firstline.types import Message
from tests.examples import examples

CONTEXT = Context(TextRules.of_language("ru"), chosen={"ulmfit.v1": {"language_model": "none", "encoder": "none"}})


def workload(n_times: int = 1, n_unlabelled: int = 6, folds: int = 5, context: Context = CONTEXT) -> Workload:
    """The examples, `n_times`, each time a little different."""
    data = examples()
    pairs = [
        (Message(f"{message.text} номер{time}", message.segment), label)
        for time in range(n_times)
        for message, label in zip(data.messages, data.labels, strict=True)
    ]
    pool = [Message(f"{data.messages[place % 24].text} ещё{place}") for place in range(n_unlabelled)]
    return Workload(Labelled([message for message, _ in pairs], [label for _, label in pairs], pool, 0), context, folds)
