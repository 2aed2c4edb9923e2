"""A workspace: a folder with `firstline.toml`, a database and `models/`."""

import json
import os
import shlex
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from firstline.errors import WorkspaceBusy, WorkspaceError, WorkspaceExists, WorkspaceMissing
from firstline.settings import FILE_NAME, Settings, read_settings, settings_text
from firstline.store.private import make_private, remove_abandoned, restrict
from firstline.text.rules import nfc, white_space
from firstline.types import Label

if TYPE_CHECKING:
    from sqlalchemy import Engine

DATABASE_FILE = "firstline.db"
FOLDERS = ("models", "imports", ".locks")
_GITIGNORE = (
    "/firstline.db*\n/workspace.key\n/keys.json\n/.keys.json.lock\n/models/\n/runs/\n/searches/\n/language-models/\n"
    "/imports/\n/reports/\n/tmp/\n/.locks/\n"
)


@dataclass(frozen=True)
class Workspace:
    """An open workspace. Opening it reads only its settings."""

    folder: Path
    settings: Settings

    @classmethod
    def create(cls, folder: Path, language: str) -> "Workspace":
        """Create a workspace in `folder`, which may exist.

        Raises `WorkspaceExists` if it already is a workspace, `WorkspaceError` if it cannot be created.
        """
        file = folder / FILE_NAME
        text = settings_text(language)
        if file.exists():
            raise WorkspaceExists(f"{folder} is already a workspace.", "Use it as it is, or name another folder.")
        try:
            for name in FOLDERS:
                (folder / name).mkdir(parents=True, exist_ok=True)
            if not (folder / ".gitignore").exists():
                (folder / ".gitignore").write_text(_GITIGNORE, encoding="utf-8")
            unfinished = folder / (FILE_NAME + ".new")
            unfinished.write_text(text, encoding="utf-8")
            cls(folder, read_settings(unfinished))._begin()
            unfinished.replace(file)
        except OSError as error:
            raise WorkspaceError(
                f"A workspace cannot be created in {folder}: {error.strerror}.",
                "Name another folder, or free some space.",
            ) from None
        return cls(folder, read_settings(file))

    def _begin(self) -> None:
        """Create the database and the key of a new workspace."""
        from firstline.store.database import writing
        from firstline.store.key import open_key

        try:
            with writing(self.database) as connection:
                open_key(self.folder, connection)
        finally:
            self.database.dispose()

    @classmethod
    def find(cls, folder: Path | None = None) -> "Workspace":
        """The workspace in `folder`. Without `folder`, the nearest one at or above the current folder.

        Raises `WorkspaceMissing`, or `SettingsInvalid` if its settings cannot be read.
        """
        if folder is not None:
            if not (folder / FILE_NAME).is_file():
                raise WorkspaceMissing(
                    f"{folder} has no {FILE_NAME}.", f"Run: firstline init {shlex.quote(str(folder))}"
                )
            return cls(folder, read_settings(folder / FILE_NAME))
        here = Path.cwd()
        for place in (here, *here.parents):
            if (place / FILE_NAME).is_file():
                return cls(place, read_settings(place / FILE_NAME))
        raise WorkspaceMissing(
            f"No {FILE_NAME} in {here} or above it.",
            "Go to your workspace, name it with --workspace, or create one: firstline init DIR",
        )

    def with_settings(self, settings: Settings) -> "Workspace":
        """The same workspace with other settings, on the same connections."""
        other = Workspace(self.folder, settings)
        other.__dict__["database"] = self.database
        return other

    @property
    def settings_file(self) -> Path:
        return self.folder / FILE_NAME

    @property
    def models(self) -> Path:
        return self.folder / "models"

    @property
    def runs(self) -> Path:
        """Results of `firstline train`, fold by fold."""
        return self.folder / "runs"

    @property
    def searches(self) -> Path:
        """Trials of `firstline search`."""
        return self.folder / "searches"

    @property
    def reports(self) -> Path:
        """Pages that `firstline report` writes. They quote messages."""
        return self.folder / "reports"

    @property
    def notebooks(self) -> Path:
        """The team's own training notebooks."""
        return self.folder / "notebooks"

    @property
    def records(self) -> Path:
        """Answers that `firstline serve` has recorded, with their texts."""
        return self.folder / self.settings.serving.record_folder

    @property
    def language_models(self) -> Path:
        """What candidates learn without labels: adapted language models and sentence vectors."""
        return self.folder / "language-models"

    @property
    def none_classes(self) -> frozenset[Label]:
        """The labels that mean none of the classes, as they are stored."""
        return frozenset(white_space(nfc(name)) for name in self.settings.classes.none)

    @property
    def always_review(self) -> frozenset[Label]:
        """The classes whose messages always go to people, as they are stored."""
        return frozenset(white_space(nfc(name)) for name in self.settings.decisions.always_review)

    @property
    def temporary(self) -> Path:
        """Where `temporary_folder` creates folders. Their files may contain messages."""
        return self.folder / "tmp"

    @property
    def has_database(self) -> bool:
        """Whether a database exists. If not, `database` would create one, and a serving machine needs none."""
        return bool(self.settings.database.url) or (self.folder / DATABASE_FILE).exists()

    @cached_property
    def database(self) -> "Engine":
        """The database, opened on first use. Raises `StoreUnusable`."""
        return self._open()

    def keep_connections(self) -> None:
        """Open the database with connections that stay open, for a process that asks many times a second.

        Raises `StoreUnusable`.
        """
        if (before := self.__dict__.pop("database", None)) is not None:
            before.dispose()
        self.__dict__["database"] = self._open(keeps_connections=True)

    def _open(self, *, keeps_connections: bool = False) -> "Engine":
        # Imported here, because a service needs no database and the import takes a sixth of its start.
        from sqlalchemy.engine import URL

        from firstline.store.database import open_database

        if url := self.settings.database.url:
            return open_database(url, keeps_connections=keeps_connections)
        file = self.folder / DATABASE_FILE
        # SQLite gives the files it adds next to the database the same mode.
        with suppress(OSError):
            _make_database(file)
        return open_database(URL.create("sqlite", database=str(file)))

    @contextmanager
    def hold(self, what: str, command: str) -> Iterator[None]:
        """Lock `what` ("messages", "models") for one writing command.

        Raises `WorkspaceBusy`, which names the command that holds the lock, its process and since when. The lock of a
        killed process is released.
        """
        folder = self.folder / ".locks"
        holder = folder / f"{what}.holder.json"
        lock = FileLock(folder / f"{what}.lock", timeout=0)
        try:
            folder.mkdir(exist_ok=True)
            lock.acquire()
        except Timeout:
            raise WorkspaceBusy(
                _held_by(holder, self.folder), "Wait until it has finished, then run this again."
            ) from None
        except OSError as error:
            raise _unwritable(self.folder, error) from None
        try:
            held = {"command": command, "process": os.getpid(), "since": time.strftime("%H:%M:%S")}
            try:
                holder.write_text(json.dumps(held), encoding="utf-8")
            except OSError as error:
                raise _unwritable(self.folder, error) from None
            with suppress(OSError):
                remove_abandoned(self.temporary)
            yield
        finally:
            holder.unlink(missing_ok=True)
            lock.release()


def _make_database(file: Path) -> None:
    """Create the file with mode 600, or set the mode of an existing one, without opening that.

    If a process closes any descriptor of a file, all its locks on the file are gone, those of SQLite too. Another
    process would then delete the log that this one still writes to. Raises `OSError`.
    """
    if file.exists():
        restrict(file)
    else:
        make_private(file)


def _unwritable(folder: Path, error: OSError) -> WorkspaceError:
    return WorkspaceError(
        f"The workspace {folder} cannot be written to: {error.strerror}.", "Check its permissions and the free space."
    )


def _held_by(holder: Path, folder: Path) -> str:
    try:
        held = json.loads(holder.read_text(encoding="utf-8"))
        return (
            f"The workspace {folder} is in use by 'firstline {held['command']}'"
            f" (process {held['process']}, since {held['since']})."
        )
    except (OSError, ValueError, KeyError):
        return f"The workspace {folder} is in use by another command."
