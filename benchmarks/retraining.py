"""Whether retraining helps and cannot harm: python -m benchmarks.retraining --labelled FILE --pool FILE --test FILE

All are CSV files with `text` and `label`; of the pool, messages of the labelled classes count. By commands alone, with
`linear.v1` and `lsa.v1`, once for each draw:

- four of the classes are hidden at first; then each gets 40 labels, and `firstline retrain --promote always` follows:
  macro-F1 on the test file over the hidden classes, and over the others before and after;
- 600 labels of the pool are added, as they are, or 30 % of them exchanged for others at random: whether
  `firstline retrain` promotes, and why not.

Last, the same labels are trained with three seeds: how much macro-F1 on the test file differs, and what
`firstline retrain` says about it.
"""

import argparse
import csv
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory

from benchmarks.scaling import Rows
from benchmarks.table import machine, print_rows

_N_HIDDEN, _N_EACH, _N_NEW, _SHARE_WRONG = 4, 40, 600, 0.3
_SEEDS = (1, 2)
_CANDIDATES = "linear.v1,lsa.v1"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("labelled", "pool", "test"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--language", default="ru")
    parser.add_argument("--draws", type=int, default=5)
    arguments = parser.parse_args()
    labelled, pool, test = (_read(file) for file in (arguments.labelled, arguments.pool, arguments.test))
    classes = sorted({label for _, label in labelled})
    pool = [row for row in pool if row[1] in set(classes)]
    hidden, added = [], []
    for draw in range(arguments.draws):
        with TemporaryDirectory() as folder:
            place = _Place(Path(folder), arguments.language)
            hidden.append(_hide(place, labelled, pool, test, classes, draw))
            print(hidden[-1], file=sys.stderr, flush=True)
        for share in (0.0, _SHARE_WRONG):
            with TemporaryDirectory() as folder:
                place = _Place(Path(folder), arguments.language)
                added.append((str(draw), f"{share:.0%}", *_add(place, labelled, pool, classes, share, draw)))
                print(added[-1], file=sys.stderr, flush=True)
    print_rows(
        f"{_N_HIDDEN} of {len(classes)} classes hidden, then {_N_EACH} labels each, {machine()}",
        ("draw", "macro-F1 of the hidden", "of the others before", "after", "minutes"),
        [
            *((str(draw), *(f"{value:.3f}" for value in row[:3]), f"{row[3]:.1f}") for draw, row in enumerate(hidden)),
            ("mean", *(f"{mean(row[place] for row in hidden):.3f}" for place in range(3)), ""),
        ],
    )
    print()
    print_rows(f"{_N_NEW} new labels", ("draw", "wrong", "promoted", "failed gates", "reason"), added)
    print()
    with TemporaryDirectory() as folder:
        rows = _train_with_seeds(_Place(Path(folder), arguments.language), labelled, test)
    print_rows("Three seeds", ("seed", "macro-F1", "what retrain says"), rows)


class _Place:
    """A workspace, by commands."""

    def __init__(self, folder: Path, language: str) -> None:
        self.folder, self.workspace = folder, folder / "w"
        self("init", self.workspace, "--language", language)
        settings = self.workspace / "firstline.toml"
        names = ", ".join(f'"{name}"' for name in _CANDIDATES.split(","))
        text = settings.read_text("utf-8")
        chosen = text.replace('candidates = ["auto"]', f"candidates = [{names}]\nlearning_curve = false")
        assert chosen != text
        settings.write_text(chosen, "utf-8")

    def __call__(self, *arguments: object, codes: Sequence[int] = (0,), seed: int = 0) -> str:
        command = [sys.executable, "-m", "firstline", *map(str, arguments)]
        environment = {**os.environ, "FIRSTLINE_TRAINING__SEED": str(seed)}
        done = subprocess.run(command, capture_output=True, text=True, cwd=self.folder, env=environment)
        assert done.returncode in codes, done.stderr
        return done.stdout

    def add(self, name: str, rows: Rows) -> None:
        self("import", self.write(name, rows), "-w", self.workspace)

    def write(self, name: str, rows: Rows) -> Path:
        file = self.folder / name
        with file.open("w", encoding="utf-8", newline="") as opened:
            writer = csv.writer(opened)
            writer.writerow(["text", "label"])
            writer.writerows(rows)
        return file


def _hide(
    place: _Place, labelled: Rows, pool: Rows, test: Rows, classes: list[str], draw: int
) -> tuple[float, float, float, float]:
    rng = random.Random(draw)
    hidden = set(rng.sample(classes, _N_HIDDEN))
    place.add("first.csv", [row for row in labelled if row[1] not in hidden])
    place("train", "-w", place.workspace)
    # The whole test file, as later: a class that the model does not know costs the others precision.
    before = _over(place, test, set(classes) - hidden)
    new = [row for label in sorted(hidden) for row in _drawn(rng, [*labelled, *pool], label)]
    started = time.monotonic()
    place.add("new.csv", new)
    place("retrain", "--promote", "always", "-w", place.workspace)
    minutes = (time.monotonic() - started) / 60
    return _over(place, test, hidden), before, _over(place, test, set(classes) - hidden), minutes


def _over(place: _Place, test: Rows, classes: set[str]) -> float:
    """The champion's macro-F1 over some classes, from its answers to the whole test file."""
    found = json.loads(place("evaluate", place.write("test.csv", test), "--json", "-", "-w", place.workspace))
    return float(mean(found["per_class"][label]["f1"] for label in classes if label in found["per_class"]))


def _drawn(rng: random.Random, rows: Rows, label: str) -> Rows:
    return rng.sample([row for row in rows if row[1] == label], _N_EACH)


def _add(
    place: _Place, labelled: Rows, pool: Rows, classes: list[str], share: float, draw: int
) -> tuple[str, str, str]:
    rng = random.Random(draw)
    place.add("first.csv", labelled)
    place("train", "-w", place.workspace)
    known = {text for text, _ in labelled}
    new = rng.sample([row for row in pool if row[0] not in known], _N_NEW)
    wrong = set(rng.sample(range(_N_NEW), round(share * _N_NEW)))
    new = [(text, rng.choice(classes) if place in wrong else label) for place, (text, label) in enumerate(new)]
    place.add("new.csv", new)
    found = json.loads(place("retrain", "--json", "-w", place.workspace, codes=(0, 3)))
    failed = ", ".join(gate["gate"] for gate in found["gates"] if not gate["passed"])
    return ("yes" if found["promoted"] else "no"), failed, found["reason"]


def _train_with_seeds(place: _Place, labelled: Rows, test: Rows) -> list[tuple[str, str, str]]:
    classes = {label for _, label in labelled}
    place.add("first.csv", labelled)
    place("train", "-w", place.workspace)
    rows = [("0", f"{_over(place, test, classes):.3f}", "")]
    for seed in _SEEDS:
        found = json.loads(place("retrain", "--json", "-w", place.workspace, codes=(0, 3), seed=seed))
        place("models", "promote", found["challenger"], "-w", place.workspace)
        words = next(gate["words"] for gate in found["gates"] if gate["gate"] == "macro_f1")
        rows.append((str(seed), f"{_over(place, test, classes):.3f}", words))
    return rows


def _read(file: Path) -> Rows:
    with file.open(encoding="utf-8", newline="") as opened:
        return [(row["text"], row["label"]) for row in csv.DictReader(opened) if row["text"].strip() and row["label"]]


if __name__ == "__main__":
    main()
