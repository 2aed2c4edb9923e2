from pathlib import Path

import pytest

from firstline import Message, load
from firstline.bundle.registry import promote
from firstline.errors import BundleMissing, UsageError
from firstline.settings import settings_text
from tests.bundles import make_bundle


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A bundle in a folder of models of which it is the champion."""
    models = tmp_path / "models"
    written = make_bundle(models)
    promote(models, written.id)
    return models / written.id


@pytest.mark.parametrize("asked", ["где банкомат", ("где банкомат", None), Message("где банкомат")])
def test_texts_pairs_and_messages_are_answered(bundle: Path, asked: str | tuple[str, str | None] | Message) -> None:
    (answer,) = load(bundle).predict([asked])
    assert (answer.label, answer.error, len(answer.ranking)) == ("Банкомат", None, 3)
    assert 0.9 < (answer.confidence or 0) <= 1


def test_a_raw_text_is_masked_and_a_message_is_not(bundle: Path) -> None:
    model = load(bundle)
    phone = "+7 916 555-01-02"
    raw, masked = model.predict([phone, Message(phone)])
    assert (raw.label, masked.label) == ("Перевод", "Банкомат")
    assert (raw.confidence or 0) > 0.9 > (masked.confidence or 0)


def test_a_quoted_reply_is_cut(bundle: Path) -> None:
    (answer,) = load(bundle).predict(["где банкомат\n\nOn Mon, 1 Jan 2026 at 10:00, Anna wrote:\n> карта карта карта"])
    assert answer.label == "Банкомат"
    assert (answer.confidence or 0) > 0.9


def test_segments_count_and_unknown_ones_are_told(bundle: Path) -> None:
    lead, other = load(bundle).predict([("привет", "lead"), ("банкомат", "nobody")])
    assert lead.label == "Карта"
    assert other.warnings == ("the segment is unknown to the model and was ignored",)


def test_an_empty_text_has_an_error_and_the_others_an_answer(bundle: Path) -> None:
    first, second = load(bundle).predict([" ", "банкомат"])
    assert first.error is not None
    assert (first.error.code, first.label) == ("text_empty", None)
    assert second.label == "Банкомат"


def test_many_messages_keep_their_order(bundle: Path) -> None:
    answers = load(bundle).predict(["банкомат", "карта", "перевод"] * 200)
    assert [answer.label for answer in answers] == ["Банкомат", "Карта", "Перевод"] * 200
    assert load(bundle).predict([]) == []


@pytest.mark.parametrize("wrong", [None, 5, float("nan"), ("a", 5), ("a", "b", "c"), b"a"])
def test_what_is_no_text_is_refused_with_its_place(bundle: Path, wrong: object) -> None:
    with pytest.raises(UsageError, match=r"Message 1 is not a text: got (NoneType|int|float|tuple|bytes)"):
        load(bundle).predict(["банкомат", wrong])  # type: ignore[list-item]


def test_one_text_is_not_taken_for_a_list_of_letters(bundle: Path) -> None:
    with pytest.raises(UsageError, match="a list of messages"):
        load(bundle).predict("банкомат")


def test_broken_characters_are_answered(bundle: Path) -> None:
    assert load(bundle).predict(["банкомат \udce9"])[0].label == "Банкомат"


def test_the_champion_of_a_folder_of_models_is_loaded(bundle: Path) -> None:
    assert load(bundle.parent).id == load(str(bundle)).id == bundle.name


def test_a_workspace_decides_by_its_settings(bundle: Path) -> None:
    workspace = bundle.parent.parent
    text = settings_text("ru").replace("always_review = []", 'always_review = ["Банкомат"]')
    (workspace / "firstline.toml").write_text(text, "utf-8")
    assert load(workspace).predict(["банкомат"])[0].reason == "always_review"
    assert load(bundle).predict(["банкомат"])[0].reason != "always_review"


def test_a_model_says_what_it_is(bundle: Path) -> None:
    model = load(bundle)
    assert (model.id, model.labels) == (bundle.name, ("Банкомат", "Карта", "Перевод"))
    assert (model.manifest.candidate, model.notes) == ("linear.v1", ())


def test_a_folder_without_models_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleMissing):
        load(tmp_path)
