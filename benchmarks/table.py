"""What benchmarks print."""

import os
import platform
from collections.abc import Sequence


def machine() -> str:
    """The machine, in words."""
    return f"{len(os.sched_getaffinity(0))} cores of {platform.machine()}, Python {platform.python_version()}"


def print_rows(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table in Markdown, ready for docs/EXPERIMENTS.md."""
    print(title)
    print()
    print("| " + " | ".join(columns) + " |")
    print("|" + "---|" * len(columns))
    for row in rows:
        print("| " + " | ".join(row) + " |")
