"""`firstline search`."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from firstline.cli.options import JsonOption, WorkspaceOption
from firstline.cli.output import counted, duration, figure, next_command, note, print_json, print_table, say
from firstline.cli.places import DaskOption, cluster, workers
from firstline.steps import run_to_end
from firstline.training import require_training

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from rich.table import Table

    from firstline.search.evolution import Generation
    from firstline.search.search import Checked, SearchEvent, SearchReport
    from firstline.search.trials import Trials
    from firstline.store.workspace import Workspace
    from firstline.training.place import Bench

    Show = Callable[[SearchEvent], None]

_N_SHOWN = 5
_PLOT_FILE = "search.svg"


def search(
    candidate: Annotated[str, typer.Option(metavar="NAME", help="The candidate to find settings for.")],
    minutes: Annotated[
        float | None,
        typer.Option(
            min=0.01, help="How long to search, not counting the check of the best. Default: until nothing improves."
        ),
    ] = None,
    folds: Annotated[
        int | None,
        typer.Option(min=2, max=20, help="Number of folds in each evaluation. Default: as in firstline.toml."),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(
            min=0, max=2**32 - 1, help="The same data and seed give the same result. Default: as in firstline.toml."
        ),
    ] = None,
    dask: DaskOption = None,
    apply: Annotated[bool, typer.Option("--apply", help="Write better settings into firstline.toml.")] = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Search for better settings of a candidate, by evolution and cross-validation."""
    from firstline.store.workspace import Workspace

    place = Workspace.find(workspace)
    named = {"candidate": candidate, "minutes": minutes, "folds": folds, "seed": seed, "dask": dask}
    again = " ".join(["search", *(f"--{name} {value}" for name, value in named.items() if value is not None)])
    require_training()
    require_search()
    from firstline.messages.masked_again import mask_again
    from firstline.search.evolution import Plan
    from firstline.search.search import search as run
    from firstline.search.search import search_folder, unsearched
    from firstline.search.trials import Trials
    from firstline.training.candidates import find_candidate

    settings = place.settings
    find_candidate(candidate)
    with place.hold("searches", "search"), _says_how_to_go_on():
        mask_again(place)
        bench = _bench(place, candidate, folds, seed)
        folder = search_folder(place.searches, bench, settings)
        trials = Trials(folder)
        if len(trials):
            note(f"resumes with {counted(len(trials), 'trial')} from {folder}")
        plan = Plan(settings.search.population, settings.search.generations, settings.search.patience, seed=bench.seed)
        where = cluster(dask, settings, is_timed=True) if dask is not None else workers(settings)
        with where as found, _shown(as_json, trials) as show:
            report = run_to_end(run(bench, plan, trials, found, minutes), show)
        _draw(report, folder)
        is_applied = apply and _apply(report, place, unsearched(bench))
    if as_json:
        print_json({**_as_json(report), "is_applied": is_applied, "folder": str(folder)})
    else:
        _print(report, folder, is_applied, workspace, again)


def _bench(place: "Workspace", candidate: str, folds: int | None, seed: int | None) -> "Bench":
    """The folds to evaluate on; notes thin classes. The settings decide `folds` and `seed` if they are None."""
    from firstline.store.messages import read_for_training
    from firstline.training.candidates.base import Context
    from firstline.training.folds import usable_folds
    from firstline.training.place import Bench

    settings = place.settings
    data = read_for_training(place.database, place.none_classes)
    seed = seed if seed is not None else settings.training.seed
    n_folds, notes = usable_folds(data.labels, folds if folds is not None else settings.training.folds)
    for text in notes:
        note(text)
    return Bench(candidate, data, Context.of(settings, seed, place.language_models, place.folder), n_folds, seed)


def require_search() -> None:
    """Raises `ExtraMissing` if DEAP or pebble is not installed."""
    from importlib.util import find_spec

    from firstline.errors import ExtraMissing

    if not all(find_spec(name) for name in ("deap", "pebble")):
        raise ExtraMissing("Searching", "search")


@contextmanager
def _says_how_to_go_on() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        note("To resume, run the same command again; finished evaluations are saved.")
        raise


@contextmanager
def _shown(quiet: bool, trials: "Trials") -> "Iterator[Show]":
    """Shows trials and generations as they come: a live table on a terminal, otherwise a line for each generation."""
    from rich.console import Console
    from rich.live import Live

    from firstline.search.evolution import Generation

    console = Console(stderr=True)
    course = _Course(trials)
    if quiet or not console.is_terminal:

        def say_it(event: "SearchEvent") -> None:
            course.take(event)
            if isinstance(event, Generation) and not quiet:
                note(course.sentence())

        yield say_it
        return
    with Live(course.table(), console=console, transient=True, auto_refresh=False) as live:

        def draw(event: "SearchEvent") -> None:
            course.take(event)
            live.update(course.table(), refresh=True)

        yield draw


