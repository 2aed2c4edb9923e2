from collections.abc import Sequence
from pathlib import Path

import pytest

from firstline.bundle.predictor import Predictor
from firstline.errors import ColumnMissing, FileUnreadable
from firstline.evaluation.labelled_file import Evaluation, evaluate_file
from firstline.messages.records import ReadingOptions
from firstline.settings import ColumnsSettings
from firstline.steps import run_to_end
from firstline.store.messages import StoredMessage
from tests.bundles import make_bundle


@pytest.fixture
def predictor(tmp_path: Path) -> Predictor:
    return Predictor.load(tmp_path / "models" / make_bundle(tmp_path / "models").id)


def evaluate(
    predictor: Predictor,
    folder: Path,
    content: str,
    said: dict[str, str] | None = None,
    classes: Sequence[str] = (),
    none: Sequence[str] = (),
    team_classes: Sequence[str] = (),
    **remembered: str,
) -> Evaluation:
    file = folder / "test.csv"
    file.write_text(content, "utf-8")
    scoring = evaluate_file(
        predictor,
        file,
        said or {},
        ColumnsSettings(**remembered),
        ReadingOptions(),
        classes=classes,
        none=none,
        team_classes=team_classes,
    )
    while True:
        try:
            next(scoring)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]


def test_counts_what_is_right(predictor: Predictor, tmp_path: Path) -> None:
    result = evaluate(predictor, tmp_path, "text,label\nкарта,Карта\nбанкомат,Банкомат\nкарта,Перевод\nкарта,Карта\n")
    assert result.figures.n_messages == 4
    assert result.figures.accuracy == 0.75


def test_repeated_rows_all_count(predictor: Predictor, tmp_path: Path) -> None:
    assert evaluate(predictor, tmp_path, "text,label\nкарта,Карта\nкарта,Карта\n").figures.n_messages == 2


def test_text_is_masked(predictor: Predictor, tmp_path: Path) -> None:
    assert evaluate(predictor, tmp_path, "text,label\n+7 916 123-45-67,Перевод\n").figures.accuracy == 1


def test_segment_goes_into_the_model(predictor: Predictor, tmp_path: Path) -> None:
    result = evaluate(predictor, tmp_path, "text,label,segment\nдобрый день,Карта,lead\n")
    assert result.figures.accuracy == 1


def test_unknown_label_is_an_error_of_the_model_and_said(predictor: Predictor, tmp_path: Path) -> None:
    result = evaluate(predictor, tmp_path, "text,label\nкарта,Карта\nкарта,Новый\n")
    assert result.figures.accuracy == 0.5
    assert (result.lines_of_others, result.n_other_classes) == ([3], 1)
    assert "Новый" not in str(result)


def test_classes_of_the_model_without_rows_are_named_and_left_out(predictor: Predictor, tmp_path: Path) -> None:
    result = evaluate(predictor, tmp_path, "text,label\nкарта,Карта\nкарта,Карта\nперевод,Карта\n")
    assert result.classes_without_messages == ["Банкомат", "Перевод"]
    assert result.figures.macro_f1 == pytest.approx(result.figures.per_class["Карта"].f1) == pytest.approx(0.8)
    assert result.figures.macro_precision == 1


def test_no_class_is_left_out_if_each_has_rows(predictor: Predictor, tmp_path: Path) -> None:
    result = evaluate(predictor, tmp_path, "text,label\nкарта,Карта\nкарта,Перевод\nкарта,Банкомат\n")
    assert result.classes_without_messages == []


def test_an_unknown_class_of_the_workspace_is_named(predictor: Predictor, tmp_path: Path) -> None:
    result = evaluate(predictor, tmp_path, "text,label\nкарта,Карта\nкарта,Новый\n", classes=("Новый",))
    assert result.unknown_labels == {"Новый": 1}
    assert result.lines_of_others == []
    assert result.figures.per_class["Новый"].support == 1


def test_an_unknown_class_of_the_settings_is_named(predictor: Predictor, tmp_path: Path) -> None:
    result = evaluate(predictor, tmp_path, "text,label\nкарта,Карта\nкарта,Новый\n", team_classes=("Новый",))
    assert result.unknown_labels == {"Новый": 1}
    assert result.figures.per_class["Новый"].f1 == 0


def test_unknown_classes_are_counted_once_each(predictor: Predictor, tmp_path: Path) -> None:
    result = evaluate(predictor, tmp_path, "text,label\nкарта,Карта\nкарта,Новый\nкарта,Новый\nкарта,Иной\n")
    assert (result.lines_of_others, result.n_other_classes) == ([3, 4, 5], 2)


def test_a_file_with_no_class_of_the_model_is_refused_without_its_classes(predictor: Predictor, tmp_path: Path) -> None:
    with pytest.raises(FileUnreadable, match=r"none of this file's classes \(2, in 'label'\)") as caught:
        evaluate(predictor, tmp_path, "text,label\nкарта,Новый\nперевод,Иной\n", classes=("Новый",))
    assert "Новый" not in caught.value.message
    assert "--label COLUMN" in caught.value.next_step


def test_a_class_with_personal_data_does_not_count(predictor: Predictor, tmp_path: Path) -> None:
    result = evaluate(predictor, tmp_path, "text,label\nкарта,Карта\nкарта,+7 916 123-45-67\n")
    assert (result.figures.n_messages, result.n_rejected) == (1, 1)


