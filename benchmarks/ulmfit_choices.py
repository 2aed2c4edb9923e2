"""What each choice in `ulmfit.v1` is worth: python -m benchmarks.ulmfit_choices --workspace DIR [--variants A,B]

Cross-validates variants of the candidate on a workspace's labelled messages. Each fold's figures are
kept in a file, so a run that was stopped goes on, and a second machine's file can be appended. Runs
for hours: folds, seeds and the number of unlabelled messages are options. Where a variant trains several
classifiers, each of them and their mixtures have lines of their own. Names of classes are not learned here.
"""

import argparse
import json
import re
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from unittest import mock

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import f1_score
from sklearn.model_selection import StratifiedKFold

from benchmarks.table import machine, print_rows
from firstline.bundle.parts.lstm import PooledLstm
from firstline.evaluation.metrics import differences
from firstline.language_models import start
from firstline.language_models.model import LanguageModel
from firstline.steps import run_to_end
from firstline.store.messages import Labelled, read_for_training
from firstline.store.workspace import Workspace
from firstline.text.rules import TextRules
from firstline.training.candidates.base import Context
from firstline.training.candidates.ulmfit import settings as ulmfit_settings
from firstline.training.candidates.ulmfit.candidate import Ulmfit
from firstline.training.candidates.ulmfit.settings import UlmfitSettings, settings_of
from firstline.training.candidates.ulmfit.shared_inputs import SharedInputs, gather
from firstline.types import Message


@dataclass(frozen=True)
class Variant:
    """What differs from the defaults, and from one classifier for each direction.

    `without` is a pattern of special tokens that the model does not see. `characters_a_piece` of the messages decide
    how many pieces the vocabulary has. `base` is a pretrained language model.
    """

    settings: Callable[[UlmfitSettings], UlmfitSettings] = lambda settings: settings
    directions: tuple[str, ...] = ("forward",)
    encoder: str = "auto"
    without: str = ""
    adaptation_epochs: int = UlmfitSettings().adaptation_epochs
    characters_a_piece: int = start._CHARS_A_PIECE
    base: Path | None = None


_BATCHES = ulmfit_settings._ENOUGH_BATCHES

VARIANTS = {
    "default": Variant(),
    "cross_entropy": Variant(lambda settings: replace(settings, smoothing=0.0)),
    "focal": Variant(lambda settings: replace(settings, loss="focal")),
    "more dropout": Variant(lambda settings: replace(settings, dropout_factor=0.5)),
    "longer": Variant(lambda settings: replace(settings, n_epochs=2 * settings.n_epochs)),
    "two classifiers": Variant(lambda settings: replace(settings, n_members=2)),
    "backward": Variant(directions=("backward",)),
    "both": Variant(directions=("forward", "backward")),
    "two of each": Variant(lambda settings: replace(settings, n_members=2), directions=("forward", "backward")),
    "no encoder": Variant(encoder="none"),
    "not adapted": Variant(adaptation_epochs=0),
    "half the vocabulary": Variant(characters_a_piece=2 * start._CHARS_A_PIECE),
    "a quarter of the vocabulary": Variant(characters_a_piece=4 * start._CHARS_A_PIECE),
    "no case tokens": Variant(without=r"\bxx(?:up|cap)\b ?"),
    "no mask tokens": Variant(without=r"\bxxmask_\w+ ?"),
    "segment at the start": Variant(without=r" xxseg_\w+$"),
    "no segment": Variant(without=r"\bxxseg_\w+ ?"),
}


