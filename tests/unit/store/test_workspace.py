import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from firstline.errors import UsageError, WorkspaceBusy, WorkspaceError, WorkspaceExists, WorkspaceMissing
from firstline.store.class_changes import add_class
from firstline.store.database import writing
from firstline.store.messages import count_messages
from firstline.store.workspace import Workspace

KILLED = """
import os, signal, sys
from pathlib import Path
from firstline.store.workspace import Workspace

with Workspace.find(Path(sys.argv[1])).hold("messages", "import"):
    os.kill(os.getpid(), signal.SIGKILL)
"""

READS = """
import sqlite3, sys

connection = sqlite3.connect(sys.argv[1])
print(connection.execute("SELECT count(*) FROM classes").fetchone()[0])
connection.close()
"""


@pytest.mark.parametrize("name", ["place", "a/b/c", "с пробелом, 100% и ?#&"])
def test_a_new_workspace_has_settings_database_and_folders(tmp_path: Path, name: str) -> None:
    made = Workspace.create(tmp_path / name, "en")
    with made.database.connect() as connection:
        assert count_messages(connection) == 0
    made.database.dispose()
    assert made.settings.language == "en"
    assert {"firstline.toml", "firstline.db", "models", "imports"} <= {path.name for path in made.folder.iterdir()}


def test_a_process_that_opens_the_database_twice_loses_nothing_that_it_writes(tmp_path: Path) -> None:
    place = Workspace.create(tmp_path, "ru")
    command = [sys.executable, "-c", READS, str(tmp_path / "firstline.db")]
    with place.database.connect() as connection:
        count_messages(connection)
    Workspace.find(tmp_path).database.dispose()
    # Another process that is the last to close a SQLite database deletes its log. This one has it open.
    assert subprocess.run(command, capture_output=True, check=True).stdout.strip() == b"0"
    with writing(place.database) as connection:
        add_class(connection, "Card", "")
    assert subprocess.run(command, capture_output=True, check=True).stdout.strip() == b"1"
    place.database.dispose()


@pytest.mark.skipif(os.name != "posix", reason="Windows has no modes")
def test_only_the_owner_reads_the_database(tmp_path: Path) -> None:
    place = Workspace.create(tmp_path, "ru")
    file = tmp_path / "firstline.db"
    assert file.stat().st_mode & 0o777 == 0o600
    file.chmod(0o644)
    Workspace.find(tmp_path).database.dispose()
    assert file.stat().st_mode & 0o777 == 0o600
    place.database.dispose()


def test_a_workspace_is_not_made_twice(tmp_path: Path) -> None:
    Workspace.create(tmp_path, "ru")
    with pytest.raises(WorkspaceExists):
        Workspace.create(tmp_path, "ru")


def test_what_an_interrupted_init_left_is_no_hindrance(tmp_path: Path) -> None:
    Workspace.create(tmp_path, "ru")
    (tmp_path / "firstline.toml").rename(tmp_path / "firstline.toml.new")
    assert Workspace.create(tmp_path, "en").settings.language == "en"


def test_a_gitignore_of_the_folder_stays_and_learns_of_the_key(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("mine")
    Workspace.create(tmp_path, "ru")
    assert (tmp_path / ".gitignore").read_text() == "mine\n/workspace.key\n/tmp/\n"


def test_only_the_owner_reads_the_database_and_the_key(tmp_path: Path) -> None:
    Workspace.create(tmp_path, "ru")
    for name in ("firstline.db", "workspace.key"):
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o600


def test_a_database_of_an_earlier_version_is_closed_to_others(tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path, "ru")
    (tmp_path / "firstline.db").chmod(0o644)
    workspace.database.dispose()
    assert (tmp_path / "firstline.db").stat().st_mode & 0o777 == 0o600


def test_a_writing_command_removes_what_a_killed_one_left(tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path, "ru")
    left = workspace.temporary / "firstline-0123"
    left.mkdir(parents=True)
    with workspace.hold("messages", "import"):
        assert not left.exists()


def test_messages_are_kept_out_of_version_control_and_settings_are_not(tmp_path: Path) -> None:
    Workspace.create(tmp_path, "ru")
    ignored = (tmp_path / ".gitignore").read_text()
    assert "/firstline.db*" in ignored
    assert "toml" not in ignored


@pytest.mark.parametrize("language", ["russian", "RU", "", 'r"\n'])
def test_a_language_that_is_none_makes_nothing(tmp_path: Path, language: str) -> None:
    with pytest.raises(UsageError, match="not a language code"):
        Workspace.create(tmp_path / "a", language)
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_way_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("")
    with pytest.raises(WorkspaceError, match="cannot be created"):
        Workspace.create(tmp_path / "a", "ru")


def test_the_nearest_workspace_above_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Workspace.create(tmp_path, "ru")
    monkeypatch.chdir(tmp_path / "models")
    assert Workspace.find().folder == tmp_path


def test_a_folder_without_settings_is_no_workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(WorkspaceMissing, match=r"has no firstline\.toml"):
        Workspace.find(tmp_path)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(WorkspaceMissing, match="or above it"):
        Workspace.find()


def test_a_holder_is_named_and_leaves_nothing(tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path, "ru")
    with workspace.hold("messages", "import"):
        with pytest.raises(WorkspaceBusy, match=rf"'firstline import' \(process {os.getpid()}, since"):
            workspace.hold("messages", "import").__enter__()
        with workspace.hold("models", "train"):
            pass
    with workspace.hold("messages", "import"):
        pass
    assert not list(tmp_path.glob(".locks/*.json"))


def test_a_full_disk_is_an_error_that_names_the_workspace(tmp_path: Path) -> None:
    place = Workspace.create(tmp_path / "w", "ru")
    (tmp_path / "w" / ".locks" / "models.holder.json").symlink_to("/dev/full")
    with (
        pytest.raises(WorkspaceError, match=r"w cannot be written to: No space left on device"),
        place.hold("models", "a"),
    ):
        pass
    with place.hold("models", "b"):
        pass


def test_a_killed_process_holds_nobody(tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path, "ru")
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)])
    assert done.returncode == -signal.SIGKILL
    assert list(tmp_path.glob(".locks/*.json"))
    with workspace.hold("messages", "import"):
        pass