def test_rows_without_label_or_text_do_not_count(predictor: Predictor, tmp_path: Path) -> None:
    result = evaluate(predictor, tmp_path, "text,label\nкарта,Карта\nкарта,\n ,Карта\n")
    assert (result.figures.n_messages, result.n_unlabelled, result.n_rejected) == (1, 1, 1)


def test_unknown_segment_is_said(predictor: Predictor, tmp_path: Path) -> None:
    result = evaluate(predictor, tmp_path, "text,label,segment\nкарта,Карта,vip\n")
    assert result.n_unknown_segments == 1


def test_remembered_columns_are_used(predictor: Predictor, tmp_path: Path) -> None:
    result = evaluate(predictor, tmp_path, "msg,topic\nкарта,Карта\n", text="msg", label="topic")
    assert result.figures.accuracy == 1


def test_remembered_column_that_is_absent_is_said(predictor: Predictor, tmp_path: Path) -> None:
    result = evaluate(predictor, tmp_path, "text,label\nкарта,Карта\n", segment="kind")
    assert "lacks remembered columns: 'kind' (--segment)" in result.notes[0]


def test_file_without_labels_is_refused(predictor: Predictor, tmp_path: Path) -> None:
    with pytest.raises(ColumnMissing, match="no column with labels"):
        evaluate(predictor, tmp_path, "text\nкарта\n")


def test_file_with_no_usable_row_is_refused(predictor: Predictor, tmp_path: Path) -> None:
    with pytest.raises(FileUnreadable, match="no row with a text and a label"):
        evaluate(predictor, tmp_path, "text,label\nкарта,\n")


def test_conversations_are_cut_before_the_reply(predictor: Predictor, tmp_path: Path) -> None:
    content = "dialog,who,text,label\n1,client,банкомат,Банкомат\n1,agent,перевод перевод,\n1,client,карта карта,\n"
    remembered = {"conversation": "dialog", "author": "who"}
    file = tmp_path / "test.csv"
    file.write_text(content, "utf-8")
    scoring = evaluate_file(predictor, file, {}, ColumnsSettings(**remembered), ReadingOptions(), ("agent",))
    with pytest.raises(StopIteration) as end:
        while True:
            next(scoring)
    assert end.value.value.figures.accuracy == 1


def test_messages_that_the_model_may_have_learned_are_counted(predictor: Predictor, tmp_path: Path) -> None:
    file = tmp_path / "test.csv"
    file.write_text("text,label\nкарта,Карта\nперевод,Перевод\n", "utf-8")
    learned = {StoredMessage("карта").key}
    scoring = evaluate_file(predictor, file, {}, ColumnsSettings(), ReadingOptions(), learned=learned)
    assert run_to_end(scoring).n_learned == 1


def test_learned_messages_of_none_of_the_classes_are_counted_too(predictor: Predictor, tmp_path: Path) -> None:
    file, unknown = tmp_path / "test.csv", tmp_path / "unknown.csv"
    file.write_text("text,label\nкарта,Карта\nпогода,Прочее\n", "utf-8")
    unknown.write_text("text\nпогода\nдождь\n", "utf-8")
    learned = {StoredMessage("погода").key}
    scoring = evaluate_file(
        predictor, file, {}, ColumnsSettings(), ReadingOptions(), learned=learned, none=["Прочее"], unknown=unknown
    )
    assert run_to_end(scoring).n_learned == 2


def test_rows_of_the_file_of_outsiders_that_cannot_be_used_are_counted(predictor: Predictor, tmp_path: Path) -> None:
    file, unknown = tmp_path / "test.csv", tmp_path / "unknown.jsonl"
    file.write_text("text,label\nкарта,Карта\n", "utf-8")
    unknown.write_text('{"text": ["погода"]}\n' * 300 + '{"text": "дождь"}\n', "utf-8")
    result = run_to_end(evaluate_file(predictor, file, {}, ColumnsSettings(), ReadingOptions(), unknown=unknown))
    assert result.n_rejected == 300
    assert result.outsiders is not None
    assert result.outsiders.n_messages == 1


def test_an_email_is_scored_without_what_it_quotes(predictor: Predictor, tmp_path: Path) -> None:
    text = '"Банкомат\n\n> Перевод\n> Перевод"'
    assert evaluate(predictor, tmp_path, f"text,label\n{text},Банкомат\n").figures.accuracy == 1


def test_rows_of_none_of_the_classes_count_apart(predictor: Predictor, tmp_path: Path) -> None:
    result = evaluate(predictor, tmp_path, "text,label\nкарта,Карта\nпогода,Прочее\n", none=["Прочее"])
    assert (result.figures.n_messages, result.figures.accuracy, result.n_none) == (1, 1.0, 1)
    assert "Прочее" not in result.figures.per_class


def test_a_file_of_none_of_the_classes_has_nothing_to_score(predictor: Predictor, tmp_path: Path) -> None:
    with pytest.raises(FileUnreadable, match="besides those of none of the classes"):
        evaluate(predictor, tmp_path, "text,label\nпогода,Прочее\n", none=["Прочее"])


def test_several_labels_in_a_cell_are_no_errors_of_the_model(predictor: Predictor, tmp_path: Path) -> None:
    result = evaluate(predictor, tmp_path, "text,label\nкарта,Карта\nкарта,Карта;Перевод\n")
    assert (result.figures.n_messages, result.n_rejected) == (1, 1)


def test_dates_that_are_not_used_are_not_asked_for(predictor: Predictor, tmp_path: Path) -> None:
    result = evaluate(predictor, tmp_path, "text,label,date\nкарта,Карта,02/03/2026\n")
    assert result.figures.n_messages == 1
