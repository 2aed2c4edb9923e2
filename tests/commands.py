"""Running the command `firstline` as a user does, in this process or in one of its own."""

import io
import subprocess
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pytest

from firstline.cli import main


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    returncode: int
    stdout: str
    stderr: str


Run = Callable[..., Done]


def run_here(*arguments: object, cwd: Path | None = None) -> Done:
    """Run the command in this process: one of its own takes seconds to load PyTorch."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setattr(sys, "argv", ["firstline", *map(str, arguments)])
        if cwd is not None:
            patch.chdir(cwd)
        try:
            main()
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
    return Done(code, out.getvalue(), err.getvalue())


def run_process(*arguments: object, code: str = "", cwd: Path | None = None) -> Done:
    """Run the command in a process of its own; `code` is Python that stands before it."""
    program = ["-c", f"{code}\nfrom firstline.cli import main; main()"] if code else ["-m", "firstline"]
    done = subprocess.run(
        [sys.executable, *program, *map(str, arguments)], capture_output=True, encoding="utf-8", cwd=cwd
    )
    return Done(done.returncode, done.stdout, done.stderr)