class _Stripped(TextRules):
    """Text rules without some of their tokens."""

    def __init__(self, rules: TextRules, without: str) -> None:
        super().__init__(rules.names)
        object.__setattr__(self, "pattern", re.compile(without))

    def with_segment(self, text: str, segment: str | None) -> str:
        pattern: re.Pattern[str] = self.pattern  # type: ignore[attr-defined]
        return pattern.sub("", super().with_segment(text, segment)).strip()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workspace", type=Path, required=True)
    parser.add_argument("--results", type=Path, required=True, help="a JSONL file that keeps every fold's figures")
    parser.add_argument("--variants", default=",".join(VARIANTS))
    parser.add_argument("--base", type=Path, help="a pretrained language model, and the variant 'pretrained NAME'")
    parser.add_argument("--folds", default="0,1,2,3,4", help="which of the five")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--split", type=int, help="one split for all seeds, to see what the classifier's seed does")
    parser.add_argument("--unlabelled", type=int, default=0, help="how many unlabelled messages; 0: all")
    parser.add_argument("--batches", type=int, default=0, help="how many a training has at most; 0: as many as usual")
    parser.add_argument("--reference", default="default", help="the variant that the others are compared with")
    arguments = parser.parse_args()
    if arguments.batches:
        ulmfit_settings._ENOUGH_BATCHES = arguments.batches
    if arguments.base:
        VARIANTS[f"pretrained {arguments.base.name}"] = Variant(base=arguments.base)
        VARIANTS[f"pretrained {arguments.base.name} without encoder"] = Variant(base=arguments.base, encoder="none")
    place = Workspace.find(arguments.workspace)
    data = read_for_training(place.database)
    seeds, folds = ([int(part) for part in text.split(",")] for text in (arguments.seeds, arguments.folds))
    for name in arguments.variants.split(","):
        for seed in seeds:
            _measure(name, seed, arguments.split, folds, data, place, arguments.results, arguments.unlabelled)
    _report(arguments.results, place, arguments.unlabelled, arguments.reference)


def _measure(
    name: str,
    seed: int,
    split: int | None,
    folds: Sequence[int],
    data: Labelled,
    place: Workspace,
    results: Path,
    n_unlabelled: int,
) -> None:
    title = name if split is None else f"{name}, split {split}"
    title += f", {ulmfit_settings._ENOUGH_BATCHES} batches" if ulmfit_settings._ENOUGH_BATCHES != _BATCHES else ""
    done = {(row["variant"], row["seed"], row["fold"], row["unlabelled"]) for row in _rows(results)}
    folds = [fold for fold in folds if (title, seed, fold, n_unlabelled) not in done]
    if not folds:
        return
    variant = VARIANTS[name]
    unlabelled = _some(data.unlabelled, n_unlabelled)
    shared, context = _shared(variant, seed, [*data.messages, *unlabelled], place)
    parts = list(
        StratifiedKFold(5, shuffle=True, random_state=seed if split is None else split).split(data.labels, data.labels)
    )
    for fold in folds:
        learned, checked = parts[fold]
        started = time.perf_counter()
        trained = Ulmfit(context, variant.settings(replace(settings_of(context), n_members=1)), shared)
        trained.fit([data.messages[i] for i in learned], [data.labels[i] for i in learned], unlabelled)
        seconds = round(time.perf_counter() - started, 1)
        rows = [
            {
                "variant": title.replace(name, f"{name}{mixture}", 1),
                "seed": seed,
                "fold": fold,
                "unlabelled": n_unlabelled,
                "seconds": seconds,
                "truth": [data.labels[i] for i in checked],
                "predicted": [trained.labels_[guess] for guess in probabilities.argmax(axis=1)],
            }
            for mixture, probabilities in _mixtures(trained, [data.messages[i] for i in checked]).items()
        ]
        with results.open("a", encoding="utf-8") as file:
            file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        accuracy = np.mean(np.array(rows[0]["truth"]) == np.array(rows[0]["predicted"]))
        print(f"{name}, seed {seed}, fold {fold}: accuracy {accuracy:.3f}, {seconds} s", flush=True)


def _mixtures(trained: Ulmfit, messages: Sequence[Message]) -> dict[str, NDArray[np.float32]]:
    """By name, what all classifiers say together (no name), each alone, those of each direction, and one of each."""
    part = trained.part_
    texts = [trained.context.rules.with_segment(message.text, message.segment) for message in messages]
    alone = {
        (direction, place): PooledLstm(
            part.tokenizer, {direction: [graph]}, part.max_tokens, part.n_labels
        ).predict_proba(texts)
        for direction, graphs in part.graphs.items()
        for place, graph in enumerate(graphs, start=1)
    }
    found = {"": np.mean(list(alone.values()), axis=0)}
    if len(alone) == 1:
        return found
    for (direction, place), probabilities in alone.items():
        found[f": {direction} {place}"] = probabilities
        for of_these, key in ((f": {direction}", direction), (f": both {place}", place)):
            found[of_these] = np.mean([said for one, said in alone.items() if key in one], axis=0)
    return found


