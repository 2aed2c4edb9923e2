"""Importing on a page: the same bounds and the same outcome as the command, and nothing left of the file."""

import stat
from pathlib import Path

import pytest
from sqlalchemy import select

from firstline.console import uploads
from firstline.console.app import PAGES
from firstline.console.console import Console
from firstline.console.uploads import file_name
from firstline.settings import read_settings
from firstline.store.jobs import list_jobs
from firstline.store.messages import count_labels, count_messages
from firstline.store.schema import messages
from firstline.store.workspace import Workspace
from tests.commands import run_here
from tests.console import Browser, left_in
from tests.unit.console.conftest import NewBrowser

ROWS = "text,label\ncall me at +7 916 123-45-67,Card\nhello there,\n"


@pytest.fixture
def lead(browser: Browser) -> Browser:
    browser.sign_in("lena")
    return browser


def n_messages(place: Workspace) -> int:
    with place.database.connect() as connection:
        return count_messages(connection)


def test_a_file_is_looked_at_and_then_imported(browsers: NewBrowser, console_on_each: Console) -> None:
    place = console_on_each.place
    browser = browsers(console_on_each)
    browser.sign_in("lena")
    sent = browser.upload("crm.csv", ROWS.encode())
    assert sent.headers["location"] == "/import/check"
    kept = console_on_each.uploads.of(2).file
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert place.temporary in kept.parents
    look = browser.get("/import/check")
    assert look.status_code == 200
    assert "&lt;PHONE&gt;" in look.text
    assert "916" not in look.text
    assert "<b>2</b> new messages" in look.text
    assert n_messages(place) == 0
    done = browser.post("/import/run", {"column_text": "text", "column_label": "label"})
    assert done.status_code == 200
    assert "<b>2</b> new messages" in done.text
    with place.database.connect() as connection:
        assert (count_messages(connection), count_labels(connection)) == (2, 1)
        assert not any("916" in text for text in connection.execute(select(messages.c.text)).scalars())
        # One class is too few to suggest anything.
        assert list_jobs(connection) == []
    assert browser.post("/import/run").status_code == 404
    browser.upload("crm.csv", b"text,label\nanother,Card\none more,Account\n")
    browser.get("/import/check")
    assert browser.post("/import/run", {"column_text": "text", "column_label": "label"}).status_code == 200
    with place.database.connect() as connection:
        assert [(job.kind, job.asked_by) for job in list_jobs(connection)] == [("queue", "labelling")]
    console_on_each.uploads.close()
    assert left_in(place.temporary) == []


def test_columns_that_are_not_found_are_chosen_and_remembered(lead: Browser, console: Console) -> None:
    lead.upload("odd.csv", b"wert,klasse\nhello there,Card\n")
    look = lead.get("/import/check")
    assert look.status_code == 422
    assert "Choose the columns" in look.text
    assert '<option value="wert">' in look.text
    assert "/tmp/" not in look.text
    chosen = {"column_text": "wert", "column_label": "klasse"}
    again = lead.post("/import/check", chosen)
    assert again.status_code == 200
    assert '<option value="wert" selected>' in again.text
    assert lead.post("/import/run", chosen).status_code == 200
    assert n_messages(console.place) == 1
    columns = read_settings(console.place.settings_file).columns
    assert (columns.text, columns.label) == ("wert", "klasse")


def test_columns_that_were_only_found_are_not_remembered(lead: Browser, console: Console) -> None:
    lead.upload("a.csv", ROWS.encode())
    lead.get("/import/check")
    lead.post("/import/run", {"column_text": "text", "column_label": "label"})
    assert read_settings(console.place.settings_file).columns.text == ""


