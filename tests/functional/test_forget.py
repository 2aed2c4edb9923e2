"""`firstline forget`: messages go for good, and one is told what still holds something of them."""

import json
import shutil
from pathlib import Path

import pytest

from firstline.store.records import RecordedAnswer, RecordFiles, read_records
from tests.commands import Run

ROWS = "id,text,sent_at\n1,где мой заказ,2020-01-01\n2,карта не работает,2026-01-01\n3,верните деньги,2026-01-01\n"


@pytest.fixture
def shop(firstline: Run, tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    firstline("init", folder)
    (tmp_path / "crm.csv").write_text(ROWS, "utf-8")
    assert firstline("import", tmp_path / "crm.csv", "-w", folder).returncode == 0
    return folder


def n_messages(firstline: Run, workspace: Path) -> int:
    return int(json.loads(firstline("status", "--json", "-w", workspace).stdout)["n_messages"])


@pytest.mark.parametrize(
    "named",
    [("2",), ("--ids", "{folder}/ids.txt"), ("--text", "{folder}/text.txt"), ("2", "--source", "crm")],
    ids=["id", "file of ids", "text", "source"],
)
def test_what_is_forgotten_does_not_come_back(firstline: Run, shop: Path, named: tuple[str, ...]) -> None:
    (shop / "ids.txt").write_text("2\n\n", "utf-8")
    (shop / "text.txt").write_text("Карта не работает\n".lower(), "utf-8")
    done = firstline("forget", *(one.format(folder=shop) for one in named), "-w", shop)
    assert done.returncode == 0, done.stderr
    assert "1 message and 1 id forgotten." in done.stdout
    again = firstline("import", shop.parent / "crm.csv", "-w", shop)
    assert "1 row skipped: forgotten earlier" in again.stdout
    assert n_messages(firstline, shop) == 2
    content = b"".join(path.read_bytes() for path in shop.glob("firstline.db*"))
    assert "карта не работает".encode() not in content


def test_old_messages_are_forgotten(firstline: Run, shop: Path) -> None:
    assert "1 message and 1 id" in firstline("forget", "--older-than", "700d", "-w", shop).stdout
    assert n_messages(firstline, shop) == 2


def test_a_phone_as_an_id_is_forgotten_by_the_phone(firstline: Run, shop: Path) -> None:
    (shop.parent / "chat.csv").write_text("id,text\n+7 916 555-01-02,перезвоните мне\n", "utf-8")
    firstline("import", shop.parent / "chat.csv", "-w", shop)
    assert "1 message and 1 id" in firstline("forget", "+7 916 555-01-02", "-w", shop).stdout
    assert n_messages(firstline, shop) == 3


def test_runs_and_models_that_learned_from_it_are_named(firstline: Run, bank: Path) -> None:
    trained = json.loads(firstline("train", "--candidates", "linear.v1", "--folds", "2", "--json", "-w", bank).stdout)
    (bank / "text.txt").write_text("Банкомат съел карту", "utf-8")
    done = firstline("forget", "--text", bank / "text.txt", "-w", bank)
    assert f"Runs that read some of them: {trained['run']}" in done.stdout
    assert f"Models that read some of them: {trained['model']}" in done.stdout
    assert "train --fresh" in done.stdout
    other = firstline("forget", "--older-than", "1d", "-w", bank)
    assert "Nothing here matches" in other.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "Nothing to forget was named."),
        (("--older-than", "soon"), "'soon' is not a number of days"),
        (("--older-than", "0d"), "'0d' is not a number of days"),
        (("--older-than", "365"), "'365' is not a number of days"),
        (("--ids", "absent.txt"), "absent.txt cannot be read"),
    ],
)
def test_what_is_wrong_is_said(firstline: Run, shop: Path, arguments: tuple[str, ...], said: str) -> None:
    done = firstline("forget", *arguments, cwd=shop)
    assert done.returncode in (1, 2)
    assert said in done.stderr
    assert n_messages(firstline, shop) == 3


