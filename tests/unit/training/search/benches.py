"""A small bench for tests of a search."""

from firstline.text.rules import TextRules
from firstline.training.candidates.base import Context
from firstline.training.search.evaluating import Bench
from tests.examples import examples


def bench(candidate: str = "linear.v1") -> Bench:
    return Bench(candidate, examples(), Context(TextRules.of_language("ru")), 3, 0)