def test_a_file_without_a_header_and_dates_that_are_unclear(lead: Browser, console: Console) -> None:
    lead.upload("bare.csv", b"7,hello there my card is lost\n8,the cash machine is empty again\n")
    assert lead.get("/import/check").status_code == 422
    bare = {"no_header": "on", "column_text": "2"}
    assert lead.post("/import/check", bare).status_code == 200
    assert lead.post("/import/run", bare).status_code == 200
    assert n_messages(console.place) == 2
    lead.upload("dates.csv", b"text,date\nwhere is it,01/02/2026\nand this,03/04/2026\n")
    unclear = lead.get("/import/check")
    assert "Choose how dates such as 01/02/2026 are read." in unclear.text
    assert lead.post("/import/check", {"date_order": "day_first"}).status_code == 200


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.csv", b""),
        ("odd.docx", b"PK\x03\x04 no table"),
        ("noise.csv", bytes(range(256)) * 20),
        ("broken.json", b'[{"text": "a"'),
        ("broken.xlsx", b"PK\x03\x04" + b"x" * 500),
        ("broken.parquet", b"PAR1" + b"x" * 100),
        ("noname", b"text\nhello\n"),
        ("header.csv", b"text,label\n"),
        ("deep.json", b"[" * 100_000),
        ("archive.csv.gz", b"\x1f\x8b" + b"x" * 100),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_file_that_cannot_be_read_is_refused_in_words(
    lead: Browser, console: Console, name: str, content: bytes
) -> None:
    assert lead.upload(name, content).status_code == 303
    look = lead.get("/import/check")
    assert look.status_code == 422
    for found in ("Traceback", str(console.place.folder), "firstline-"):
        assert found not in look.text
    assert n_messages(console.place) == 0
    assert lead.post("/import/drop").headers["location"] == "/import"
    console.uploads.close()
    assert left_in(console.place.temporary) == []


def test_a_name_that_is_a_path_or_a_script_is_a_name(lead: Browser, console: Console) -> None:
    lead.upload("../../..\\evil/<img src=x onerror=alert(1)>.csv", ROWS.encode())
    kept = console.uploads.of(2)
    assert kept.file.parent.parent == console.place.temporary
    shown = lead.get("/import/check").text
    assert "<img" not in shown
    for given, expected in (
        ("..", "upload"),
        (".csv", "upload.csv"),
        ("a/b\\c.CSV", "c.CSV"),
        ("x" * 500 + ".csv", "x" * 200 + ".csv"),
        ("я" * 300 + ".csv", "я" * 100 + ".csv"),
        ("\x00\n.csv", "upload.csv"),
        ("выгрузка 1.xlsx", "выгрузка 1.xlsx"),
    ):
        assert file_name(given) == expected


def test_cells_and_columns_are_shown_as_text(lead: Browser, console: Console) -> None:
    script = "<script>alert(1)</script>"
    lead.upload("a.csv", f'text,label,segment,"{script}"\nhello there,"{script}","{script}",x\n'.encode())
    shown = lead.get("/import/check").text
    assert "<script>alert" not in shown
    assert "&lt;script&gt;" in shown
    assert "<script>alert" not in lead.post("/import/run").text
    assert "<script>alert" not in lead.get("/").text