class _Course:
    """The progress of a search."""

    def __init__(self, trials: "Trials") -> None:
        self._started = time.monotonic()
        self._kept = trials
        self._n_before = len(trials)
        self._n_trials = 0
        self._generations: list[Generation] = []

    def take(self, event: "SearchEvent") -> None:
        from firstline.search.evolution import Trial

        if isinstance(event, Trial):
            self._n_trials += 1
        else:
            self._generations.append(event)

    def sentence(self) -> str:
        """The last generation in words."""
        last = self._generations[-1]
        gone = [f"{last.n_stopped} stopped early"] if last.n_stopped else []
        gone += [f"{last.n_failed} failed"] if last.n_failed else []
        return (
            f"generation {last.number}: best macro-F1 {figure(last.best.outcome.score)}, mean {figure(last.mean)};"
            f" {', '.join([f'{last.n_new} new', *gone])}; {self._rate()}"
        )

    def table(self) -> "Table":
        """The last generations, and how many trials there were."""
        from rich import box
        from rich.table import Table

        table = Table(box=box.SIMPLE, pad_edge=False, caption=f"{self._n_trials:,} trials, {self._rate()}")
        for name in ("generation", "best macro-F1", "mean", "new", "stopped", "failed"):
            table.add_column(name, justify="right")
        for one in self._generations[-10:]:
            counts = (one.n_new, one.n_stopped, one.n_failed)
            table.add_row(str(one.number), figure(one.best.outcome.score), figure(one.mean), *map(str, counts))
        return table

    def _rate(self) -> str:
        minutes = max((time.monotonic() - self._started) / 60, 1 / 60)
        # What was known before costs nothing.
        return f"{(len(self._kept) - self._n_before) / minutes:.1f} evaluations a minute"


def _draw(report: "SearchReport", folder: Path) -> None:
    from firstline.search.plot import plot_svg

    if report.generations:
        svg = plot_svg(report.candidate, report.default.outcome.score, report.generations)
        (folder / _PLOT_FILE).write_text(svg, encoding="utf-8")


def _apply(report: "SearchReport", place: "Workspace", stays: "Collection[str]") -> bool:
    """Write the best settings if they are better on other folds too; returns whether they are. `stays` are kept."""
    from firstline.settings import remember_candidate

    checked = report.checked
    if checked is None or checked.gain.value <= 0:
        return False
    why = (
        f"From firstline search on {date.today().isoformat()}, {report.n_trials} trials: macro-F1"
        f" {figure(checked.best)} instead of {figure(checked.default)} on other folds, {_difference(checked)}."
    )
    remember_candidate(place.settings_file, report.candidate, report.changed, why, stays)
    return True


def _print(report: "SearchReport", folder: Path, is_applied: bool, workspace: Path | None, again: str) -> None:
    """`again` is the command that was given, without the workspace."""
    from firstline.search.evolution import spelled
    from firstline.search.search import searched
    from firstline.search.space import defaults_of

    defaults = defaults_of(searched(report.candidate))
    # The best may come from a generation that time cut off.
    trials = {spelled(trial.settings): trial for trial in (report.best, *report.population)}
    shown = sorted(trials.values(), key=lambda trial: -trial.outcome.score)[:_N_SHOWN]
    rows = [
        (
            figure(trial.outcome.score),
            _spelled({name: value for name, value in trial.settings.items() if value != defaults[name]})
            + (" (current)" if trial.settings == report.default.settings else ""),
            duration(trial.outcome.seconds),
        )
        for trial in shown
    ]
    print_table(("macro-F1", "settings other than the defaults", "time"), rows, ("macro-F1", "time"))
    done = f"{counted(report.n_trials, 'trial')}, {counted(len(report.generations), 'generation')}"
    say(f"{done}, saved in {folder}")
    if not report.is_finished:
        say("Time was up before the last generation was complete; the same command resumes.")
    if report.generations:
        say(f"Plot: {folder / _PLOT_FILE}")
    if report.best.settings == report.default.settings:
        say(
            f"No settings beat the current ones of {report.candidate}, macro-F1 {figure(report.default.outcome.score)}."
        )
        return
    say(f"Best: {_spelled(report.changed)}")
    if report.checked is None:
        say("It could not be checked on other folds.")
        return
    say(_checked(report.checked))
    if is_applied:
        say("Written into firstline.toml.")
        say(f"Next: {next_command(workspace, 'train')}")
    elif report.checked.gain.value > 0:
        say(f"Next: {next_command(workspace, f'{again} --apply')}")
    else:
        say("On other folds they are not better, so firstline.toml is unchanged.")


def _checked(checked: "Checked") -> str:
    chance = "; that may be chance" if checked.gain.low <= 0 < checked.gain.value else ""
    return (
        f"On other folds: macro-F1 {figure(checked.best)} instead of {figure(checked.default)},"
        f" a difference of {_difference(checked)}{chance}"
    )


def _difference(checked: "Checked") -> str:
    gain = checked.gain
    return f"{gain.value:+.3f} ({gain.low:+.3f} to {gain.high:+.3f})"


def _spelled(settings: "Mapping[str, object]") -> str:
    return ", ".join(f"{name} = {str(value).lower()}" for name, value in settings.items()) or "none"


def _as_json(report: "SearchReport") -> dict[str, object]:
    checked = report.checked
    return {
        "candidate": report.candidate,
        "best": {"settings": report.best.settings, "macro_f1": report.best.outcome.score},
        "default": {"settings": report.default.settings, "macro_f1": report.default.outcome.score},
        "changed": report.changed,
        "checked": checked
        and {
            "macro_f1": checked.best,
            "default_macro_f1": checked.default,
            "gain": checked.gain.value,
            "interval": (checked.gain.low, checked.gain.high),
        },
        "n_trials": report.n_trials,
        "n_generations": len(report.generations),
        "is_finished": report.is_finished,
        "population": [
            {"settings": trial.settings, "macro_f1": trial.outcome.score, "problem": trial.outcome.problem}
            for trial in report.population
        ],
    }
