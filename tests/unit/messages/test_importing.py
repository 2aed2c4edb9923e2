import shutil
import signal
import subprocess
import sys
import unicodedata
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.engine import URL

from firstline.errors import DatesUnclear, FileUnreadable, StoreUnusable, WorkspaceBusy
from firstline.messages.importing import import_file
from firstline.settings.model import EmailsSettings
from firstline.store.messages import count_by_class, disagreements
from firstline.store.schema import classes, message_ids
from firstline.store.workspace import Workspace
from tests.postgres import NewDatabase, Server, on_sqlite_alone, workspace_on
from tests.unit.messages.reading import run_import, stored

INTERRUPTED = """
import os, signal, sys
from pathlib import Path
from firstline.messages.importing import import_file
from firstline.store.workspace import Workspace

workspace = Workspace.find(Path(sys.argv[1]))
with workspace.hold("messages", "import"):
    for number, _ in enumerate(import_file(workspace, Path(sys.argv[2]), {})):
        if number == 1:
            os.kill(os.getpid(), signal.SIGKILL)
"""
HOLDING = """
import sys
from pathlib import Path
from firstline.store.workspace import Workspace

with Workspace.find(Path(sys.argv[1])).hold("messages", "import"):
    print("held", flush=True)
    sys.stdin.read()
"""
ON_A_FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from firstline.errors import FirstlineError
from firstline.store.workspace import Workspace
from tests.postgres import NewDatabase, Server, on_sqlite_alone, workspace_on
from tests.unit.messages.reading import run_import

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
try:
    run_import(Workspace.find(Path(sys.argv[1])), Path(sys.argv[2]))
except FirstlineError as error:
    print(error.code, error.message, error.next_step)
