"""What commands print: tables and sentences on standard output, progress and errors on standard error."""

import shlex
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from firstline.steps import Stage

WIDTH_WITHOUT_TERMINAL = 120
WIDE = 100
_WIDEST = 1_000
_SAY_EVERY_S = 30.0
_MOST_LISTED = 5


def say(text: str) -> None:
    """One line on standard output."""
    print(text)


def note(text: str) -> None:
    """One line on standard error: what a person should know, and a script need not read."""
    print(text, file=sys.stderr)


def print_error(message: str, next_step: str) -> None:
    """What is wrong, and what to do next."""
    print(f"Error: {message}", file=sys.stderr)
    if next_step:
        print(next_step, file=sys.stderr)


def print_json(value: object) -> None:
    """Any answer as JSON, in UTF-8."""
    print(json_text(value))


def json_text(value: object) -> str:
    import msgspec

    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[str] = ()) -> None:
    """A table; columns named in `right` are set to the right."""
    from rich import box
    from rich.console import Console
    from rich.measure import Measurement
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE, pad_edge=False, header_style="bold")
    for name in columns:
        table.add_column(name, justify="right" if name in right else "left", overflow="fold", no_wrap=name != "class")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    console = Console()
    # A figure that is cut off is worse than a line that wraps.
    needed = Measurement.get(console, console.options.update(max_width=_WIDEST), table).maximum
    least = 0 if console.is_terminal else WIDTH_WITHOUT_TERMINAL
    Console(width=max(console.width, least, needed)).print(table)


def is_narrow() -> bool:
    """Whether this is a terminal too narrow for a wide table."""
    from rich.console import Console

    console = Console()
    return console.is_terminal and console.width < WIDE


@contextmanager
def progress(quiet: bool = False) -> Iterator["Progress"]:
    """A progress bar with the time left, on standard error; none where that is not a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=quiet or not console.is_terminal,
    ) as bar:
        yield bar


def stages(bar: "Progress") -> Callable[["Stage"], None]:
    """Shows how far a long step has come: a line of its own in `bar`, one at a time.

    Where there is no terminal, a line on standard error at the end of a stage, and now and then in between.
    """
    shown: dict[str, TaskID] = {}
    said_at: dict[str, float] = {}

    def show(stage: "Stage") -> None:
        text = stage.what + (f": {stage.detail}" if stage.detail else "")
        if bar.disable:
            is_over = stage.done == stage.total
            if stage.what not in said_at:
                said_at[stage.what] = time.monotonic()
                if not is_over:
                    note(f"{stage.what} ...")
            if is_over or time.monotonic() - said_at[stage.what] > _SAY_EVERY_S:
                said_at[stage.what] = time.monotonic()
                note(f"{stage.done:,} of {stage.total:,}, {text}")
            return
        if stage.what not in shown:
            for finished in shown.values():
                bar.remove_task(finished)
            shown.clear()
            shown[stage.what] = bar.add_task(text)
        bar.update(shown[stage.what], description=text, completed=stage.done, total=stage.total)

    return show


@contextmanager
def says_how_to_go_on(without: str = "") -> Iterator[None]:
    """For commands that keep what they have done: what to do after Ctrl-C, `without` what would begin anew."""
    try:
        yield
    except KeyboardInterrupt:
        again = f"the same command without {without}" if without else "the same command again"
        note(f"To go on: {again}; sentence vectors, language model and folds that are finished are kept.")
        raise


def figure(value: float, interval: Sequence[float] | None = None) -> str:
    """`.732 (.710 to .754)`."""
    text = _share(value)
    return f"{text} ({_share(interval[0])}-{_share(interval[1])})" if interval else text


def figure_cell(value: float, interval: Sequence[float] | None) -> str:
    """A figure for a narrow column: its interval stands below."""
    return _share(value) + (f"\n{_share(interval[0])}-{_share(interval[1])}" if interval else "")


def size(size_bytes: int) -> str:
    """`2.9 MB`, `33 kB`."""
    return f"{size_bytes / 1e6:.1f} MB" if size_bytes >= 100_000 else f"{size_bytes / 1e3:.0f} kB"


def counted(number: int, noun: str) -> str:
    """`1 message`, `1,068 messages`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def listed(names: Sequence[str]) -> str:
    """`a, b, c, d, e, and 3 more`."""
    more = len(names) - _MOST_LISTED
    return ", ".join(names[:_MOST_LISTED]) + (f", and {more:,} more" if more > 0 else "")


def duration(seconds: float) -> str:
    """`40 s`, `12 min`, `3 h 05 min`."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"


def next_command(workspace: Path | None, command: str) -> str:
    """A command to run next, with the workspace that the caller named."""
    return f"firstline {command}" + (f" --workspace {shlex.quote(str(workspace))}" if workspace else "")


def _share(value: float) -> str:
    rounded = f"{value:.3f}"
    return "1.00" if rounded == "1.000" else rounded.removeprefix("0")
