"""What people say about a file on the command line, and files that are no files."""

import subprocess
import sys
from pathlib import Path

import pytest
import xlsxwriter

from tests.commands import Run


@pytest.fixture
def bank(firstline: Run, tmp_path: Path) -> Path:
    folder = tmp_path / "bank"
    assert firstline("init", folder).returncode == 0
    return folder


def test_a_sheet_and_a_header_row_can_be_named(firstline: Run, bank: Path) -> None:
    with xlsxwriter.Workbook(str(bank / "a.xlsx")) as workbook:
        workbook.add_worksheet("Титул").write(0, 0, "Отчёт")
        sheet = workbook.add_worksheet("Лист")
        for place, row in enumerate([["код", "имя"], ["номер", "суть"], ["1", "где карта"]]):
            sheet.write_row(place, 0, row)
    refused = firstline("import", bank / "a.xlsx", "-w", bank)
    assert refused.returncode == 1
    assert "1 'Титул', 2 'Лист'" in refused.stderr
    done = firstline("import", bank / "a.xlsx", "-w", bank, "--sheet", "Лист", "--header-row", 2, "--text", "суть")
    assert done.returncode == 0, done.stderr
    assert "Excel, sheet 'Лист' of 2, header in row 2): 1 row, columns text = 'суть'" in done.stdout


def test_a_file_without_a_header_is_refused_until_that_is_said(firstline: Run, bank: Path) -> None:
    (bank / "a.csv").write_text("1;Где карта +7 916 555-01-02;Доставка\n2;Верните;Возврат\n", encoding="utf-8")
    refused = firstline("import", bank / "a.csv", "-w", bank)
    assert refused.returncode == 1
    assert "The first line does not look like column names" in refused.stderr
    assert "--no-header" in refused.stderr
    assert "916" not in refused.stderr
    done = firstline("import", bank / "a.csv", "-w", bank, "--no-header", "--text", 2, "--label", 3)
    assert "2 rows, columns text = '2', label = '3'" in done.stdout


def test_no_header_and_a_header_row_exclude_each_other(firstline: Run, bank: Path) -> None:
    done = firstline("import", "a.csv", "-w", bank, "--no-header", "--header-row", 2)
    assert done.returncode == 2
    assert "cannot be combined" in done.stderr


def test_messages_may_come_through_standard_input(bank: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "firstline", "import", "/dev/stdin", "-w", bank],
        input="id,text\n1,где карта\n",
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("/dev/stdin (CSV, utf-8, ','): 1 row")
    assert not list((bank / "tmp").glob("firstline-*"))


def test_settings_with_a_byte_order_mark_are_read_and_written(firstline: Run, bank: Path) -> None:
    (bank / "firstline.toml").write_bytes(b'\xef\xbb\xbflanguage = "en"\r\n')
    (bank / "a.csv").write_text("суть\nгде карта\n", encoding="utf-8")
    assert firstline("import", bank / "a.csv", "-w", bank, "--text", "суть").returncode == 0
    assert "language en" in firstline("status", "-w", bank).stdout
    assert firstline("import", bank / "a.csv", "-w", bank).returncode == 0


def test_classify_and_evaluate_take_the_same_options(firstline: Run, demo: Path, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("1;Где моя карта?;Мошенничество\n2;Верните;Возврат\n", encoding="utf-8")
    said = ("-w", demo, "--no-header", "--text", 2)
    done = firstline("classify", tmp_path / "a.csv", *said, "--out", tmp_path / "out.csv")
    assert done.returncode == 0, done.stderr
    assert "Где моя карта?" in (tmp_path / "out.csv").read_text("utf-8")
    done = firstline("evaluate", tmp_path / "a.csv", *said, "--label", 3)
    assert done.returncode == 0, done.stderr
