"""What searching brings: python -m benchmarks.search_methods --workspace DIR --minutes 5 --seeds 0,1,2

DEAP (`firstline search`), Optuna's TPE with as many evaluations, and TPOT (`tpot.v1`) with as many minutes, each
against the defaults of `linear.v1` and `forest.v1`. Everything is judged by cross-validation on folds that no
search has seen. Each line is kept in a file as it is known, so a run that was stopped goes on.
"""

import argparse
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import optuna
from sklearn.metrics import f1_score

from benchmarks.table import machine, print_rows
from firstline.processes import n_usable_cores
from firstline.search.evaluating import Outcome, TrialTask, evaluate
from firstline.search.evolution import Plan
from firstline.search.search import search, searched
from firstline.search.space import Value, defaults_of
from firstline.search.trials import Trials
from firstline.search.workers import Limits, Workers, memory_share
from firstline.settings.file import read_settings
from firstline.steps import run_to_end
from firstline.store.messages import read_for_training
from firstline.store.workspace import Workspace
from firstline.training.candidates.base import Context
from firstline.training.candidates.class_names import WithClassNames, names_for
from firstline.training.candidates.ranges import Choice, Decimal, Integer
from firstline.training.candidates.tpot.candidate import Tpot, TpotSettings
from firstline.training.folds import Folds
from firstline.training.place import Bench, Task

_CANDIDATES = ("linear.v1", "forest.v1")
_OTHER_FOLDS = 1_000
_EVALUATION_S = 600.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workspace", type=Path, required=True)
    parser.add_argument("--results", type=Path, required=True, help="a JSONL file that keeps what is known")
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--folds", type=int, default=3)
    parser.add_argument("--seeds", default="0,1,2")
    arguments = parser.parse_args()
    place = Workspace.find(arguments.workspace)
    settings = read_settings(arguments.workspace / "firstline.toml")
    data = read_for_training(place.database)
    for seed in map(int, arguments.seeds.split(",")):
        context = Context.of(settings, seed)
        for candidate in _CANDIDATES:
            _compare(Bench(candidate, data, context, arguments.folds, seed), arguments.minutes, arguments.results)
        bench = Bench("tpot.v1", data, context, arguments.folds, seed)
        _once(arguments.results, bench, "TPOT", partial(_tpot, bench, arguments.minutes))
    _report(arguments.results, arguments.minutes)


def _compare(bench: Bench, minutes: float, results: Path) -> None:
    """The defaults, DEAP for so long, and TPE with as many evaluations as DEAP had time for."""
    defaults = defaults_of(searched(bench.candidate))
    _once(results, bench, "defaults", lambda: {**_judged(bench, defaults), "n": 1, "settings": defaults})
    found = _once(results, bench, "DEAP", lambda: _deap(bench, minutes))
    _once(results, bench, "TPE", lambda: _tpe(bench, found["n"]))


def _once(results: Path, bench: Bench, method: str, measure: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What the file has of it, or what is measured now."""
    what = {"candidate": bench.candidate, "seed": bench.seed, "method": method}
    for row in _rows(results):
        if what.items() <= row.items():
            return row
    started = time.perf_counter()
    row = {**what, **measure(), "seconds": round(time.perf_counter() - started, 1)}
    with results.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row, ensure_ascii=False) + "\n")
    print(row, flush=True)
    return row


def _deap(bench: Bench, minutes: float) -> dict[str, Any]:
    with TemporaryDirectory() as folder, _workers() as workers:
        plan = Plan(generations=1_000, patience=1_000, seed=bench.seed)
        report = run_to_end(search(bench, plan, Trials(Path(folder)), workers, minutes))
    best = report.best.settings
    return {**_judged(bench, best), "n": report.n_trials, "seen": report.best.outcome.score, "settings": dict(best)}


def _tpe(bench: Bench, n_trials: int) -> dict[str, Any]:
    """As many at a time as there are workers; no evaluation is given up early, and the defaults come first."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(
        direction="maximize", sampler=optuna.samplers.TPESampler(seed=bench.seed, constant_liar=True)
    )
    study.enqueue_trial(defaults_of(searched(bench.candidate)))
    with _workers() as workers:
        for start in range(0, n_trials, workers.n_workers):
            trials = [study.ask() for _ in range(min(workers.n_workers, n_trials - start))]
            trial_of: dict[Task[Outcome], optuna.Trial] = {
                TrialTask(_suggested(bench.candidate, trial)): trial for trial in trials
            }
            for evaluation, outcome in workers.run(bench, list(trial_of)):
                study.tell(trial_of[evaluation], outcome.score)
    best = dict(study.best_params)
    return {**_judged(bench, best), "n": n_trials, "seen": study.best_value, "settings": best}