def test_a_file_that_is_too_large_is_refused_and_nothing_is_left(
    place: Workspace, browsers: NewBrowser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIRSTLINE_CONSOLE__MAX_UPLOAD_BYTES", "300000")
    console = Console(Workspace.find(place.folder), PAGES, 8090)
    browser = browsers(console, pages=list(PAGES))  # An application of its own, which has the limit.
    browser.sign_in("lena")
    assert browser.upload("a.csv", b"text\n" + b"hello there\n" * 40_000).status_code == 413
    console.close()
    assert left_in(place.temporary) == []


def test_the_secret_comes_before_the_file(lead: Browser, console: Console) -> None:
    lead.get("/import")
    file = ("file", ("a.csv", b"text\nhello\n"))
    for parts in ([file, ("csrf", (None, lead.secret.encode()))], [("csrf", (None, b"wrong")), file], [file]):
        assert lead.client.post("/import", files=parts, follow_redirects=False).status_code == 403
    console.uploads.close()
    assert left_in(console.place.temporary) == []


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("multipart/form-data", b"", 415),
        ("multipart/form-data; boundary=b", b"", 400),
        ("multipart/form-data; boundary=b", b"no part of it", 400),
        ("multipart/form-data; boundary=b", b'--b\r\nContent-Disposition: form-data; name="csrf"\r\n\r\nSECRET', 400),
        ("multipart/form-data; boundary=b", b"--b\r\n" + b"X: y\r\n" * 50, 400),
        ("multipart/form-data; boundary=b", b"--b\r\n" + b"X" * 10_000, 400),
        (
            "multipart/form-data; boundary=b",
            b'--b\r\nContent-Disposition: form-data; name="csrf"\r\n\r\n' + b"x" * 20_000 + b"\r\n--b--\r\n",
            413,
        ),
        ("application/x-www-form-urlencoded", b"csrf=SECRET", 415),
    ],
)
def test_a_form_that_is_broken_is_refused(
    lead: Browser, console: Console, content_type: str, body: bytes, status: int
) -> None:
    lead.get("/import")
    body = body.replace(b"SECRET", lead.secret.encode())
    done = lead.client.post("/import", content=body, headers={"Content-Type": content_type})
    assert done.status_code == status
    console.uploads.close()
    assert left_in(console.place.temporary) == []


def test_without_a_file_the_page_asks_for_one(lead: Browser) -> None:
    sent = lead.upload("", b"")
    assert sent.status_code == 422
    assert "Choose a file." in sent.text


def test_a_file_belongs_to_one_person_and_for_half_an_hour(
    browsers: NewBrowser, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    lena, ada = browsers(console), browsers(console)
    lena.sign_in("lena")
    ada.sign_in("ada")
    lena.upload("a.csv", ROWS.encode())
    first = console.uploads.of(2).file
    assert ada.get("/import/check").status_code == 404
    lena.upload("b.csv", ROWS.encode())
    assert lena.get("/import/check").status_code == 200
    console.uploads._thread.submit(lambda: None).result()
    assert not first.exists()
    monkeypatch.setattr(uploads, "_KEPT_S", -1.0)
    assert lena.get("/import/check").status_code == 404
    console.uploads._thread.submit(lambda: None).result()
    assert left_in(console.place.temporary) == []


def test_an_import_waits_for_no_other_command(lead: Browser, console: Console) -> None:
    lead.upload("a.csv", ROWS.encode())
    with console.place.hold("messages", "import"):
        look = lead.get("/import/check")
        assert look.status_code == 422
        assert "Another command is writing to the workspace." in look.text
    assert lead.get("/import/check").status_code == 200


@pytest.mark.parametrize("content", [b"[[[", None])
def test_settings_that_cannot_be_read_are_named_instead_of_the_file(
    lead: Browser, console: Console, content: bytes | None
) -> None:
    lead.upload("crm.csv", ROWS.encode())
    if content is None:
        console.place.settings_file.unlink()
    else:
        console.place.settings_file.write_bytes(content)
    done = lead.post("/import/run")
    assert done.status_code == 422
    assert "The file firstline.toml cannot be read, so nothing was imported." in done.text
    assert n_messages(console.place) == 0


def test_a_disk_that_is_full_is_said(lead: Browser, console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: object, events: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(uploads._Receiving, "take", full)
    sent = lead.upload("a.csv", ROWS.encode())
    assert sent.status_code == 507
    assert "The file cannot be stored in the workspace." in sent.text


def test_an_import_of_the_page_is_undone_by_the_command(lead: Browser, console: Console, tmp_path: Path) -> None:
    lead.upload("a.csv", ROWS.encode())
    lead.get("/import/check")
    lead.post("/import/run")
    assert n_messages(console.place) == 2
    assert run_here("import", "--undo", "-w", console.place.folder).returncode == 0
    assert n_messages(console.place) == 0
