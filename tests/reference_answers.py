"""Whether a change of the code changes answers: keeps what every candidate answers, and compares later.

`python -m tests.reference_answers keep FOLDER` before the change, `compare FOLDER` after it, both with
OMP_NUM_THREADS=1. `--only linear lsa` takes the trainings whose names begin so; `--spb` names the folder of those
messages, which is looked for beside the repository. `compare` trains again and loads
the kept bundles with the code as it is; it exits with 1 if an answer differs. A few minutes each.
"""

import argparse
import csv
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from importlib import resources
from pathlib import Path
from unittest import mock

import msgspec
import numpy as np
from numpy.typing import NDArray

from firstline.bundle.files import write_bundle
from firstline.bundle.predictor import Predictor
from firstline.language_models import start
from firstline.language_models.card import Shape
from firstline.settings.model import EncoderSettings
from firstline.steps import run_to_end
from firstline.store.messages import Labelled
from firstline.text.rules import TextRules
from firstline.training.candidates import find_candidate
from firstline.training.candidates.base import Context, Fitted
from firstline.training.candidates.class_names import prepare_for
from firstline.training.candidates.ulmfit import settings as ulmfit
from firstline.types import Message
from tests.bundles import manifest
from tests.encoders import small_encoder

_SPB = Path(__file__).resolve().parents[2] / "shared" / "data" / "spb"
TOLERANCE, SAME_LABELS = 1e-6, 0.995
"""What probabilities may differ by; the share of labels on which networks that are trained again have to agree."""

_N_DEMO, _N_SPB, _N_POOL = 200, 500, 5_000


@dataclass(frozen=True)
class Case:
    """One training: a candidate, its data and settings; networks that are trained again answer nearly the same."""

    name: str
    candidate: str
    data: Callable[[], Labelled]
    asked: Callable[[], Sequence[Message]]
    context: Context
    is_network: bool = False
    patches: tuple[Callable[[], object], ...] = ()

    def fit(self) -> Fitted:
        with ExitStack() as stack:
            for patch in self.patches:
                stack.enter_context(patch())  # type: ignore[arg-type]
            data = self.data()
            make = run_to_end(prepare_for(find_candidate(self.candidate), self.context, data))
            return make().fit(data.messages, data.labels, data.unlabelled)


def cases(spb: Path) -> list[Case]:
    """All candidates on the demo messages, and the classical ones on spb, where it is beside the repository."""
    found = [
        *(Case(f"{name}-demo", name, demo, demo_questions, _context()) for name in _CLASSICAL),
        Case("embedding.v1-demo", "embedding.v1", demo, demo_questions, _context()),
        Case("tpot.v1-demo", "tpot.v1", demo, demo_questions, _context()),
        Case("encoder.v1-demo", "encoder.v1", demo, demo_questions, _context(), is_network=True),
        Case("ulmfit.v1-own", "ulmfit.v1", demo, demo_questions, _context(), is_network=True, patches=_SMALL),
        Case(
            "ulmfit.v1-installed",
            "ulmfit.v1",
            few,
            demo_questions,
            _context("firstline-ru", adaptation_epochs=0),
            is_network=True,
            patches=_SMALL,
        ),
    ]
    if spb.is_dir():
        found += [
            Case(f"{name}-spb", name, partial(spb_data, spb), partial(spb_questions, spb), _context())
            for name in _CLASSICAL
        ]
    return found


_CLASSICAL = ("linear.v1", "lsa.v1", "forest.v1")
# Functions, since a patch is started anew for each training.
_SMALL = (
    partial(mock.patch.object, ulmfit, "_LEAST_BATCHES", 40),
    partial(mock.patch.object, start, "OWN_SHAPE", Shape(n_embedding=32, n_hidden=32, n_layers=1)),
)


def _context(language_model: str = "none", adaptation_epochs: int = 1) -> Context:
    return Context(
        TextRules.of_language("ru"),
        seed=3,
        encoder=EncoderSettings(name=str(small_encoder())),
        chosen={
            "tpot.v1": {"population": 4, "generations": 1, "n_components": 50},
            "encoder.v1": {"n_epochs": 2, "n_unlabelled": 100, "unlabelled_epochs": 1, "rate": 5e-4},
            "ulmfit.v1": {
                "n_members": 1,
                "n_epochs": 2,
                "language_model": language_model,
                "encoder": "none",
                "adaptation_epochs": adaptation_epochs,
            },
        },
    )


def demo() -> Labelled:
    """The demo messages as they stand in their file."""
    with resources.files("firstline.messages").joinpath("demo/history.csv").open(encoding="utf-8") as file:
        return _labelled(csv.DictReader(file), "segment")


def few() -> Labelled:
    """Every fourth demo message."""
    data = demo()
    return Labelled(data.messages[::4], data.labels[::4], data.unlabelled[::4], 0)


