"""What commands print: tables and sentences on standard output, progress and errors on standard error."""

import re
import shlex
import shutil
import sys
import textwrap
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID
    from rich.table import Table

    from firstline.steps import Stage

WIDTH_WITHOUT_TERMINAL = 120
WIDE = 100
_WIDEST = 1_000
_GLUE = "\u00a0"
"""A blank at which no line is broken: in a command that a person copies. It is printed as a blank."""

_INSTALLATION = re.compile(r"pip install --no-index --find-links DIR [^\s,]+")

_WRAPPED = frozenset(
    {
        "class",
        "remark",
        "settings other than the defaults",
        "text, masked",
        "what belongs there",
        "what it found",
        "why",
        "why this is too few",
    }
)
"""Columns whose cells may take several lines."""

_SAY_EVERY_S = 30.0
_MOST_LISTED = 5
_SHOWN_CHARS = 90


def say(text: str) -> None:
    """Print one line on standard output; a terminal wraps it between words."""
    print(_fitted(text, sys.stdout))


def note(text: str) -> None:
    """Print as `say` does, on standard error: what a person should know and a script need not read."""
    print(_fitted(text, sys.stderr), file=sys.stderr)


def print_text(text: str) -> None:
    """A text as it is, on standard output."""
    print(text)


def print_error(message: str, next_step: str) -> None:
    """What is wrong, and what to do next."""
    note(f"Error: {message}")
    if next_step:
        note(next_step)


def _fitted(text: str, stream: TextIO) -> str:
    """The text in lines that fit the terminal, if `stream` is one. Words and commands stay whole."""
    if stream.isatty():
        text = _INSTALLATION.sub(lambda found: found[0].replace(" ", _GLUE), text)
        width = shutil.get_terminal_size().columns
        text = "\n".join(part for line in text.split("\n") for part in _folded(line, width))
    return text.replace(_GLUE, " ")


def _folded(line: str, width: int) -> list[str]:
    indent = line[: len(line) - len(line.lstrip())] + "  "
    return textwrap.wrap(
        line, max(width, 20), subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    ) or [""]


def print_json(value: object) -> None:
    """Any answer as JSON, in UTF-8."""
    print(json_text(value))


def json_text(value: object) -> str:
    import msgspec

    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[str] = ()) -> None:
    """Print a table; the columns in `right` are right-aligned. It fits a terminal of 80 columns.

    If it is too wide, the columns move closer together, and sentences and class names wrap.
    """
    from rich.console import Console
    from rich.measure import Measurement

    console = Console()
    width = console.width if console.is_terminal else max(console.width, WIDTH_WITHOUT_TERMINAL)
    table = _table(columns, rows, right, gap=3)
    options = console.options.update(max_width=_WIDEST)
    if Measurement.get(console, options, table).maximum > width:
        table = _table(columns, rows, right, gap=2)
    # A figure that is cut off is worse than a line that wraps.
    Console(width=max(width, Measurement.get(console, options, table).minimum)).print(table)


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[str], gap: int) -> "Table":
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE, pad_edge=False, header_style="bold", padding=(0, 1, 0, gap - 2))
    for name in columns:
        is_whole = name not in _WRAPPED
        table.add_column(name, justify="right" if name in right else "left", overflow="fold", no_wrap=is_whole)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    return table


def is_narrow() -> bool:
    """Whether this is a terminal too narrow for a wide table."""
    from rich.console import Console

    console = Console()
    return console.is_terminal and console.width < WIDE


@contextmanager
def progress(quiet: bool = False) -> Iterator["Progress"]:
    """A progress bar with the time left, on standard error; hidden if that is not a terminal."""
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
    """Shows the progress of a long step on a line of its own in `bar`, one at a time.

    Without a terminal it prints a line at the end of each stage, and one now and then in between.
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
    """After Ctrl-C, say how to resume: with the same command, `without` the option that would start over."""
    try:
        yield
    except KeyboardInterrupt:
        again = f"the same command without {without}" if without else "the same command again"
        note(f"To resume, run {again}; finished folds, sentence vectors and language models are saved.")
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
    """`1 message`, `1,068 messages`, `2 classes`."""
    ending = "" if number == 1 else "es" if noun.endswith("s") else "s"
    return f"{number:,} {noun}{ending}"


def agreeing(number: int, noun: str, verb: str, verb_of_many: str) -> str:
    """`1 row has`, `3 rows have`."""
    return f"{counted(number, noun)} {verb if number == 1 else verb_of_many}"


def without_name(reason: str, name: str) -> str:
    """A reason without the name of the candidate, for a line that begins with it."""
    if reason.startswith(f"{name} "):
        return reason.removeprefix(name).lstrip()
    return reason[:1].lower() + reason[1:] if reason.startswith("It ") else reason


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


def shortened(text: str) -> str:
    """A text on one line, at most 90 characters of it."""
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN_CHARS else line[: _SHOWN_CHARS - 3] + "..."


def next_command(workspace: Path | None, command: str) -> str:
    """A command to run next, with the workspace that the caller named; no line is broken in it."""
    whole = f"firstline {command}" + (f" --workspace {shlex.quote(str(workspace))}" if workspace else "")
    return whole.replace(" ", _GLUE)


def _share(value: float) -> str:
    rounded = f"{value:.3f}"
    return "1.00" if rounded == "1.000" else rounded.removeprefix("0")
