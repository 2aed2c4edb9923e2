"""`firstline backup` and `firstline restore`."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from firstline.cli.options import JsonOption, WorkspaceOption
from firstline.cli.output import agreeing, counted, next_command, note, print_json, say, size

if TYPE_CHECKING:
    from firstline.backup.archive import BackupCard


def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The archive to write; it ends in .tar or .tar.gz.")],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace FILE if it exists.")] = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the workspace to one archive: messages, labels, settings, keys, models, runs.

    Other commands and the service may run meanwhile. The archive holds personal data and the workspace's key. Not in
    it are recorded answers, and what can be made again: reports, searches, language models.
    """
    from firstline.backup.writing import write_backup
    from firstline.store.workspace import Workspace

    place = Workspace.find(workspace)
    done = write_backup(place, file, may_overwrite=overwrite)
    for warning in done.warnings:
        note(f"Warning: {warning}")
    if as_json:
        found = {"file": str(file), "size_bytes": done.size_bytes, "n_messages": done.n_messages}
        print_json({**found, "champion": done.champion, **_told(done.card), "warnings": done.warnings})
        return
    holds = f"{counted(done.n_messages, 'message')}, {_counts(done.card)}"
    say(f"{file}: {size(done.size_bytes)}, with {holds}; champion: {done.champion or 'none'}")
    say("It holds personal data, so keep it as safe as the workspace.")
    say(f"To check it: firstline restore {shlex.quote(str(file))} --check")


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="An archive that `firstline backup` wrote.")],
    folder: Annotated[
        Path | None,
        typer.Option("--workspace", "-w", metavar="DIR", help="The new workspace; an empty folder, or a new one."),
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Only check the archive; restore nothing.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Make a workspace from an archive of `firstline backup`.

    Every file is checked before the workspace is there. If the settings, or FIRSTLINE_DATABASE__URL, name a PostgreSQL
    database, the messages go there; it must be empty.
    """
    from firstline.backup.reading import open_backup
    from firstline.backup.restoring import restore_backup
    from firstline.errors import UsageError

    if (folder is None) is not check:
        raise UsageError("Name the new workspace, or check the archive.", "Add --workspace DIR, or --check.")
    if folder is None:
        with open_backup(file) as opened:
            opened.check()
            card = opened.card
    else:
        card = restore_backup(file, folder)
    if as_json:
        print_json({"file": str(file), "workspace": str(folder) if folder else None, **_told(card)})
        return
    made = f"made by Firstline {card.firstline} at {card.created_at} (UTC)"
    if folder is None:
        say(f"{file} is whole: {agreeing(len(card.files), 'file', 'has', 'have')} the right hash; {made}.")
        say(f"To restore it: firstline restore {shlex.quote(str(file))} --workspace DIR")
        return
    say(f"{folder} is restored from {file}, {made}: {_counts(card)}.")
    say(f"Next: {next_command(folder, 'status')}")


def _counts(card: "BackupCard") -> str:
    return f"{counted(len(card.models), 'model')}, {counted(card.n_runs, 'run')}"


def _told(card: "BackupCard") -> dict[str, object]:
    return {
        "firstline": card.firstline,
        "schema": card.schema,
        "created_at": card.created_at,
        "n_files": len(card.files),
        "models": card.models,
        "n_runs": card.n_runs,
    }
