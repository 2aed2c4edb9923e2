"""How long `firstline train` takes, and what was expected: python -m benchmarks.training_time [--workspace DIR]

Without a workspace: the demo messages. For each candidate, what `firstline advise` expects of five folds and training
on all labels, then what they take: on the wall, and of processors, divided by the cores where a candidate uses all of
them. On a machine that does something else as well, only the latter can be compared. Below it, on the same
messages: scikit-learn's own TfidfVectorizer and LogisticRegression, fitted once.
"""

import argparse
import subprocess
import sys
import time
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from benchmarks.table import machine, print_rows
from firstline.steps import run_to_end
from firstline.store.messages import read_for_training
from firstline.store.workspace import Workspace
from firstline.training.candidates import find_candidate
from firstline.training.candidates.base import Context
from firstline.training.candidates.class_names import prepare_for
from firstline.training.candidates.estimate import Workload, processor_s, side_by_side
from firstline.training.estimates import estimates
from firstline.training.folds import Folds

_FOLDS = 5
_ON_ALL_CORES = {"forest.v1"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workspace", type=Path, help="default: one with the demo messages")
    parser.add_argument("--candidates", default="linear.v1,lsa.v1,forest.v1")
    arguments = parser.parse_args()
    with TemporaryDirectory() as folder:
        workspace = arguments.workspace or _demo(Path(folder) / "w")
        place = Workspace.find(workspace)
        # Not the workspace's folder for language models: what is kept there would not be trained.
        context = Context.of(place.settings, 0, Path(folder) / "kept", place.folder)
        work = Workload(read_for_training(place.database), context, _FOLDS)
    rows = [_measured(name, work) for name in arguments.candidates.split(",")]
    started = time.perf_counter()
    features = TfidfVectorizer(ngram_range=(1, 2)).fit_transform([item.text for item in work.data.messages])
    LogisticRegression(max_iter=300, C=30).fit(features, work.data.labels)
    rows.append(("scikit-learn, one fit", "", f"{time.perf_counter() - started:.1f}", "", ""))
    print_rows(
        f"{work.n_labelled:,} labelled messages, {len(work.data.unlabelled):,} others, {work.n_classes} classes,"
        f" {machine()}",
        ("what", "expected s", "wall s", "processor s", "expected / processor"),
        rows,
    )


def _measured(name: str, work: Workload) -> tuple[str, ...]:
    (expected,) = estimates([name], work)
    if expected.seconds is None:
        return name, expected.reason, "", "", ""
    data = work.data
    wall, processors = time.perf_counter(), processor_s()
    make = run_to_end(prepare_for(find_candidate(name), work.context, data))
    for _ in Folds(data, _FOLDS, 1, 0).train_all(make):
        pass
    make().fit(data.messages, data.labels, data.unlabelled)
    wall, processors = time.perf_counter() - wall, processor_s() - processors
    processors /= side_by_side() if name in _ON_ALL_CORES else 1.0
    figures = (expected.seconds, wall, processors)
    return name, *(f"{figure:.1f}" for figure in figures), f"{expected.seconds / processors:.2f}"


def _demo(workspace: Path) -> Path:
    _firstline("init", workspace)
    _firstline("import", files("firstline.messages").joinpath("demo/history.csv"), "-w", workspace)
    return workspace


def _firstline(*arguments: object) -> None:
    subprocess.run([sys.executable, "-m", "firstline", *map(str, arguments)], check=True, capture_output=True)


if __name__ == "__main__":
    main()
