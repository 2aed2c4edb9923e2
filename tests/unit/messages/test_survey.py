from pathlib import Path

import pytest

from firstline.errors import DatesUnclear
from firstline.messages.columns import find_columns
from firstline.messages.formats import open_reader
from firstline.messages.records import ReadingOptions
from firstline.messages.survey import Known, Survey, several_in_one, survey
from firstline.settings import ColumnsSettings

UNCLEAR = "text,date\nраз,02/03/2026\nдва,04/03/2026\n"


def look(folder: Path, content: str, known: Known | None = None, *, uses_times: bool = True) -> Survey:
    path = folder / "a.csv"
    path.write_text(content, encoding="utf-8")
    reader = open_reader(path, ReadingOptions())
    columns = find_columns(path, reader.columns, {}, ColumnsSettings())
    return survey(path, reader, columns, known or Known(), uses_times=uses_times)


def test_what_no_row_decides_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(DatesUnclear, match="no row decides") as caught:
        look(tmp_path, UNCLEAR)
    assert "--day-first or --month-first" in caught.value.next_step


def test_a_person_decides(tmp_path: Path) -> None:
    found = look(tmp_path, UNCLEAR, Known(said_order="month_first"))
    assert (found.month_first, found.dates) == (True, "month first, as you said")


def test_what_is_remembered_decides(tmp_path: Path) -> None:
    assert look(tmp_path, UNCLEAR, Known(remembered_order="month_first")).month_first


def test_a_row_wins_over_what_is_remembered(tmp_path: Path) -> None:
    found = look(tmp_path, UNCLEAR + "три,02/28/2026\n", Known(remembered_order="day_first"))
    assert (found.month_first, found.dates) == (True, "month first, since line 4 has no other reading")


def test_times_that_nobody_uses_are_not_asked_for(tmp_path: Path) -> None:
    assert look(tmp_path, UNCLEAR, uses_times=False).dates is None


def test_a_mixed_column_is_told_by_its_lines(tmp_path: Path) -> None:
    with pytest.raises(DatesUnclear, match="mixed: line 3 can only have the day first, line 2 only the month"):
        look(tmp_path, "text,date\nраз,02/13/2026\nдва,13/02/2026\n")


@pytest.mark.parametrize("times", ["01.02.2026", "2026-02-01 10:00", "", "скоро"])
def test_other_times_need_no_decision(tmp_path: Path, times: str) -> None:
    assert look(tmp_path, f"text,date\nраз,{times}\n").dates is None


@pytest.mark.parametrize("sign", [";", "|", ",", ", ", " / "])
def test_a_name_of_two_classes_is_found(sign: str) -> None:
    assert several_in_one([f"Вход{sign}карты", "Вход"], ["Вход", "Карты"]) == {f"Вход{sign}карты"}


def test_a_name_whose_parts_are_no_classes_stays() -> None:
    assert several_in_one(["Вход, выход", "Карты; счета", "a/b"], ["Вход", "Карты", "a"]) == set()


def test_classes_of_the_workspace_count(tmp_path: Path) -> None:
    found = look(tmp_path, "text,label\nраз,Вход;Карты\n", Known(classes=("Вход", "Карты")))
    assert found.several == {"Вход;Карты"}


def test_a_class_that_the_team_named_is_one(tmp_path: Path) -> None:
    known = Known(classes=("Вход", "Карты"), team_classes=("Вход;Карты", "None"))
    found = look(tmp_path, "text,label\nраз,Вход;Карты\n", known)
    assert found.several == set()
    assert found.kept == {"Вход;Карты", "None"}
