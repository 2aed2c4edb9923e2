"""fastText, its settings found by its own search on a fifth of the labels."""

import random
import re
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import fasttext
from measuring import Predict, run

_SEARCH_S = 300


def _line(text: str) -> str:
    return re.sub(r"(\W)", r" \1 ", " ".join(text.lower().split()))


def train(texts: Sequence[str], labels: Sequence[str], encoder: str) -> Predict:
    """As fastText's own guide has it: search, then train on all labels with what was found."""
    names = sorted(set(labels))
    lines = [f"__label__{names.index(label)} {_line(text)}\n" for text, label in zip(texts, labels, strict=True)]
    random.Random(0).shuffle(lines)
    with TemporaryDirectory() as folder:
        parts = {"all": lines, "learned": lines[len(lines) // 5 :], "checked": lines[: len(lines) // 5]}
        files = {name: Path(folder) / name for name in parts}
        for name, part in parts.items():
            files[name].write_text("".join(part), encoding="utf-8")
        found = fasttext.train_supervised(
            str(files["learned"]), autotuneValidationFile=str(files["checked"]), autotuneDuration=_SEARCH_S, verbose=0
        ).f.getArgs()
        model = fasttext.train_supervised(
            str(files["all"]),
            lr=found.lr,
            dim=found.dim,
            epoch=found.epoch,
            wordNgrams=found.wordNgrams,
            minn=found.minn,
            maxn=found.maxn,
            bucket=found.bucket,
            minCount=found.minCount,
            ws=found.ws,
            neg=found.neg,
            loss=found.loss.name,
            verbose=0,
        )

    def predict(asked: Sequence[str]) -> list[str]:
        # Not model.predict, which fastText 0.9.3 breaks with NumPy 2.
        return [names[int(model.f.predict(_line(text), 1, 0.0, "strict")[0][1][9:])] for text in asked]

    return predict


if __name__ == "__main__":
    run(train)