def _suggested(candidate: str, trial: optuna.Trial) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for name, dimension in searched(candidate).items():
        match dimension:
            case Integer():
                found[name] = trial.suggest_int(name, dimension.low, dimension.high)
            case Decimal():
                found[name] = trial.suggest_float(name, dimension.low, dimension.high, log=dimension.is_log)
            case Choice():
                option = trial.suggest_categorical(name, list(dimension.options))
                assert option is not None
                found[name] = option
    return found


def _tpot(bench: Bench, minutes: float) -> dict[str, Any]:
    """Searches anew in each fold, so what is compared is the whole method."""
    other = replace(bench, seed=bench.seed + _OTHER_FOLDS)
    guesses = np.zeros(len(bench.truth), np.int64)
    words: list[str] = []
    n_tried = 0
    context, data = bench.context, bench.data
    names = names_for(context, data)

    def make() -> WithClassNames:
        return WithClassNames(Tpot(context, TpotSettings(population=24, generations=1_000, minutes=minutes)), names)

    for fold in Folds(data, other.folds, 1, other.seed).train_all(make):
        guesses[fold.held_out] = fold.probabilities.argmax(axis=1)
        if isinstance(fold.fitted, Tpot):
            words.append(fold.fitted.found_.words)
            n_tried += fold.fitted.found_.n_tried
    return {**_figures(bench.truth, guesses), "n": n_tried // other.folds, "settings": words}


def _judged(bench: Bench, settings: Mapping[str, Value]) -> dict[str, float]:
    """On other folds."""
    outcome = evaluate(replace(bench, seed=bench.seed + _OTHER_FOLDS), settings)
    return _figures(bench.truth, np.array(outcome.guesses))


def _figures(truth: Any, guesses: Any) -> dict[str, float]:
    macro_f1 = f1_score(truth, guesses, average="macro", zero_division=0)
    return {"accuracy": float((truth == guesses).mean()), "macro_f1": float(macro_f1)}


def _workers() -> Workers:
    n_workers = n_usable_cores()
    return Workers(Limits(_EVALUATION_S, memory_share(n_workers)), n_workers)


def _report(results: Path, minutes: float) -> None:
    rows = _rows(results)
    lines = []
    for candidate, method in dict.fromkeys((row["candidate"], row["method"]) for row in rows):
        own = sorted((row for row in rows if (row["candidate"], row["method"]) == (candidate, method)), key=_seed)
        mean = [float(np.mean([row[name] for row in own])) for name in ("accuracy", "macro_f1")]
        by_seed = " / ".join(f"{row['macro_f1']:.3f}" for row in own)
        n_tried = f"{np.mean([row['n'] for row in own]):.0f}"
        lines.append([candidate, method, n_tried, f"{mean[0]:.3f} / {mean[1]:.3f}", by_seed])
    columns = ["candidate", "search", "evaluations", "accuracy / macro-F1", "macro-F1 by seed"]
    print_rows(f"{minutes:g} minutes a search; {machine()}", columns, lines)


def _seed(row: Mapping[str, Any]) -> int:
    return int(row["seed"])


def _rows(results: Path) -> list[dict[str, Any]]:
    if not results.exists():
        return []
    return [json.loads(line) for line in results.read_text("utf-8").splitlines()]


if __name__ == "__main__":
    main()
