from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest

from firstline.bundle.answer_record import AnswerRecord
from firstline.bundle.decisions import Decider, load_record
from firstline.bundle.files import check_files
from firstline.bundle.manifest import Part
from firstline.bundle.predictor import Predictor
from firstline.bundle.promise import Promise
from firstline.errors import BundleDamaged, BundleVersionUnknown
from firstline.types import Message
from tests.bundles import LABELS, RECORD, hand_made_record, make_bundle, manifest

CARD = LABELS.index("Карта")
RECORD_OF_DOUBT = hand_made_record(n_right=30, n_wrong=30)
SURE = Message("карта карта")


def decider(record: AnswerRecord | None = RECORD, promise: float = 0.9, *always_review: str) -> Decider:
    return Decider(record, LABELS, Promise(precision=promise), always_review)


def test_a_confident_answer_is_routed() -> None:
    assert decider().decide(CARD, 0.7) == ("route", "confident")


def test_an_answer_below_the_threshold_goes_to_a_person() -> None:
    assert decider().decide(CARD, 0.69) == ("review", "low_confidence")


def test_a_class_of_the_team_always_goes_to_people() -> None:
    found = decider(RECORD, 0.9, "Карта")
    assert found.decide(CARD, 0.99) == ("review", "always_review")
    assert found.decide(LABELS.index("Перевод"), 0.99) == ("route", "confident")


def test_a_class_that_means_none_by_now_is_never_routed() -> None:
    found = Decider(RECORD, LABELS, Promise(precision=0.9), none=["Карта"])
    assert found.decide(CARD, 0.99) == ("unknown", "none_of_these")
    assert found.with_promise(Promise(precision=0.8)).decide(CARD, 0.99) == ("unknown", "none_of_these")
    assert found.held_out.unknown == (RECORD.predicted == CARD).sum()
    assert "meant none of the classes" in found.notes("m")[0]


def test_a_promise_out_of_reach_routes_nothing() -> None:
    assert decider(RECORD_OF_DOUBT).decide(CARD, 1.0) == ("review", "promise_out_of_reach")


def test_without_held_out_answers_everything_goes_to_people() -> None:
    assert decider(None).decide(CARD, 1.0) == ("review", "no_thresholds")


def test_a_message_above_the_limit_of_novelty_is_unknown() -> None:
    assert decider().decide(CARD, 0.99, 0.51) == ("unknown", "unfamiliar")
    assert decider().decide(CARD, 0.99, 0.5) == ("route", "confident")


def test_without_novelty_no_message_is_unknown() -> None:
    assert decider().decide(CARD, 0.99, 0.0)[0] == decider().decide(CARD, 0.99, None)[0] == "route"


def test_a_detector_that_is_sure_comes_first() -> None:
    found = decider(RECORD, 0.9, "Карта")
    assert found.decide(CARD, 0.99, 0.0, "no_known_words") == ("unknown", "no_known_words")


def test_unknown_messages_of_the_record_back_no_promise() -> None:
    novelty = np.where(RECORD.right, 0, 1).astype(np.float32)
    found = decider(replace(RECORD, novelty=novelty), 0.95).held_out
    assert (found.routed, found.right, found.unknown) == (60, 60, 2)


def test_held_out_decisions_count_messages_not_repeats() -> None:
    found = decider(replace(RECORD, n_repeats=2)).held_out
    assert (found.n_messages, found.routed, found.right) == (31, 31, 30)


def test_classes_that_always_go_to_people_are_not_routed_in_the_record() -> None:
    found = decider(RECORD, 0.9, "Карта").held_out
    assert found.routed == (RECORD.predicted != CARD).sum()


def test_another_promise_keeps_the_rest() -> None:
    found = decider(RECORD, 0.9, "Карта").with_promise(Promise(review=0.5))
    assert found.promise == Promise(review=0.5)
    assert found.decide(CARD, 0.99) == ("review", "always_review")


def loaded(folder: Path, record: AnswerRecord | None = RECORD, promise: float = 0.9) -> Predictor:
    return Predictor.load(folder / make_bundle(folder, record=record).id, Promise(precision=promise))


def test_the_predictor_decides(tmp_path: Path) -> None:
    (sure, unsure) = loaded(tmp_path).predict([SURE, Message("незнакомые слова")])
    assert (sure.label, sure.decision, sure.reason) == ("Карта", "route", "confident")
    assert (unsure.decision, unsure.reason) == ("unknown", "no_known_words")


def test_the_promise_changes_no_model(tmp_path: Path) -> None:
    (one,) = loaded(tmp_path).predict([SURE])
    (other,) = loaded(tmp_path, promise=0.99).predict([SURE])
    assert (other.decision, other.reason) == ("review", "promise_out_of_reach")
    assert other.ranking == one.ranking


def test_a_bundle_from_before_decisions_says_so_and_leaves_all_to_people(tmp_path: Path) -> None:
    predictor = loaded(tmp_path, None)
    (found,) = predictor.predict([SURE])
    assert (found.decision, found.reason) == ("review", "no_thresholds")
    assert "Train it again" in predictor.notes[0]


def test_a_name_that_is_no_class_is_a_note(tmp_path: Path) -> None:
    folder = tmp_path / make_bundle(tmp_path).id
    predictor = Predictor.load(folder, always_review=["Карта", "Угрозы"])
    assert [note for note in predictor.notes if "Угрозы" in note]
    assert not [note for note in predictor.notes if "Карта" in note]


def test_the_record_is_a_part_of_the_id_only_if_there_is_one(tmp_path: Path) -> None:
    without = make_bundle(tmp_path, record=None)
    assert without.id != make_bundle(tmp_path).id
    assert without.id == msgspec.structs.replace(manifest(), parts=without.parts).content_id()


@pytest.mark.parametrize("name", ["confidence.npy", "right.npy"])
def test_a_changed_record_is_found(tmp_path: Path, name: str) -> None:
    written = make_bundle(tmp_path)
    file = tmp_path / written.id / "decisions" / name
    content = file.read_bytes()
    file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(BundleDamaged, match=name):
        check_files(tmp_path / written.id, written)
    with pytest.raises(BundleDamaged, match=name):
        Predictor.load(tmp_path / written.id)


def test_a_record_of_another_kind_is_refused(tmp_path: Path) -> None:
    written = make_bundle(tmp_path)
    assert written.decisions is not None
    other = Part("decisions.v9", written.decisions.files, "decisions")
    with pytest.raises(BundleVersionUnknown, match=r"decisions\.v9"):
        load_record(tmp_path / written.id, msgspec.structs.replace(written, decisions=other))


def test_answers_of_novelty_1_are_unknown_however_many_there_are() -> None:
    n = len(RECORD.confidence)
    strange = replace(RECORD, novelty=np.where(np.arange(n) % 2, 1, 0.1).astype(np.float32))
    found = decider(strange)
    assert found.held_out.unknown == n // 2
    assert found.decide(CARD, 0.7, 0.5) == ("route", "confident")
