import csv
import json
from pathlib import Path

import polars as pl
import pytest

from firstline.bundle.predictor import Predictor
from firstline.errors import ColumnMissing, FileUnwritable, FormatUnknown, UsageError
from firstline.messages.records import ReadingOptions
from firstline.serving.bulk import BulkReport, classify_file
from firstline.settings import ColumnsSettings
from tests.bundles import make_bundle

SOURCE = 'id,text,note\n1,банкомат сломан,a\n2,"перевод,\nгде?",b\n'


@pytest.fixture
def predictor(tmp_path: Path) -> Predictor:
    return Predictor.load(tmp_path / "models" / make_bundle(tmp_path / "models").id)


def classify(predictor: Predictor, source: Path, out: Path, **remembered: str) -> BulkReport:
    answering = classify_file(
        predictor,
        source,
        out,
        {},
        ColumnsSettings(**remembered),
        ReadingOptions(),
        ("agent",),
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
    assert list(first) == ["id", "text", "note", "label", "confidence", "runner_up", "runner_up_confidence"]
    assert (first["id"], first["label"], first["note"]) == ("1", "Банкомат", "a")
    assert second["text"] == "перевод,\nгде?"
    assert 0 < float(second["runner_up_confidence"]) < float(second["confidence"]) < 1
    assert report.n_rows == 2


@pytest.mark.parametrize("ending", ["tsv", "jsonl", "json", "parquet", "xlsx"])
def test_every_format_is_written(predictor: Predictor, tmp_path: Path, ending: str) -> None:
    out = tmp_path / f"out.{ending}"
    classify(predictor, source(tmp_path), out)
    match ending:
        case "tsv":
            labels = [row["label"] for row in csv.DictReader(out.read_text("utf-8").splitlines(), delimiter="\t")]
        case "jsonl":
            labels = [json.loads(line)["label"] for line in out.read_text("utf-8").splitlines()]
        case "json":
            labels = [row["label"] for row in json.loads(out.read_text("utf-8"))]
        case "parquet":
            labels = pl.read_parquet(out)["label"].to_list()
        case _:
            labels = pl.read_excel(out)["label"].to_list()
    assert labels == ["Банкомат", "Перевод"]


def test_taken_name_gets_a_prefix(predictor: Predictor, tmp_path: Path) -> None:
    report = classify(predictor, source(tmp_path, "text,label\nкарта,мой\n"), tmp_path / "out.csv")
    assert report.columns_added[0] == "predicted_label"
    assert rows(tmp_path / "out.csv")[0]["label"] == "мой"


def test_rows_without_text_are_rejected_with_their_line(predictor: Predictor, tmp_path: Path) -> None:
    report = classify(predictor, source(tmp_path, "text,x\nкарта,1\n ,2\n"), tmp_path / "out.csv")
    assert (report.n_rows, report.n_rejected) == (1, 1)
    assert rows(Path(report.rejects_file or ""))[0] == {"line": "3", "reason": "no text"}


def test_formula_is_text_in_excel(predictor: Predictor, tmp_path: Path) -> None:
    classify(predictor, source(tmp_path, "text,x\n=1+1 карта,=2+2\n"), tmp_path / "out.xlsx")
    assert pl.read_excel(tmp_path / "out.xlsx")["text"].to_list() == ["=1+1 карта"]


def test_conversations_give_one_row_each(predictor: Predictor, tmp_path: Path) -> None:
    content = "dialog,who,text\n7,client,где банкомат\n7,agent,карта\n8,client,перевод +79161234567\n"
    classify(predictor, source(tmp_path, content), tmp_path / "out.csv", conversation="dialog", author="who")
    found = rows(tmp_path / "out.csv")
    assert [(row["conversation"], row["label"]) for row in found] == [("7", "Банкомат"), ("8", "Перевод")]
    assert found[1]["text"] == "перевод <PHONE>"


def test_the_source_is_not_overwritten(predictor: Predictor, tmp_path: Path) -> None:
    file = source(tmp_path)
    with pytest.raises(UsageError, match="overwrite its own source"):
        classify(predictor, file, file)
    assert file.read_text("utf-8") == SOURCE


def test_unknown_ending_is_refused(predictor: Predictor, tmp_path: Path) -> None:
    with pytest.raises(FormatUnknown, match=r"ends in '\.docx' cannot be written"):
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
    assert (tmp_path / "out.csv").read_text("cp1251").startswith("n;text;label;confidence")


def test_folder_that_is_not_there_is_named(predictor: Predictor, tmp_path: Path) -> None:
    with pytest.raises(FileUnwritable, match=r"gone/out\.csv cannot be written: No such file"):
        classify(predictor, source(tmp_path), tmp_path / "gone" / "out.csv")


def test_a_file_that_was_classified_can_be_classified_again(predictor: Predictor, tmp_path: Path) -> None:
    file = source(tmp_path, "text,label,predicted_label\nкарта,а,б\n")
    report = classify(predictor, file, tmp_path / "out.xlsx")
    assert report.columns_added[0] == "predicted_predicted_label"


def test_a_lone_carriage_return_stays_inside_its_cell(predictor: Predictor, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_bytes('n,text\n1,"карта\rздесь"\n'.encode())
    classify(predictor, tmp_path / "in.csv", tmp_path / "out.csv")
    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as file:
        assert [row["text"] for row in csv.DictReader(file)] == ["карта\rздесь"]


def test_csv_from_tsv_has_commas(predictor: Predictor, tmp_path: Path) -> None:
    (tmp_path / "in.tsv").write_text("n\ttext\n1\tкарта\n", "utf-8")
    classify(predictor, tmp_path / "in.tsv", tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text("utf-8").startswith("n,text,label")


def test_segments_are_read_as_at_import(predictor: Predictor, tmp_path: Path) -> None:
    report = classify(predictor, source(tmp_path, "text,segment\nдобрый день,  lead \n"), tmp_path / "out.csv")
    assert report.n_unknown_segments == 0
    assert rows(tmp_path / "out.csv")[0]["label"] == "Карта"


def test_text_that_is_none_is_rejected_as_at_import(predictor: Predictor, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text('{"text": {"a": 1}}\n{"text": "карта"}\n', "utf-8")
    report = classify(predictor, tmp_path / "in.jsonl", tmp_path / "out.jsonl")
    assert (report.n_rows, report.n_rejected) == (1, 1)


def test_an_email_is_classified_without_what_it_quotes(predictor: Predictor, tmp_path: Path) -> None:
    text = "Банкомат\n\n> Перевод\n> Перевод"
    classify(predictor, source(tmp_path, f'text\n"{text}"\n'), tmp_path / "out.csv")
    (row,) = rows(tmp_path / "out.csv")
    assert (row["text"], row["label"]) == (text, "Банкомат")
