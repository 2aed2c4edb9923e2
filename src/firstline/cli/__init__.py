"""The command line: each command parses, calls a plain function and prints what it returns."""

import logging
import os
import sys
import warnings
from typing import Annotated, TextIO

import typer

from firstline import __version__
from firstline.cli import (
    adapt,
    advise,
    backup,
    champions,
    classes,
    classify,
    console,
    decide,
    evaluate,
    export,
    forget,
    import_,
    init,
    jobs,
    keys,
    languages,
    mask,
    pretrain,
    report,
    retrain,
    runs,
    search,
    serve,
    status,
    stress,
    suspects,
    train,
    users,
    worker,
)
from firstline.cli.commands import Command, Group
from firstline.cli.output import note, print_error
from firstline.errors import FirstlineError, OldSetting, kind_of, trace_of
from firstline.neural.memory import is_out_of_memory

_INTERRUPTED = 130

app = typer.Typer(
    name="firstline",
    cls=Group,
    help="Sorts incoming support messages into your own classes, on your own machines.",
    no_args_is_help=True,
    invoke_without_command=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


@app.callback()
def root(
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.", is_eager=True)] = False,
) -> None:
    """Sorts incoming support messages into your own classes, on your own machines."""
    if version:
        typer.echo(__version__)
        raise typer.Exit


app.command("init", cls=Command)(init.init)
app.command("import", cls=Command)(import_.import_)
app.command("export", cls=Command)(export.export)
app.command("status", cls=Command)(status.status)
app.add_typer(classes.app, name="classes")
app.command("mask", cls=Command)(mask.mask)
app.command("forget", cls=Command)(forget.forget)
app.command("backup", cls=Command)(backup.backup)
app.command("restore", cls=Command)(backup.restore)
app.command("advise", cls=Command)(advise.advise)
app.command("train", cls=Command)(train.train)
app.command("retrain", cls=Command)(retrain.retrain)
app.command("worker", cls=Command)(worker.worker)
app.add_typer(jobs.app, name="jobs")
app.command("suspects", cls=Command)(suspects.suspects)
app.add_typer(runs.app, name="runs")
app.command("search", cls=Command)(search.search)
app.command("adapt", cls=Command)(adapt.adapt)
app.command("pretrain", cls=Command)(pretrain.pretrain)
app.add_typer(languages.app, name="languages")
app.command("evaluate", cls=Command)(evaluate.evaluate)
app.command("report", cls=Command)(report.report)
app.command("classify", cls=Command)(classify.classify)
app.command("decide", cls=Command)(decide.decide)
app.add_typer(champions.app, name="models")
app.command("serve", cls=Command)(serve.serve)
app.add_typer(keys.app, name="keys")
app.command("console", cls=Command)(console.console)
app.add_typer(users.app, name="users")
app.command("stress", cls=Command)(stress.stress)


def main() -> None:
    """Run a command. Exit codes: 0 done, 1 the input or the state is wrong, 2 wrong usage, 3 not promoted,
    130 interrupted.
    """
    # ONNX Runtime reads this when it is imported.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    # It warns of a lost connection, which Firstline reports as an error.
    logging.getLogger("psycopg").setLevel(logging.ERROR)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    warnings.showwarning = _shown
    try:
        app()
    except FirstlineError as error:
        print_error(error.message, error.next_step)
        sys.exit(error.exit_code)
    except SystemExit as end:
        if end.code == _INTERRUPTED:
            print_error("Stopped.", "")
        raise
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        print_error(
            f"{where}{error.strerror or kind_of(error)}.", "Check the path, its permissions and the free space."
        )
        sys.exit(1)
    except Exception as error:
        if is_out_of_memory(error):
            print_error("Out of memory.", "Close other programs, or use a machine with more memory.")
        else:
            # Without the error's own text, which may quote a message.
            print_error(f"Firstline has a bug: {kind_of(error)}.", f"Report it with this:\n{trace_of(error)}")
        sys.exit(1)


def _shown(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Prints a warning about an old setting as a note, and any other warning as Python does."""
    if issubclass(category, OldSetting):
        note(str(message))
    else:
        (file or sys.stderr).write(warnings.formatwarning(message, category, filename, lineno, line))
