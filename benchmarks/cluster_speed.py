"""What a second worker of a Dask cluster brings: python -m benchmarks.cluster_speed --workspace DIR

Starts a scheduler and workers of one thread each on this machine, and has them do the evaluations of a search, then
the folds of a training, which are the same tasks for one worker and for two. Each is done once beforehand, so that
processes have started and messages have been sent.
"""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.table import machine, print_rows
from firstline.search.cluster import Cluster
from firstline.search.evaluating import TrialTask
from firstline.search.workers import Limits
from firstline.store.messages import read_for_training
from firstline.store.workspace import Workspace
from firstline.training.candidates.base import Context
from firstline.training.cross_validation import OneFold
from firstline.training.place import Bench, Task
from tests.clusters import cluster as local


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workspace", type=Path, required=True)
    parser.add_argument("--candidate", default="linear.v1")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=2)
    arguments = parser.parse_args()
    place = Workspace.find(arguments.workspace)
    data = read_for_training(place.database)
    context = Context.of(place.settings, 0, place.language_models, place.folder)
    bench = Bench(arguments.candidate, data, context, arguments.folds, 0)
    work: dict[str, Sequence[Task[Any]]] = {
        "6 evaluations of a search": [TrialTask({}) for _ in range(6)],
        "10 folds of a training": [
            OneFold(repeat, number, repeat)
            for repeat in range(10 // bench.folds)
            for number in range(1, bench.folds + 1)
        ],
    }
    seconds = {
        what: [_fastest(bench, tasks, n_workers, arguments.rounds) for n_workers in (1, 2)]
        for what, tasks in work.items()
    }
    rows = [(what, f"{one:.1f}", f"{two:.1f}", f"{two / one:.2f}") for what, (one, two) in seconds.items()]
    title = f"{arguments.candidate}, {len(data.messages):,} labels, {bench.folds} folds, {machine()}"
    print_rows(title, ("work", "seconds, one worker", "two workers", "ratio"), rows)


def _fastest(bench: Bench, tasks: Sequence[Task[Any]], n_workers: int, rounds: int) -> float:
    """The best of `rounds`, in seconds."""
    found = []
    with (
        TemporaryDirectory() as folder,
        local(Path(folder), n_workers) as started,
        Cluster(started.address, Limits()) as cluster,
    ):
        list(cluster.run(bench, tasks[: 2 * n_workers]))
        for _ in range(rounds):
            begun = time.perf_counter()
            answers = list(cluster.run(bench, tasks))
            found.append(time.perf_counter() - begun)
            assert len(answers) == len(tasks)
    return min(found)


if __name__ == "__main__":
    main()
