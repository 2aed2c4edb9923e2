"""`firstline train`: candidates compete by cross-validation, the best becomes a bundle.

A generator: it yields events and ends with the report, and its caller draws, stops or saves.
"""

import hashlib
import platform
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from firstline.bundle.files import size_bytes, write_bundle
from firstline.bundle.manifest import Calibration, Manifest, MaskPatterns, Measured, Metrics, Training
from firstline.bundle.parts import load_part
from firstline.bundle.predictor import Predictor, calibrate
from firstline.bundle.registry import champion_id, promote
from firstline.evaluation.calibration import calibration_error, fit_temperature
from firstline.evaluation.latency import latency_ms
from firstline.evaluation.metrics import Figures, score
from firstline.settings import Settings
from firstline.store.messages import Labelled
from firstline.text.masks import MASKS_VERSION
from firstline.text.rules import TextRules
from firstline.training.candidates import find_candidate
from firstline.training.candidates.base import Candidate, Context, Note, Stage
from firstline.training.search.crossval import Fold, cross_validate, usable_folds
from firstline.types import Label

_LIBRARIES = ("numpy", "scipy", "scikit-learn", "torch", "fastai", "onnxruntime", "firstline")


@dataclass(frozen=True)
class Step:
    """One fold or refit is done; `done` counts them over all candidates, of `total`."""

    what: str
    done: int
    total: int


@dataclass(frozen=True)
class Row:
    """One candidate in the table."""

    candidate: str
    figures: Figures
    calibration: Calibration
    calibration_error: float
    calibration_error_before: float
    training_s: float
    latency_ms: dict[str, float]
    size_bytes: int


@dataclass(frozen=True)
class TrainReport:
    """What a training did. `is_new` is false where the same model was there already."""

    rows: list[Row]
    model: Manifest
    is_new: bool
    is_champion: bool
    champion: str
    n_messages: int
    n_classes: int
    folds: int
    seed: int


TrainEvent: TypeAlias = Note | Stage | Step | Row


def train(
    data: Labelled,
    settings: Settings,
    models: Path,
    candidates: Sequence[str],
    folds: int,
    seed: int,
    language_models: Path | None = None,
    report: Callable[[Stage], None] = lambda stage: None,
) -> Generator[TrainEvent, None, TrainReport]:
    """Compare `candidates`, refit the best by macro-F1 on all labels and write it as a bundle.

    It becomes champion if there is none. `language_models` is the folder that keeps what candidates
    learn without labels; `report` is told how far a single fit has come. Raises `TrainingError`.
    """
    champion = champion_id(models)
    kinds = {name: find_candidate(name) for name in dict.fromkeys(candidates)}
    context = Context(
        TextRules.of_language(settings.language), seed, settings.language, settings.ulmfit, language_models, report
    )
    folds, notes = usable_folds(data.labels, folds)
    if data.n_disagreements:
        notes.insert(0, f"{data.n_disagreements} messages with two labels are left out until one is chosen")
    yield from map(Note, notes)
    total = len(kinds) * folds + 1
    rows: list[Row] = []
    makers: dict[str, Callable[[], Candidate]] = {}
    for place, (name, kind) in enumerate(kinds.items()):
        makers[name] = make = yield from kind.prepare(context, [*data.messages, *data.unlabelled])
        held_out: list[Fold] = []
        for fold in cross_validate(make, data.messages, data.labels, data.unlabelled, folds, seed):
            held_out.append(fold)
            yield Step(f"{name}, fold {fold.number} of {folds}", place * folds + fold.number, total)
        rows.append(_row(name, held_out, data, settings, seed))
        yield rows[-1]
    best = max(rows, key=lambda row: row.figures.macro_f1)
    started = time.perf_counter()
    fitted = makers[best.candidate]().fit(data.messages, data.labels, data.unlabelled)
    draft = _manifest(best, fitted, data, settings, folds, seed, time.perf_counter() - started)
    model = write_bundle(models, draft, fitted.export)
    if champion is None:
        promote(models, model.id)
        champion = model.id
    yield Step(f"{best.candidate}, on all labels", total, total)
    return TrainReport(
        rows=rows,
        model=model,
        is_new=model.measured.created_at == draft.measured.created_at,
        is_champion=champion == model.id,
        champion=champion,
        n_messages=len(data.messages),
        n_classes=len(fitted.labels_),
        folds=folds,
        seed=seed,
    )


