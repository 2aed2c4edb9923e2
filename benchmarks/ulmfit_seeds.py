"""How far chance carries `ulmfit.v1`: python -m benchmarks.ulmfit_seeds --workspace DIR --test FILE --results FILE

Trains the candidate in full on all labels of a workspace, once for each seed, and scores each on a labelled file
with the columns that the workspace remembers. The language models are the workspace's, so they are the same for
all. What each answered is kept in a file, so that a run that was stopped goes on.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np

from benchmarks.table import machine, print_rows
from firstline.evaluation.metrics import score
from firstline.messages.columns import find_columns
from firstline.messages.formats import open_reader
from firstline.messages.importing import incoming_messages, masker
from firstline.messages.records import ReadingOptions, Reject
from firstline.steps import run_to_end
from firstline.store.messages import read_for_training
from firstline.store.workspace import Workspace
from firstline.training.candidates.base import Context
from firstline.training.candidates.class_names import prepare_for
from firstline.training.candidates.ulmfit.candidate import Ulmfit
from firstline.types import Label, Message


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workspace", type=Path, required=True)
    parser.add_argument("--test", type=Path, required=True, help="a labelled file that no choice was made by")
    parser.add_argument("--results", type=Path, required=True, help="a JSONL file that keeps what each seed answered")
    parser.add_argument("--seeds", default="0,1,2")
    arguments = parser.parse_args()
    place = Workspace.find(arguments.workspace)
    messages, truth = _labelled(arguments.test, place)
    for seed in map(int, arguments.seeds.split(",")):
        if seed not in _answers(arguments.results):
            _train(seed, place, messages, arguments.results)
    rows, accuracies = [], []
    for seed, (predicted, seconds) in sorted(_answers(arguments.results).items()):
        figures = score(truth, predicted)
        accuracies.append(figures.accuracy)
        low, high = figures.intervals["accuracy"]
        accuracy = f"{figures.accuracy:.3f} ({low:.3f}-{high:.3f})"
        rows.append((str(seed), accuracy, f"{figures.macro_f1:.3f}", f"{seconds / 60:.0f}"))
    print_rows(f"ulmfit.v1, {len(truth):,} messages, {machine()}", ("seed", "accuracy", "macro-F1", "minutes"), rows)
    print(f"\nFrom the worst to the best {100 * np.ptp(accuracies):.1f} points of accuracy.")


def _labelled(path: Path, place: Workspace) -> tuple[list[Message], list[Label]]:
    """The labelled messages of a file, masked as the workspace masks."""
    reader = open_reader(path, ReadingOptions())
    columns = find_columns(path, reader.columns, {}, place.settings.columns)
    rows = [
        row
        for row in incoming_messages(
            reader, columns, masker(place.settings), cut_quotes=place.settings.emails.cut_quotes
        )
        if not isinstance(row, Reject) and row.label is not None
    ]
    return [Message(row.text, row.segment) for row in rows], [str(row.label) for row in rows]


def _train(seed: int, place: Workspace, messages: list[Message], results: Path) -> None:
    data = read_for_training(place.database)
    context = Context.of(place.settings, seed, place.language_models, place.folder)
    started = time.perf_counter()
    make = run_to_end(prepare_for(Ulmfit, context, data))
    trained = make().fit(data.messages, data.labels, data.unlabelled)
    seconds = round(time.perf_counter() - started)
    predicted = [trained.labels_[guess] for guess in trained.predict_proba(messages).argmax(axis=1)]
    with results.open("a", encoding="utf-8") as file:
        file.write(json.dumps({"seed": seed, "seconds": seconds, "predicted": predicted}, ensure_ascii=False) + "\n")


def _answers(results: Path) -> dict[int, tuple[list[Label], float]]:
    """By seed, what it answered and the seconds of its training."""
    lines = results.read_text("utf-8").splitlines() if results.exists() else []
    return {row["seed"]: (row["predicted"], row["seconds"]) for row in map(json.loads, lines)}


if __name__ == "__main__":
    main()
