import csv
import json
from pathlib import Path

import polars as pl
import pytest

from firstline.bundle.predictor import Predictor
from firstline.errors import ColumnMissing, FileUnwritable, FormatUnknown, UsageError
from firstline.messages.records import ReadingOptions
from firstline.serving.answering import BROKEN_ENCODING, UNKNOWN_SEGMENT
from firstline.serving.bulk import ADDED, BulkReport, classify_file
from firstline.serving.explained import Explainer
from firstline.settings import ColumnsSettings
from tests.bundles import make_bundle

SOURCE = 'id,text,note\n1,банкомат сломан,a\n2,"перевод,\nгде?",b\n'


@pytest.fixture
def predictor(tmp_path: Path) -> Predictor:
    return Predictor.load(tmp_path / "models" / make_bundle(tmp_path / "models").id)


def classify(
    predictor: Predictor,
    source: Path,
    out: Path,
    *,
    safe_for_excel: bool = False,
    explainer: Explainer | None = None,
    **remembered: str,
) -> BulkReport:
    answering = classify_file(
        predictor,
        source,
        out,
        {},
        ColumnsSettings(**remembered),
        ReadingOptions(),
        ("agent",),
        is_safe_for_excel=safe_for_excel,
        explainer=explainer,
    )
    while True:
        try:
            next(answering)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]


def source(folder: Path, content: str = SOURCE) -> Path:
    file = folder / "in.csv"
    file.write_text(content, "utf-8")
    return file


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_columns_stay_and_answers_are_added(predictor: Predictor, tmp_path: Path) -> None:
    report = classify(predictor, source(tmp_path), tmp_path / "out.csv")
    first, second = rows(tmp_path / "out.csv")
    assert list(first) == ["id", "text", "note", *ADDED]
    assert (first["id"], first["predicted_label"], first["note"]) == ("1", "Банкомат", "a")
    assert second["text"] == "перевод,\nгде?"
    assert 0 < float(second["predicted_runner_up_confidence"]) < float(second["predicted_confidence"]) < 1
    assert second["predicted_note"] == ""
    assert (report.n_rows, report.n_answered) == (2, 2)


def test_words_are_added_when_asked(predictor: Predictor, tmp_path: Path) -> None:
    file = source(tmp_path, "n,text\n1,банкомат\n2,\n3,карта\n")
    report = classify(predictor, file, tmp_path / "out.csv", explainer=Explainer(predictor))
    found = rows(tmp_path / "out.csv")
    assert list(found[0]) == ["n", "text", *ADDED, "predicted_words"] == ["n", "text", *report.columns_added]
    assert [row["predicted_words"] for row in found] == ["банкомат +2.67", "", "карта +2.67"]
    assert [row["predicted_note"] for row in found] == ["", "no text", ""]


def test_a_batch_without_any_text_has_its_columns_too(predictor: Predictor, tmp_path: Path) -> None:
    classify(predictor, source(tmp_path, "n,text\n1,\n"), tmp_path / "out.csv", explainer=Explainer(predictor))
    assert rows(tmp_path / "out.csv")[0]["predicted_words"] == ""


@pytest.mark.parametrize("explains", [True, False])
def test_words_of_an_earlier_classify_are_replaced(predictor: Predictor, tmp_path: Path, explains: bool) -> None:
    file = source(tmp_path, "predicted_nearest,text,predicted_words\n7,карта,старое\n")
    classify(predictor, file, tmp_path / "out.csv", explainer=Explainer(predictor) if explains else None)
    row = rows(tmp_path / "out.csv")[0]
    assert list(row) == ["text", *ADDED, *(["predicted_words"] if explains else [])]
    assert row.get("predicted_words", "карта +2.67") == "карта +2.67"


def labels_and_notes(out: Path) -> list[tuple[str | None, str | None]]:
    match out.suffix:
        case ".csv" | ".tsv":
            delimiter = "\t" if out.suffix == ".tsv" else ","
            found = list(csv.DictReader(out.read_text("utf-8").splitlines(), delimiter=delimiter))
        case ".jsonl":
            found = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
        case ".json":
            found = json.loads(out.read_text("utf-8"))
        case ".parquet":
            found = pl.read_parquet(out).to_dicts()
        case _:
            found = pl.read_excel(out).to_dicts()
    return [(row["predicted_label"] or None, row["predicted_note"] or None) for row in found]


