"""How the cost of training grows with the labels: python -m benchmarks.scaling --pool FILE [--sizes 1500,5000,...]

FILE is a CSV file with `text` and `label`. Sizes below its rows are drawn from it; for larger ones its messages are
drawn again, with a word or two from other messages, so their macro-F1 means nothing and is left out.

For each size: `firstline train --candidates linear.v1 --folds 3` on a new workspace, and a plain scikit-learn pipeline
(TF-IDF of two messages or more, SGD with logistic loss) on the same messages: seconds of one fit on all of them, and
macro-F1 on a third that was held out. Then the exponents with which seconds and memory grow from 15,000 labels on.
Prints one table; `--chart FILE` draws it.
"""

import argparse
import csv
import json
import random
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import altair as alt
import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import SGDClassifier
from sklearn.metrics import f1_score
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import Pipeline, make_pipeline, make_union

from benchmarks.measured import Run, run
from benchmarks.table import machine, print_rows
from firstline.training.plots import BLUE, GREY, HEIGHT, WIDTH, as_svg

_SIZES = "1500,5000,15000,27301,100000,300000"
_FOLDS = 3
_FROM = 15_000
Rows = list[tuple[str, str]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pool", type=Path)
    parser.add_argument("--sizes", default=_SIZES)
    parser.add_argument("--language", default="ru")
    parser.add_argument("--chart", type=Path)
    parser.add_argument("--fit-peer", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.fit_peer:
        print(json.dumps(_fit_peer(_read(arguments.fit_peer))))
        return
    pool = _read(arguments.pool)
    rows: list[dict[str, float]] = []
    with TemporaryDirectory() as folder:
        for size in map(int, arguments.sizes.split(",")):
            rows.append(_measured(Path(folder) / str(size), pool, size, arguments.language))
            print(rows[-1], file=sys.stderr, flush=True)
    print_rows(
        f"`linear.v1`, {_FOLDS} folds, beside one fit of scikit-learn, {machine()}", _COLUMNS, list(map(_row, rows))
    )
    large = [row for row in rows if row["labels"] >= _FROM]
    if len(large) > 1:
        print()
        for name in ("train_s", "train_mb", "fit_s", "fit_mb"):
            print(f"from {_FROM:,} labels on, {name} grows with the power {_exponent(large, name):.2f}")
    if arguments.chart:
        arguments.chart.write_text(_chart(rows), "utf-8")


_COLUMNS = (
    "labels",
    "classes",
    "folds s",
    "all of train s",
    "peak MB",
    "macro-F1",
    "scikit-learn, one fit s",
    "peak MB",
    "macro-F1",
    "folds / fit",
)


def _row(row: dict[str, float]) -> tuple[str, ...]:
    return (
        f"{row['labels']:,.0f}",
        f"{row['classes']:.0f}",
        f"{row['folds_s']:.1f}",
        f"{row['train_s']:.1f}",
        f"{row['train_mb']:,.0f}",
        f"{row['macro_f1']:.3f}" if row["macro_f1"] else "",
        f"{row['fit_s']:.1f}",
        f"{row['fit_mb']:,.0f}",
        f"{row['fit_macro_f1']:.3f}" if row["macro_f1"] else "",
        f"{row['folds_s'] / row['fit_s']:.1f}",
    )


def _measured(folder: Path, pool: Rows, size: int, language: str) -> dict[str, float]:
    folder.mkdir()
    file, workspace = folder / "labelled.csv", folder / "w"
    _write(file, pool, size)
    firstline = [sys.executable, "-m", "firstline"]
    run([*firstline, "init", str(workspace), "--language", language])
    run([*firstline, "import", str(file), "-w", str(workspace)])
    options = ["--candidates", "linear.v1", "--folds", str(_FOLDS), "--json"]
    ours = run([*firstline, "train", *options, "-w", str(workspace)])
    peer = run([sys.executable, "-m", "benchmarks.scaling", "--fit-peer", str(file)])
    return {"labels": size, **_ours(ours), **json.loads(peer.output), "fit_mb": peer.memory_mb} | (
        {"macro_f1": 0.0} if size > len(pool) else {}
    )


def _ours(took: Run) -> dict[str, float]:
    found = json.loads(took.output)
    (row,) = found["candidates"]
    return {
        "classes": found["n_classes"],
        "folds_s": row["training_s"],
        "train_s": took.seconds,
        "train_mb": took.memory_mb,
        "macro_f1": row["macro_f1"],
    }


def _fit_peer(rows: Rows) -> dict[str, float]:
    texts, labels = np.array([text for text, _ in rows], object), np.array([label for _, label in rows])
    started = time.perf_counter()
    _peer().fit(texts, labels)
    fit_s = time.perf_counter() - started
    learned, held_out = next(StratifiedKFold(_FOLDS, shuffle=True, random_state=0).split(labels, labels))
    answers = _peer().fit(texts[learned], labels[learned]).predict(texts[held_out])
    return {
        "fit_s": fit_s,
        "fit_macro_f1": float(f1_score(labels[held_out], answers, average="macro", zero_division=0)),
    }


def _peer() -> Pipeline:
    words = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True)
    letters = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), min_df=2, sublinear_tf=True)
    model = SGDClassifier(loss="log_loss", alpha=1e-5, class_weight="balanced", random_state=0)
    return make_pipeline(make_union(words, letters), model)


def _read(file: Path) -> Rows:
    with file.open(encoding="utf-8", newline="") as opened:
        found = {row["text"]: row["label"] for row in csv.DictReader(opened) if row["text"].strip() and row["label"]}
    return list(found.items())


def _write(file: Path, pool: Rows, size: int) -> None:
    rng = random.Random(0)
    rows = dict(rng.sample(pool, min(size, len(pool))))
    while len(rows) < size:
        (text, label), (other, _) = rng.choice(pool), rng.choice(pool)
        words, others = text.split(), other.split()
        for _ in range(rng.randint(1, 2)):
            words[rng.randrange(len(words))] = rng.choice(others)
        rows.setdefault(" ".join(words), label)
    with file.open("w", encoding="utf-8", newline="") as opened:
        writer = csv.writer(opened)
        writer.writerow(["text", "label"])
        writer.writerows(rows.items())


def _exponent(rows: list[dict[str, float]], name: str) -> float:
    """The slope of a line through the logarithms."""
    logs = np.log([[row["labels"], row[name]] for row in rows])
    return float(np.polyfit(logs[:, 0], logs[:, 1], 1)[0])


def _chart(rows: list[dict[str, float]]) -> str:
    names = {"train_s": "firstline train, 3 folds", "fit_s": "scikit-learn, one fit"}
    data = [
        {"labels": row["labels"], "seconds": row[name], "what": what} for row in rows for name, what in names.items()
    ]
    colours = alt.Color("what:N", scale=alt.Scale(domain=list(names.values()), range=[BLUE, GREY]), title=None)
    base = alt.Chart(alt.InlineData(values=data)).encode(
        x=alt.X("labels:Q", scale=alt.Scale(type="log"), title="labelled messages", axis=alt.Axis(format=",")),
        y=alt.Y("seconds:Q", scale=alt.Scale(type="log"), title="seconds", axis=alt.Axis(format=",")),
        color=colours,
    )
    layers = [base.mark_line(strokeWidth=2), base.mark_point(filled=True, size=70, opacity=1)]
    return as_svg(alt.LayerChart(layer=layers, width=WIDTH, height=HEIGHT))


if __name__ == "__main__":
    main()