def _shared(variant: Variant, seed: int, messages: Sequence[Message], place: Workspace) -> tuple[SharedInputs, Context]:
    rules = TextRules.of_language(place.settings.language)
    folder = place.language_models
    if variant.without:
        rules = _Stripped(rules, variant.without)
    # A language model of its own for what changes it; sentence vectors are the same for all.
    what = (len(messages), variant.without, variant.encoder, variant.adaptation_epochs, variant.characters_a_piece)
    changes = " ".join(map(str, (*what, variant.base.name if variant.base else "")))
    shared = folder
    folder = folder / re.sub(r"\W+", "-", changes).strip("-")
    for name in ("vectors", "encoders"):
        if (shared / name).exists() and not (folder / name).exists():
            shutil.copytree(shared / name, folder / name)
    chosen = {
        "directions": variant.directions,
        "encoder": variant.encoder,
        "language_model": "none",
        "adaptation_epochs": variant.adaptation_epochs,
        "tuned_encoder": False,
    }
    bases: dict[str, LanguageModel] = {"forward": LanguageModel.load(variant.base)} if variant.base else {}
    context = Context(rules, seed, place.settings.language, folder, chosen={"ulmfit.v1": chosen})
    with mock.patch.object(start, "_CHARS_A_PIECE", variant.characters_a_piece):
        return run_to_end(gather(context, messages, bases)), context


def _some(messages: Sequence[Message], n_most: int) -> list[Message]:
    if not n_most or n_most >= len(messages):
        return list(messages)
    return [messages[i] for i in np.random.default_rng(0).permutation(len(messages))[:n_most]]


def _rows(results: Path) -> list[dict[str, object]]:
    if not results.exists():
        return []
    return [json.loads(line) for line in results.read_text("utf-8").splitlines()]


def _report(results: Path, place: Workspace, n_unlabelled: int, reference: str) -> None:
    by_variant: dict[str, dict[object, list[dict[str, object]]]] = {}
    for row in _rows(results):
        if row["unlabelled"] == n_unlabelled:
            by_variant.setdefault(str(row["variant"]), {}).setdefault(row["seed"], []).append(row)
    table = []
    for name, by_seed in by_variant.items():
        figures = [_figures(rows) for rows in by_seed.values()]
        accuracy, macro_f1, seconds = np.array(figures).T
        spread = f" ({' '.join(f'{value:.3f}' for value in accuracy)})" if len(figures) > 1 else ""
        against = _against(by_variant.get(_like(name, reference), {}), by_seed)
        table.append(
            (name, f"{accuracy.mean():.3f}{spread}", f"{macro_f1.mean():.3f}", against, f"{seconds.mean():.0f}")
        )
    titles = ("variant", "accuracy (seeds)", "macro-F1", f"accuracy against {reference}", "seconds a fold")
    print_rows(f"{place.folder.resolve().name}, {machine()}", titles, table)


def _like(name: str, reference: str) -> str:
    """The title of the reference whose split and batches are those of a variant."""
    return ", ".join([reference, *name.split(", ")[1:]])


def _against(reference: dict[object, list[dict[str, object]]], by_seed: dict[object, list[dict[str, object]]]) -> str:
    """The difference, paired, over the folds that both have, with its 95 % interval."""
    known = {(row["seed"], row["fold"]): row for rows in reference.values() for row in rows}
    rows = [row for rows in by_seed.values() for row in rows if (row["seed"], row["fold"]) in known]
    if not rows:
        return ""
    others = [known[row["seed"], row["fold"]] for row in rows]
    found = differences(_all(rows, "truth"), [_all(rows, "predicted")], [_all(others, "predicted")])["accuracy"]
    return f"{found.value:+.3f} ({found.low:+.3f} to {found.high:+.3f})"


def _all(rows: Sequence[dict[str, object]], what: str) -> list[str]:
    return [label for row in rows for label in row[what]]  # type: ignore[attr-defined]


def _figures(rows: Sequence[dict[str, object]]) -> tuple[float, float, float]:
    truth, predicted = _all(rows, "truth"), _all(rows, "predicted")
    accuracy = float(np.mean(np.array(truth) == np.array(predicted)))
    seconds = float(np.mean([row["seconds"] for row in rows]))
    return accuracy, float(f1_score(truth, predicted, average="macro")), seconds


if __name__ == "__main__":
    main()