def test_an_unknown_id_forgets_nothing(firstline: Run, shop: Path) -> None:
    done = firstline("forget", "99", "-w", shop)
    assert done.returncode == 1
    assert "Nothing here matches" in done.stderr
    assert "Systems known here: crm" in done.stderr
    some = firstline("forget", "99", "2", "-w", shop)
    assert "1 id not found." in some.stdout


def test_a_rehearsal_forgets_nothing(firstline: Run, shop: Path) -> None:
    done = firstline("forget", "2", "--dry-run", "-w", shop)
    assert "1 message and 1 id would be forgotten." in done.stdout
    assert n_messages(firstline, shop) == 3


def test_a_model_whose_run_is_gone_is_named(firstline: Run, trained: Path, tmp_path: Path) -> None:
    bank = Path(shutil.copytree(trained, tmp_path / "bank"))
    shutil.rmtree(bank / "runs")
    (bank / "text.txt").write_text("Банкомат съел карту", "utf-8")
    done = json.loads(firstline("forget", "--text", bank / "text.txt", "--json", "-w", bank).stdout)
    assert (done["models"], len(done["models_that_may"])) == ([], 1)


def test_a_conversation_is_forgotten_by_its_lines(firstline: Run, shop: Path) -> None:
    (shop.parent / "chat.csv").write_text("d,who,text\n1,я,алло\n1,я,вы тут\n1,bot,да\n", "utf-8")
    told = ("--conversation", "d", "--author", "who", "--agent-values", "bot")
    assert firstline("import", shop.parent / "chat.csv", *told, "-w", shop).returncode == 0
    (shop / "text.txt").write_bytes("алло\r\nвы тут\r\n".encode())
    assert "1 message and 1 id" in firstline("forget", "--text", shop / "text.txt", "-w", shop).stdout


@pytest.mark.parametrize("source", ["+7 916 555-01-02", "ivan@mail.ru", "", " ", "a\nb", "x" * 101])
def test_a_source_that_cannot_be_used_is_refused(firstline: Run, shop: Path, source: str) -> None:
    done = firstline("import", shop.parent / "crm.csv", "--source", source, "-w", shop)
    assert done.returncode == 2
    assert "(--source) cannot be used" in done.stderr
    assert "916" not in done.stderr


def recorded(text: str, id_: str | None = None, at: str = "2026-01-01T09:00:00.000Z") -> RecordedAnswer:
    return RecordedAnswer(at, "r", "m", "Карта", 0.9, "review", "low_confidence", text, id=id_)


def record(folder: Path, *records: RecordedAnswer) -> None:
    files = RecordFiles(folder / "records", days=30)
    files.open()
    files.append(records)


def texts(folder: Path) -> list[str]:
    return [found.text for found in read_records(folder / "records")]


def test_recorded_answers_to_the_same_message_go_too(firstline: Run, shop: Path) -> None:
    record(shop, recorded("карта не работает"), recorded("верните деньги"), recorded("да", id_="2"))
    trial = firstline("forget", "2", "--dry-run", "-w", shop)
    assert "2 recorded answers would be deleted." in trial.stdout
    assert len(texts(shop)) == 3
    done = json.loads(firstline("forget", "2", "--json", "-w", shop).stdout)
    assert (done["n_messages"], done["n_records"]) == (1, 2)
    assert texts(shop) == ["верните деньги"]


def test_old_recorded_answers_are_forgotten(firstline: Run, shop: Path) -> None:
    record(shop, recorded("старое", at="2020-01-01T09:00:00.000Z"))
    assert "1 recorded answer deleted." in firstline("forget", "--older-than", "700d", "-w", shop).stdout
    assert texts(shop) == []


def test_a_serving_machine_forgets_without_a_database(firstline: Run, shop: Path) -> None:
    for file in (*shop.glob("firstline.db*"), shop / "workspace.key"):
        file.unlink()
    record(shop, recorded("карта", id_="7"), recorded("перевод", id_="8"))
    done = firstline("forget", "7", "-w", shop)
    assert "1 recorded answer deleted." in done.stdout, done.stderr
    assert texts(shop) == ["перевод"]
    assert not list(shop.glob("firstline.db*"))
    assert not (shop / "workspace.key").exists()
