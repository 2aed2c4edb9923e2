"""A small bench for tests of a search, and a place where evaluations take no time."""

from collections.abc import Generator, Mapping, Sequence

from firstline.search.evaluating import Outcome, TrialTask
from firstline.search.space import Value
from firstline.text.rules import TextRules
from firstline.training.candidates.base import Context
from firstline.training.place import Answer, Bench, Task
from tests.examples import examples


def bench(candidate: str = "linear.v1") -> Bench:
    return Bench(candidate, examples(), Context(TextRules.of_language("ru")), 3, 0)


class Here:
    """Evaluates in this process, by a rule of thumb unless it is told to be exact."""

    def __init__(self, n_most: int = 1_000, is_exact: bool = False) -> None:
        self.n_asked = 0
        self.n_most = n_most
        self.is_exact = is_exact

    def run(
        self, bench: Bench, tasks: Sequence[Task[Answer]], deadline: float | None = None
    ) -> Generator[tuple[Task[Answer], Answer], None, None]:
        for task in tasks:
            if self.n_asked >= self.n_most:
                return
            self.n_asked += 1
            if self.is_exact:
                yield task, task(bench)
            else:
                assert isinstance(task, TrialTask)
                yield task, self.judge(bench, task.settings)

    def judge(self, bench: Bench, settings: Mapping[str, Value]) -> Outcome:
        """The smaller C, the more messages are right."""
        n_wrong = min(int(float(settings["C"])), 9)
        guesses = [1 if place < n_wrong else int(true) for place, true in enumerate(bench.truth)]
        return Outcome(1 - n_wrong / 10, 3, 1.0, tuple(guesses))