ENDINGS = ["csv", "tsv", "jsonl", "json", "parquet", "xlsx"]


@pytest.mark.parametrize("ending", ENDINGS)
def test_every_format_has_a_line_for_each_row(predictor: Predictor, tmp_path: Path, ending: str) -> None:
    out = tmp_path / f"out.{ending}"
    report = classify(predictor, source(tmp_path, "n,text\n1,банкомат\n2,\n3,a,b\n4,перевод\n"), out)
    assert labels_and_notes(out) == [
        ("Банкомат", None),
        (None, "no text"),
        (None, "line 4: has 3 columns, the header has 2"),
        ("Перевод", None),
    ]
    assert (report.n_rows, report.n_answered, report.n_unanswered) == (4, 2, 2)


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_file_without_any_text_is_written_too(predictor: Predictor, tmp_path: Path, ending: str) -> None:
    out = tmp_path / f"out.{ending}"
    classify(predictor, source(tmp_path, "n,text\n1,\n2, \n"), out)
    assert labels_and_notes(out) == [(None, "no text")] * 2


def test_more_rows_than_a_batch_keep_their_order(predictor: Predictor, tmp_path: Path) -> None:
    content = "n,text\n" + "".join(f"{n},{'' if n % 3 == 0 else 'карта'}\n" for n in range(1_000))
    classify(predictor, source(tmp_path, content), tmp_path / "out.csv")
    found = rows(tmp_path / "out.csv")
    assert [row["n"] for row in found] == [str(n) for n in range(1_000)]
    assert [row["predicted_label"] for row in found] == ["" if n % 3 == 0 else "Карта" for n in range(1_000)]


def test_a_broken_line_keeps_its_place(predictor: Predictor, tmp_path: Path) -> None:
    classify(predictor, source(tmp_path, 'n,text\n1,карта\n2,"карта" и\n3,карта\n'), tmp_path / "out.csv")
    found = rows(tmp_path / "out.csv")
    assert [row["n"] for row in found] == ["1", "2", "3"]
    assert found[1]["text"] == '"карта" и'
    assert found[1]["predicted_note"] == "line 3: a quote is closed in the middle of a value"


def test_a_row_of_another_width_keeps_what_it_has(predictor: Predictor, tmp_path: Path) -> None:
    content = "n,predicted_note,text\n1,x\n2,x,карта,лишнее\n"
    classify(predictor, source(tmp_path, content), tmp_path / "out.csv")
    short, long = rows(tmp_path / "out.csv")
    assert (short["n"], short["text"], long["n"], long["text"]) == ("1", "", "2", "карта")
    assert short["predicted_note"] == "line 2: has 2 columns, the header has 3"
    assert (long["predicted_label"], long["predicted_note"]) == ("", "line 3: has 4 columns, the header has 3")


