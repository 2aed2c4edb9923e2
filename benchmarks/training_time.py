"""How long `firstline train` takes: python -m benchmarks.training_time [--data FILE] [--language ru]

Beside it, in the same run and on the same messages: scikit-learn's own TfidfVectorizer and
LogisticRegression, fitted once, without cross-validation, calibration or a bundle.
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
from firstline.store.messages import read_for_training
from firstline.store.workspace import Workspace

_FITS = 6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="a labelled file; default: the demo messages")
    parser.add_argument("--language", default="ru")
    arguments = parser.parse_args()
    with TemporaryDirectory() as folder:
        workspace = Path(folder) / "w"
        data = arguments.data or files("firstline.messages").joinpath("demo/history.csv")
        _firstline("init", workspace, "--language", arguments.language)
        _firstline("import", data, "-w", workspace)
        labelled = read_for_training(Workspace.find(workspace).database)
        rows = []
        for candidate in ("linear.v1", "forest.v1"):
            seconds = _firstline("train", "-w", workspace, "--candidates", candidate)
            rows.append((f"firstline train, {candidate}, {_FITS} fits", seconds))
        started = time.perf_counter()
        features = TfidfVectorizer(ngram_range=(1, 2)).fit_transform([item.text for item in labelled.messages])
        LogisticRegression(max_iter=300, C=30).fit(features, labelled.labels)
        plain = time.perf_counter() - started
    print_rows(
        f"{len(labelled.labels):,} labelled messages, {len(set(labelled.labels))} classes, {machine()}",
        ("what", "seconds", "ratio"),
        [
            ("scikit-learn, words 1-2, one fit", f"{plain:.1f}", "1.0"),
            *((name, f"{seconds:.1f}", f"{seconds / plain:.1f}") for name, seconds in rows),
        ],
    )


def _firstline(*arguments: object) -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, "-m", "firstline", *map(str, arguments)], check=True, capture_output=True)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