def _row(name: str, folds: Sequence[Fold], data: Labelled, settings: Settings, seed: int) -> Row:
    names = sorted(set(data.labels))
    truth = _places(data.labels, names)
    probabilities = np.zeros((len(truth), len(names)), np.float32)
    learned = np.zeros(len(truth), np.bool_)
    for fold in folds:
        probabilities[fold.held_out] = fold.probabilities
        learned[fold.held_out] = fold.learned[truth[fold.held_out]]
    predicted = [names[place] for place in probabilities.argmax(axis=1)]
    calibration = fit_temperature(probabilities[learned], truth[learned])
    last = folds[-1]
    with TemporaryDirectory() as folder:
        kind = last.fitted.export(Path(folder))
        draft = _draft(name, last.fitted, data, settings, calibration)
        predictor = Predictor(draft, load_part(kind, Path(folder), len(last.fitted.labels_)))
        measured = latency_ms(predictor, [data.messages[index] for index in last.held_out])
        size = size_bytes(Path(folder))
    return Row(
        candidate=name,
        figures=score(data.labels, predicted, seed),
        calibration=calibration,
        calibration_error=calibration_error(calibrate(probabilities, calibration), truth),
        calibration_error_before=calibration_error(probabilities, truth),
        training_s=round(sum(fold.seconds for fold in folds), 2),
        latency_ms=measured,
        size_bytes=size,
    )


def _draft(name: str, fitted: Candidate, data: Labelled, settings: Settings, calibration: Calibration) -> Manifest:
    """A manifest without id, parts and figures."""
    patterns = tuple((item.kind, item.pattern) for item in settings.masking.patterns)
    return Manifest(
        id="",
        candidate=name,
        language=settings.language,
        labels=tuple(fitted.labels_),
        segments=tuple(sorted({message.segment for message in data.messages if message.segment})),
        text_rules=TextRules.of_language(settings.language).names,
        masks=MaskPatterns(MASKS_VERSION, patterns),
        parts=(),
        calibration=calibration,
        metrics=None,
        training=None,
        measured=Measured(datetime.now(UTC).isoformat(timespec="milliseconds")),
    )


def _manifest(
    row: Row, fitted: Candidate, data: Labelled, settings: Settings, folds: int, seed: int, refit_s: float
) -> Manifest:
    figures = row.figures
    draft = _draft(row.candidate, fitted, data, settings, row.calibration)
    return msgspec.structs.replace(
        draft,
        metrics=Metrics(
            method=f"{folds}-fold cross-validation, seed {seed}",
            n_messages=figures.n_messages,
            accuracy=figures.accuracy,
            macro_f1=figures.macro_f1,
            macro_precision=figures.macro_precision,
            intervals=dict(figures.intervals),
            per_class=dict(figures.per_class),
            calibration_error=row.calibration_error,
            calibration_error_before=row.calibration_error_before,
        ),
        training=Training(
            n_messages=len(data.messages),
            n_unlabelled=len(data.unlabelled),
            data_fingerprint=fingerprint(data),
            folds=folds,
            seed=seed,
            candidate_settings=fitted.describe(),
            settings=settings.model_dump(mode="json", exclude={"database"}),
            libraries={"python": platform.python_version(), **_versions(_LIBRARIES)},
        ),
        measured=Measured(draft.measured.created_at, row.training_s, round(refit_s, 2), row.latency_ms),
    )


def fingerprint(data: Labelled) -> str:
    """SHA-256 over all messages and labels in their order."""
    digest = hashlib.sha256()
    for message, label in zip(data.messages, data.labels, strict=True):
        digest.update(f"{message.segment or ''}\x00{message.text}\x00{label}\x01".encode())
    for message in data.unlabelled:
        digest.update(f"{message.segment or ''}\x00{message.text}\x01".encode())
    return digest.hexdigest()


def _versions(names: Sequence[str]) -> dict[str, str]:
    """Of those packages that are installed: `linear.v1` needs no torch."""
    found = {}
    for name in names:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def _places(labels: Sequence[Label], names: Sequence[Label]) -> NDArray[np.int64]:
    place = {name: index for index, name in enumerate(names)}
    return np.array([place[label] for label in labels], np.int64)