def test_of_a_line_that_is_not_json_there_are_no_cells(predictor: Predictor, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text('{"n": 1, "text": "карта"}\n{"n": 2, "text"\n', "utf-8")
    classify(predictor, tmp_path / "in.jsonl", tmp_path / "out.csv")
    broken = rows(tmp_path / "out.csv")[1]
    assert (broken["n"], broken["text"]) == ("", "")
    assert broken["predicted_note"].startswith("line 2: not valid JSON")


def test_a_text_that_is_too_long_keeps_its_place(predictor: Predictor, tmp_path: Path) -> None:
    classify(predictor, source(tmp_path, f"n,text\n1,{'а' * 100_001}\n2,карта\n"), tmp_path / "out.csv")
    first, second = rows(tmp_path / "out.csv")
    assert (first["n"], first["predicted_label"], second["predicted_label"]) == ("1", "", "Карта")
    assert first["predicted_note"] == "the text has 100,001 characters, at most 100,000 are taken"


def test_a_column_called_label_stays(predictor: Predictor, tmp_path: Path) -> None:
    classify(predictor, source(tmp_path, "text,label\nкарта,мой\n"), tmp_path / "out.csv")
    assert rows(tmp_path / "out.csv")[0]["label"] == "мой"


def test_classifying_again_replaces_the_columns(predictor: Predictor, tmp_path: Path) -> None:
    classify(predictor, source(tmp_path, "n,text\n1,карта\n"), tmp_path / "first.csv")
    edited = (tmp_path / "first.csv").read_text("utf-8").replace("1,карта,Карта", "1,карта,Мусор")
    (tmp_path / "first.csv").write_text(edited, "utf-8")
    classify(predictor, tmp_path / "first.csv", tmp_path / "second.csv")
    (row,) = rows(tmp_path / "second.csv")
    assert list(row) == ["n", "text", *ADDED]
    assert row["predicted_label"] == "Карта"


def test_no_rejects_file_is_left(predictor: Predictor, tmp_path: Path) -> None:
    classify(predictor, source(tmp_path, "text,x\nкарта,1\n ,2\n"), tmp_path / "out.csv")
    assert not list(tmp_path.glob("*rejects*"))


def test_an_unknown_segment_is_noted(predictor: Predictor, tmp_path: Path) -> None:
    report = classify(predictor, source(tmp_path, "text,segment\nкарта,партнёр\n"), tmp_path / "out.csv")
    (row,) = rows(tmp_path / "out.csv")
    assert (row["predicted_label"], row["predicted_note"]) == ("Карта", UNKNOWN_SEGMENT)
    assert report.n_unknown_segments == 1


def test_broken_encoding_is_answered_and_noted(predictor: Predictor, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_bytes("n,text\n1,карта ".encode() + b"\xff\n" + "2,карта\n".encode() * 40)
    classify(predictor, tmp_path / "in.csv", tmp_path / "out.csv")
    first = rows(tmp_path / "out.csv")[0]
    assert (first["predicted_label"], first["predicted_note"]) == ("Карта", BROKEN_ENCODING)


def test_cells_come_as_they_came(predictor: Predictor, tmp_path: Path) -> None:
    classify(predictor, source(tmp_path, "text,x\n@карта,=2+2\n"), tmp_path / "out.csv")
    (row,) = rows(tmp_path / "out.csv")
    assert (row["text"], row["x"]) == ("@карта", "=2+2")


def test_cells_can_be_made_harmless_for_excel(predictor: Predictor, tmp_path: Path) -> None:
    classify(predictor, source(tmp_path, "text,x\n@карта,=2+2\n"), tmp_path / "out.csv", safe_for_excel=True)
    (row,) = rows(tmp_path / "out.csv")
    assert (row["text"], row["x"], row["predicted_label"]) == ("'@карта", "'=2+2", "Карта")


def test_formula_is_text_in_excel(predictor: Predictor, tmp_path: Path) -> None:
    classify(predictor, source(tmp_path, "text,x\n=1+1 карта,=2+2\n"), tmp_path / "out.xlsx")
    assert pl.read_excel(tmp_path / "out.xlsx")["text"].to_list() == ["=1+1 карта"]


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet", "xlsx"])
def test_a_column_without_a_name_stays(predictor: Predictor, tmp_path: Path, ending: str) -> None:
    report = classify(predictor, source(tmp_path, ",text\n7,банкомат сломан\n"), tmp_path / f"out.{ending}")
    assert (report.n_rows, report.n_answered) == (1, 1)
    assert labels_and_notes(tmp_path / f"out.{ending}") == [("Банкомат", None)]


def test_conversations_give_one_row_each(predictor: Predictor, tmp_path: Path) -> None:
    content = "dialog,who,text\n7,client,где банкомат\n7,agent,карта\n8,client,перевод +79161234567\n"
    classify(predictor, source(tmp_path, content), tmp_path / "out.csv", conversation="dialog", author="who")
    found = rows(tmp_path / "out.csv")
    assert [(row["conversation"], row["predicted_label"]) for row in found] == [("7", "Банкомат"), ("8", "Перевод")]
    assert found[1]["text"] == "перевод <PHONE>"


def test_a_conversation_without_a_text_has_its_row(predictor: Predictor, tmp_path: Path) -> None:
    content = "dialog,who,text\n6,agent,здравствуйте\n7,client,карта\n8,client,\n9,client,перевод\n9,agent,да\n"
    classify(predictor, source(tmp_path, content), tmp_path / "out.csv", conversation="dialog", author="who")
    found = rows(tmp_path / "out.csv")
    assert [(row["conversation"], row["predicted_label"]) for row in found] == [
        ("6", ""),
        ("7", "Карта"),
        ("8", ""),
        ("9", "Перевод"),
    ]
    assert found[0]["predicted_note"] == "the writer sent no text before the first reply"


def test_lines_of_no_conversation_are_told(predictor: Predictor, tmp_path: Path) -> None:
    content = "dialog,who,text\n7,client,карта\n,client,карта\n8,agent,карта,и\n7,agent,да\n"
    report = classify(predictor, source(tmp_path, content), tmp_path / "out.csv", conversation="dialog", author="who")
    assert (report.n_rows, report.lines_left_out) == (1, [3, 4])


def test_the_source_is_not_overwritten(predictor: Predictor, tmp_path: Path) -> None:
    file = source(tmp_path)
    with pytest.raises(UsageError, match="overwrite its own source"):
        classify(predictor, file, file)
    assert file.read_text("utf-8") == SOURCE


def test_unknown_ending_is_refused(predictor: Predictor, tmp_path: Path) -> None:
    with pytest.raises(FormatUnknown, match=r"does not write files that end in '\.docx'"):
        classify(predictor, source(tmp_path), tmp_path / "out.docx")


def test_failure_leaves_no_output(predictor: Predictor, tmp_path: Path) -> None:
    with pytest.raises(ColumnMissing):
        classify(predictor, source(tmp_path, "a,b\n1,2\n"), tmp_path / "out.csv")
    assert not (tmp_path / "out.csv").exists()
    assert not list(tmp_path.glob(".out*"))


def test_empty_file_with_a_header_gives_a_header(predictor: Predictor, tmp_path: Path) -> None:
    classify(predictor, source(tmp_path, "text,x\n"), tmp_path / "out.jsonl")
    assert (tmp_path / "out.jsonl").read_text() == ""


def test_csv_keeps_the_encoding_and_delimiter_of_its_source(predictor: Predictor, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("n;text\n1;где мой банкомат\n", "cp1251")
    classify(predictor, tmp_path / "in.csv", tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text("cp1251").startswith("n;text;predicted_label;predicted_confidence")


def test_folder_that_is_not_there_is_named(predictor: Predictor, tmp_path: Path) -> None:
    with pytest.raises(FileUnwritable, match=r"gone/out\.csv cannot be written: No such file"):
        classify(predictor, source(tmp_path), tmp_path / "gone" / "out.csv")


def test_a_lone_carriage_return_stays_inside_its_cell(predictor: Predictor, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_bytes('n,text\n1,"карта\rздесь"\n'.encode())
    classify(predictor, tmp_path / "in.csv", tmp_path / "out.csv")
    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as file:
        assert [row["text"] for row in csv.DictReader(file)] == ["карта\rздесь"]


def test_csv_from_tsv_has_commas(predictor: Predictor, tmp_path: Path) -> None:
    (tmp_path / "in.tsv").write_text("n\ttext\n1\tкарта\n", "utf-8")
    classify(predictor, tmp_path / "in.tsv", tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text("utf-8").startswith("n,text,predicted_label")


def test_segments_are_read_as_at_import(predictor: Predictor, tmp_path: Path) -> None:
    report = classify(predictor, source(tmp_path, "text,segment\nдобрый день,  lead \n"), tmp_path / "out.csv")
    assert report.n_unknown_segments == 0
    (row,) = rows(tmp_path / "out.csv")
    assert (row["predicted_label"], row["predicted_note"]) == ("Карта", "")


def test_a_text_that_is_an_object_keeps_its_place(predictor: Predictor, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text('{"text": {"a": 1}}\n[1]\n{"text": "карта"}\n', "utf-8")
    classify(predictor, tmp_path / "in.jsonl", tmp_path / "out.jsonl")
    found = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text("utf-8").splitlines()]
    assert [(row["text"], row["predicted_label"], row["predicted_note"]) for row in found] == [
        ({"a": 1}, None, "the text is a JSON object"),
        (None, None, "line 2: is not a JSON object"),
        ("карта", "Карта", ""),
    ]


def test_an_email_is_classified_without_what_it_quotes(predictor: Predictor, tmp_path: Path) -> None:
    text = "Банкомат\n\n> Перевод\n> Перевод"
    classify(predictor, source(tmp_path, f'text\n"{text}"\n'), tmp_path / "out.csv")
    (row,) = rows(tmp_path / "out.csv")
    assert (row["text"], row["predicted_label"]) == (text, "Банкомат")