"""


def written(tmp_path: Path, content: str, name: str = "a.csv") -> Path:
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    return path


def many(tmp_path: Path, rows: int) -> Path:
    lines = (f"сообщение {n} о том и о сём,{'карта' if n % 3 else 'перевод'}\n" for n in range(rows))
    return written(tmp_path, "text,label\n" + "".join(lines), "many.csv")


@pytest.fixture
def clean(new_database: NewDatabase, tmp_path: Path) -> Iterator[Workspace]:
    """A second workspace, for what one clean run gives."""
    made = workspace_on(new_database(), tmp_path / "clean")
    yield made
    made.database.dispose()


def test_messages_with_segments_and_labels_are_stored(workspace: Workspace, tmp_path: Path) -> None:
    report = run_import(workspace, written(tmp_path, "text,label,segment\nраз,карта,vip\nдва,,\n"))
    assert stored(workspace) == [("два", None, None), ("раз", "vip", "карта")]
    assert (report.n_new, report.n_labelled, report.segments) == (2, 1, {"vip": 1})


def test_the_same_file_again_changes_nothing(workspace: Workspace, tmp_path: Path) -> None:
    path = written(tmp_path, "text,label\nраз,карта\nдва,\n")
    run_import(workspace, path)
    before = stored(workspace)
    report = run_import(workspace, path)
    assert stored(workspace) == before
    assert (report.n_new, report.n_known, report.n_new_labelled) == (0, 2, 0)


def test_texts_of_another_file_are_known(workspace: Workspace, tmp_path: Path) -> None:
    run_import(workspace, written(tmp_path, "text\nраз\nдва\n"))
    report = run_import(workspace, written(tmp_path, "text\nдва\nтри\n", "b.csv"))
    assert (report.n_new, report.n_known) == (1, 1)


@on_sqlite_alone
def test_texts_that_differ_in_blanks_and_form_alone_are_one(workspace: Workspace, tmp_path: Path) -> None:
    forms = ["мой счёт", "  мой \t счёт ", unicodedata.normalize("NFD", "мой счёт"), "мой\u200b счёт"]
    report = run_import(workspace, written(tmp_path, "text\n" + "\n".join(forms) + "\n", "a.csv"), text="text")
    assert stored(workspace) == [("мой счёт", None, None)]
    assert (report.n_new, report.n_repeated) == (1, 3)


def test_one_text_of_two_segments_is_two_messages(workspace: Workspace, tmp_path: Path) -> None:
    run_import(workspace, written(tmp_path, "text,segment\nраз,vip\nраз,\n"))
    assert len(stored(workspace)) == 2


def test_one_text_with_two_labels_is_a_disagreement(workspace: Workspace, tmp_path: Path) -> None:
    report = run_import(workspace, written(tmp_path, "text,label\nраз,карта\nраз,перевод\nраз,карта\n"))
    with workspace.database.connect() as connection:
        (found,) = disagreements(connection)
    assert (found.text, found.labels) == ("раз", ("карта", "перевод"))
    assert (report.n_new, report.n_disagreements) == (1, 1)


def test_a_later_file_labels_a_message_that_is_there(workspace: Workspace, tmp_path: Path) -> None:
    run_import(workspace, written(tmp_path, "text\nраз\n"))
    report = run_import(workspace, written(tmp_path, "text,label\nраз,карта\n", "b.csv"))
    assert (report.n_new, report.n_new_labelled) == (0, 1)


def test_classes_grow_with_the_labels(workspace: Workspace, tmp_path: Path) -> None:
    run_import(workspace, written(tmp_path, "text,label\nраз,карта\nдва,перевод\nтри,карта\n"))
    with workspace.database.connect() as connection:
        assert count_by_class(connection) == {"карта": 2, "перевод": 1}


@on_sqlite_alone
def test_a_class_outside_the_fixed_list_is_rejected(workspace: Workspace, tmp_path: Path) -> None:
    text = workspace.settings_file.read_text("utf-8").replace("fixed = []", 'fixed = ["моя  карта"]')
    workspace.settings_file.write_text(text, "utf-8")
    fixed = Workspace.find(workspace.folder)
    report = run_import(fixed, written(tmp_path, "text,label\nраз,моя карта\nдва,перевод\nтри,\n"))
    assert stored(fixed) == [("раз", None, "моя карта"), ("три", None, None)]
    assert report.rejects_file is not None
    rejects = Path(report.rejects_file).read_text("utf-8")
    assert "3,the class is not in the fixed list" in rejects
    assert "перевод" not in rejects
    fixed.database.dispose()


@on_sqlite_alone
def test_bad_rows_stop_nothing(workspace: Workspace, tmp_path: Path) -> None:
    report = run_import(workspace, written(tmp_path, 'text,id\nраз,1\n,2\nтри\n"че,4\nпять,5\n'))
    assert [text for text, _, _ in stored(workspace)] == ["пять", "раз"]
    assert (report.n_rows, report.n_rejected) == (5, 3)


@on_sqlite_alone
@pytest.mark.parametrize("content", ["text,id\n", "text,id\n,1\n,2\n"])
def test_a_file_without_a_row_of_use_is_an_error(workspace: Workspace, tmp_path: Path, content: str) -> None:
    with pytest.raises(FileUnreadable, match=r"no rows|none of its 2 rows can be used; the first, line 2: no text"):
        run_import(workspace, written(tmp_path, content))


@on_sqlite_alone
def test_a_file_that_breaks_half_way_leaves_the_store_as_it_was(workspace: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(("text\n" + "слово\n" * 30_000).encode("utf-16") + b"\x00")
    with pytest.raises(FileUnreadable, match="is not utf-16"):
        run_import(workspace, path)
    assert stored(workspace) == []


def test_an_import_that_is_given_up_leaves_the_store_as_it_was(workspace: Workspace, tmp_path: Path) -> None:
    importing = import_file(workspace, many(tmp_path, 6_000), {})
    next(importing)
    importing.close()
    assert stored(workspace) == []


@on_sqlite_alone
def test_conversations_are_joined_and_the_first_message_is_stored(workspace: Workspace, tmp_path: Path) -> None:
    path = written(tmp_path, "chat,who,text,тема\n1,bot,Привет,\n1,я,раз,карта\n2,я,два,\n1,bot,ответ,\n1,я,ещё,\n")
    report = run_import(workspace, path, ("BOT",), conversation="chat", author="who")
    assert stored(workspace) == [("два", None, None), ("раз", None, "карта")]
    assert report.n_rows == 2


@on_sqlite_alone
def test_a_class_outside_the_list_rejects_its_whole_conversation(workspace: Workspace, tmp_path: Path) -> None:
    text = workspace.settings_file.read_text("utf-8").replace("fixed = []", 'fixed = ["карта"]')
    workspace.settings_file.write_text(text, "utf-8")
    fixed = Workspace.find(workspace.folder)
    path = written(tmp_path, "chat,who,text,label\n1,я,раз,другое\n1,я,два,\n2,я,три,карта\n2,bot,ответ,\n")
    run_import(fixed, path, ("bot",), conversation="chat", author="who")
    assert stored(fixed) == [("три", None, "карта")]
    fixed.database.dispose()


def test_killed_and_run_again_is_one_clean_run(workspace: Workspace, clean: Workspace, tmp_path: Path) -> None:
    path = many(tmp_path, 12_000)
    done = subprocess.run([sys.executable, "-c", INTERRUPTED, str(workspace.folder), str(path)])
    assert done.returncode == -signal.SIGKILL
    assert stored(workspace) == []
    with workspace.hold("messages", "import"):
        run_import(workspace, path)
    run_import(clean, path)
    assert stored(workspace) == stored(clean)


@on_sqlite_alone
def test_a_second_import_is_told_who_holds_the_workspace(workspace: Workspace) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDING, str(workspace.folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        with pytest.raises(WorkspaceBusy) as caught, workspace.hold("messages", "import"):
            pass
        holder.kill()
    assert f"in use by 'firstline import' (process {holder.pid}, since" in caught.value.message


def test_a_full_disk_is_an_error_and_leaves_the_store_as_it_was(tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path / "w", "ru")
    run_import(workspace, written(tmp_path, "text\nраз\n"))
    workspace.database.dispose()
    code = [sys.executable, "-c", ON_A_FULL_DISK, str(workspace.folder), str(many(tmp_path, 20_000))]
    done = subprocess.run(code, capture_output=True, text=True, cwd=Path(__file__).parents[3])
    assert done.stdout.startswith("store_unusable"), done.stdout + done.stderr
    assert [text for text, _, _ in stored(workspace)] == ["раз"]


def test_a_store_that_cannot_be_written_is_an_error(workspace: Workspace, tmp_path: Path) -> None:
    with workspace.database.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE labels RENAME TO others")
    with pytest.raises(StoreUnusable, match=r"no such table|relation \"labels\" does not exist"):
        run_import(workspace, written(tmp_path, "text\nраз\n"))


def test_a_connection_that_is_lost_half_way_leaves_the_store_as_it_was(
    postgres: Server, prepared: URL, tmp_path: Path
) -> None:
    workspace = workspace_on(prepared, tmp_path / "w")
    path = many(tmp_path, 12_000)
    importing = import_file(workspace, path, {})
    next(importing)
    postgres.end_connections(prepared)
    with pytest.raises(
        StoreUnusable, match=r"terminating connection|closed the connection|connection is lost"
    ) as caught:
        for _ in importing:
            pass
    assert "is unchanged" in caught.value.next_step
    assert stored(workspace) == []
    assert run_import(workspace, path).n_new == 12_000


def test_imports_of_two_workspaces_into_one_database_are_both_there(prepared: URL, tmp_path: Path) -> None:
    first = workspace_on(prepared, tmp_path / "a")
    (tmp_path / "b").mkdir()
    shutil.copy(first.folder / "workspace.key", tmp_path / "b")
    places = [first, workspace_on(prepared, tmp_path / "b")]
    path = many(tmp_path, 6_000)
    with ThreadPoolExecutor(2) as pool:
        reports = list(pool.map(lambda place: run_import(place, path), places))
    assert sorted(report.n_new for report in reports) == [0, 6_000]
    assert len(stored(places[0])) == 6_000


EMAILS = 'text,label\n"Где карта?\n\nС уважением,\nАнна",Карта\n"Где\nперевод?",Перевод\n'


def test_emails_are_cut_and_counted(workspace: Workspace, tmp_path: Path) -> None:
    report = run_import(workspace, written(tmp_path, EMAILS))
    assert report.n_cut == 1
    assert {text for text, _, _ in stored(workspace)} == {"Где карта?", "Где перевод?"}


def test_emails_stay_whole_if_the_team_says_so(workspace: Workspace, tmp_path: Path) -> None:
    settings = workspace.settings.model_copy(update={"emails": EmailsSettings(cut_quotes=False)})
    report = run_import(replace(workspace, settings=settings), written(tmp_path, EMAILS))
    assert report.n_cut == 0
    assert ("Где карта? С уважением, Анна", None, "Карта") in stored(workspace)


def with_settings(workspace: Workspace, old: str, new: str) -> Workspace:
    text = workspace.settings_file.read_text("utf-8")
    assert old in text
    workspace.settings_file.write_text(text.replace(old, new), "utf-8")
    return Workspace.find(workspace.folder)


def kinds(workspace: Workspace) -> dict[str, str]:
    with workspace.database.connect() as connection:
        return dict(connection.execute(select(classes.c.name, classes.c.kind)).all())


@on_sqlite_alone
def test_labels_that_mean_none_of_the_classes_are_stored_as_such(workspace: Workspace, tmp_path: Path) -> None:
    team = with_settings(workspace, "none = []", 'none = ["Прочее"]')
    report = run_import(team, written(tmp_path, "text,label\nраз,Карты\nдва,Прочее\n"))
    assert kinds(team) == {"Карты": "normal", "Прочее": "none"}
    assert (report.n_labelled, report.n_none) == (2, 1)
    team.database.dispose()


@on_sqlite_alone
def test_the_next_import_follows_a_changed_setting(workspace: Workspace, tmp_path: Path) -> None:
    file = written(tmp_path, "text,label\nраз,Карты\nдва,Прочее\n")
    run_import(workspace, file)
    team = with_settings(workspace, "none = []", 'none = ["Карты"]')
    run_import(team, file)
    assert kinds(team) == {"Карты": "none", "Прочее": "normal"}
    team.database.dispose()


@on_sqlite_alone
def test_a_label_of_none_is_allowed_beside_a_fixed_list(workspace: Workspace, tmp_path: Path) -> None:
    team = with_settings(workspace, "fixed = []", 'fixed = ["Карты"]')
    team = with_settings(team, "none = []", 'none = ["-"]')
    report = run_import(team, written(tmp_path, "text,label\nраз,Карты\nдва,-\nтри,Вход\n"))
    assert stored(team) == [("два", None, "-"), ("раз", None, "Карты")]
    assert report.n_rejected == 1
    team.database.dispose()


@on_sqlite_alone
def test_placeholders_are_no_labels_segments_or_ids(workspace: Workspace, tmp_path: Path) -> None:
    run_import(workspace, written(tmp_path, "id,text,label,segment\n\\N,раз,NULL,N/A\n\\N,два,None,-\n"))
    assert stored(workspace) == [("два", None, None), ("раз", None, None)]
    with workspace.database.connect() as connection:
        assert connection.execute(select(message_ids.c.external_id)).all() == []


@on_sqlite_alone
def test_several_labels_in_a_cell_are_rejected_and_counted(workspace: Workspace, tmp_path: Path) -> None:
    rows = 'раз,Карты\nдва,Вход\nтри,Карты;Вход\nчетыре,"[""Карты"", ""Вход""]"\nпять,"Ввод, вывод"\n'
    report = run_import(workspace, written(tmp_path, "text,label\n" + rows))
    assert stored(workspace) == [("два", None, "Вход"), ("пять", None, "Ввод, вывод"), ("раз", None, "Карты")]
    assert report.reject_reasons == {"several labels in one cell": 2}


@on_sqlite_alone
def test_the_whole_column_decides_where_the_month_is(workspace: Workspace, tmp_path: Path) -> None:
    rows = "К,клиент,02/11/2026 10:00,сперва\nК,бот,03/01/2026 10:00,ответ\nК,клиент,03/28/2026 10:00,потом\n"
    said = {"conversation": "chat", "author": "who", "sent_at": "time"}
    report = run_import(workspace, written(tmp_path, "chat,who,time,text\n" + rows), agents=["бот"], **said)
    assert [text for text, _, _ in stored(workspace)] == ["сперва"]
    assert report.dates == "month first, since line 4 has no other reading"


@on_sqlite_alone
def test_dates_that_nobody_can_tell_store_nothing(workspace: Workspace, tmp_path: Path) -> None:
    with pytest.raises(DatesUnclear):
        run_import(workspace, written(tmp_path, "text,date\nраз,02/03/2026\n"))
    assert stored(workspace) == []


TELEGRAM = """{"name": "x", "type": "personal_chat", "id": 8, "messages": [
  {"id": 1, "type": "message", "date": "2026-01-02T10:00:00", "from": "Ольга", "from_id": "user1", "text": ["а", "б"]},
  {"id": 2, "type": "message", "date": "2026-01-02T10:01:00", "from": "Банк", "from_id": "user2", "text": "да"}]}"""


@on_sqlite_alone
def test_telegram_without_the_name_of_support_is_read_one_by_one_and_asks(workspace: Workspace, tmp_path: Path) -> None:
    report = run_import(workspace, written(tmp_path, TELEGRAM, "result.json"))
    assert [text for text, _, _ in stored(workspace)] == ["аб", "да"]
    assert "--agent-values" in report.notes[0]
    assert "Ольга" not in str(report)


@on_sqlite_alone
def test_telegram_with_the_name_of_support_is_conversations(workspace: Workspace, tmp_path: Path) -> None:
    report = run_import(workspace, written(tmp_path, TELEGRAM, "result.json"), agents=["Банк"])
    assert [text for text, _, _ in stored(workspace)] == ["аб"]
    assert report.is_conversation
    assert report.notes == ()