def demo_questions() -> list[Message]:
    data = demo()
    half = _N_DEMO // 2
    return [*data.messages[:half], *data.unlabelled[:half]]


def spb_data(folder: Path) -> Labelled:
    """All labelled messages of spb, and the first of its pool."""
    labelled = _labelled(_rows(folder / "labelled.csv"), "district")
    pool = _labelled(_rows(folder / "pool.csv"), "district")
    return Labelled(labelled.messages, labelled.labels, pool.messages[:_N_POOL], 0)


def spb_questions(folder: Path) -> list[Message]:
    return _labelled(_rows(folder / "test.csv"), "district").messages[:_N_SPB]


def _rows(path: Path) -> Iterator[Mapping[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        yield from csv.DictReader(file)


def _labelled(rows: Iterable[Mapping[str, str]], segment: str) -> Labelled:
    pairs = [(Message(row["text"], row[segment] or None), row["label"]) for row in rows]
    return Labelled(
        messages=[message for message, label in pairs if label],
        labels=[label for _, label in pairs if label],
        unlabelled=[message for message, label in pairs if not label],
        n_disagreements=0,
    )


def keep(folder: Path, cases: Sequence[Case]) -> bool:
    """Train every case; write its answers, and its bundle, below `folder`."""
    for case in cases:
        started = time.perf_counter()
        fitted = case.fit()
        here = folder / case.name
        here.mkdir(parents=True)
        segments = sorted({message.segment for message in case.data().messages if message.segment})
        draft = msgspec.structs.replace(
            manifest(case.candidate), labels=tuple(fitted.labels_), segments=tuple(segments)
        )
        model = write_bundle(here / "models", draft, fitted.parts())
        asked = case.asked()
        np.savez(
            here / "answers.npz",
            probabilities=fitted.predict_proba(asked),
            served=Predictor.load(here / "models" / model.id).predict_proba(asked),
            labels=fitted.labels_,
        )
        print(f"{case.name}: kept, {time.perf_counter() - started:.0f} s", flush=True)
    return True


def compare(folder: Path, cases: Sequence[Case]) -> bool:
    """Print of every case how far answers are from the kept ones; whether all are near enough."""
    same = [_is_same(case, folder / case.name) for case in cases]
    return all(same)


def compare_bundles(folder: Path) -> bool:
    """The same of kept bundles that are of no case any more: blends, which are not candidates."""
    same = []
    for here in sorted(folder.glob("blend*-demo")):
        with np.load(here / "answers.npz") as file:
            farthest = _farthest(_served(here, demo_questions()), file["served"])
        same.append(farthest <= TOLERANCE)
        print(f"{here.name}: {'same' if same[-1] else 'DIFFERENT'}; bundle {farthest:.1e}", flush=True)
    return all(same)


def _served(here: Path, questions: Sequence[Message]) -> NDArray[np.float32]:
    (model,) = (here / "models").iterdir()
    return Predictor.load(model).predict_proba(questions)


def _is_same(case: Case, here: Path) -> bool:
    started = time.perf_counter()
    with np.load(here / "answers.npz") as file:
        kept, served, labels = file["probabilities"], file["served"], file["labels"].tolist()
    questions = case.asked()
    of_bundle = _farthest(_served(here, questions), served)
    fitted = case.fit()
    again = fitted.predict_proba(questions)
    has_labels = fitted.labels_ == labels
    same = float((again.argmax(axis=1) == kept.argmax(axis=1)).mean()) if has_labels else 0.0
    farthest = _farthest(again, kept) if has_labels else np.inf
    is_same = of_bundle <= TOLERANCE and (same >= SAME_LABELS if case.is_network else farthest <= TOLERANCE)
    print(
        f"{case.name}: {'same' if is_same else 'DIFFERENT'}; bundle {of_bundle:.1e}, trained again {farthest:.1e},"
        f" labels {same:.2%}, {time.perf_counter() - started:.0f} s",
        flush=True,
    )
    return is_same


def _farthest(found: NDArray[np.float32], kept: NDArray[np.float32]) -> float:
    return float(np.abs(found - kept).max())


def main() -> int:
    """Keep or compare; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("keep", "compare"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", nargs="*", default=[""])
    parser.add_argument("--spb", type=Path, default=_SPB)
    chosen = parser.parse_args()
    taken = [case for case in cases(chosen.spb) if case.name.startswith(tuple(chosen.only))]
    # On one core all is done in this process, where what is patched holds.
    with mock.patch.object(os, "sched_getaffinity", lambda _: {0}):
        if chosen.what == "keep":
            is_good = keep(chosen.folder, taken)
        else:
            is_good = all([compare(chosen.folder, taken), compare_bundles(chosen.folder)])
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
