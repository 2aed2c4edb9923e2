"""Small workloads, and a clock that does not depend on the machine."""

from firstline.settings.model import UlmfitSettings
from firstline.store.messages import Labelled
from firstline.text.rules import TextRules
from firstline.training.candidates.base import Context
from firstline.training.costs.base import Workload
from firstline.types import Message
from tests.examples import examples

CONTEXT = Context(TextRules.of_language("ru"), ulmfit=UlmfitSettings(language_model="none", encoder="none"))


def workload(n_times: int = 1, n_unlabelled: int = 6, folds: int = 5) -> Workload:
    """The examples, `n_times`, each time a little different."""
    data = examples()
    pairs = [
        (Message(f"{message.text} номер{time}", message.segment), label)
        for time in range(n_times)
        for message, label in zip(data.messages, data.labels, strict=True)
    ]
    pool = [Message(f"{data.messages[place % 24].text} ещё{place}") for place in range(n_unlabelled)]
    return Workload(Labelled([message for message, _ in pairs], [label for _, label in pairs], pool, 0), CONTEXT, folds)
