from pathlib import Path

import msgspec
import numpy as np
import pytest

from firstline.bundle.manifest import Calibration, MaskPatterns
from firstline.bundle.predictor import Predictor, calibrate
from firstline.errors import BundleDamaged, BundleVersionUnknown
from firstline.types import Message
from tests.bundles import hand_made_part, make_bundle, manifest


def load(tmp_path: Path, **changes: object) -> Predictor:
    draft = msgspec.structs.replace(manifest(), **changes)
    return Predictor.load(tmp_path / make_bundle(tmp_path, draft=draft).id)


def test_ranking_holds_every_class_most_confident_first(tmp_path: Path) -> None:
    prediction = load(tmp_path).predict([Message("Где мой ПЕРЕВОД")])[0]
    assert prediction.label == "Перевод"
    confidences = [item.confidence for item in prediction.ranking]
    assert confidences == sorted(confidences, reverse=True)
    assert {item.label for item in prediction.ranking} == {"Банкомат", "Карта", "Перевод"}
    assert sum(confidences) == pytest.approx(1)


def test_label_is_the_first_of_the_ranking(tmp_path: Path) -> None:
    prediction = load(tmp_path).predict([Message("карта")])[0]
    assert (prediction.label, prediction.confidence) == (prediction.ranking[0].label, prediction.ranking[0].confidence)


def test_no_messages_no_predictions(tmp_path: Path) -> None:
    assert load(tmp_path).predict([]) == []


def test_ties_go_by_the_order_of_the_labels(tmp_path: Path) -> None:
    prediction = load(tmp_path).predict([Message("незнакомые слова")])[0]
    assert [item.label for item in prediction.ranking] == ["Банкомат", "Карта", "Перевод"]


def test_raw_text_is_masked_as_at_import(tmp_path: Path) -> None:
    predictor = load(tmp_path)
    assert predictor.read("звоните +7 916 123-45-67", "lead") == Message("звоните <PHONE>", "lead")
    assert predictor.predict([predictor.read("+7 916 123-45-67")])[0].label == "Перевод"


def test_the_patterns_of_the_bundle_mask(tmp_path: Path) -> None:
    predictor = load(tmp_path, masks=MaskPatterns("masks.v1", (("POLICY", r"ПОЛИС-\d+"),)))
    assert predictor.read("мой ПОЛИС-77").text == "мой <POLICY>"


def test_segment_of_training_counts(tmp_path: Path) -> None:
    assert load(tmp_path).predict([Message("добрый день", "lead")])[0].label == "Карта"


def test_unknown_segment_is_ignored(tmp_path: Path) -> None:
    predictor = load(tmp_path)
    assert not predictor.knows_segment("vip")
    assert predictor.predict([Message("карта", "vip")]) == predictor.predict([Message("карта")])


def test_temperature_softens_and_keeps_the_order(tmp_path: Path) -> None:
    sharp = load(tmp_path).predict([Message("карта")])[0]
    soft = load(tmp_path, calibration=Calibration(3.0)).predict([Message("карта")])[0]
    assert soft.confidence < sharp.confidence
    assert [item.label for item in soft.ranking] == [item.label for item in sharp.ranking]


def test_calibration_at_temperature_one_changes_nothing() -> None:
    probabilities = np.array([[0.7, 0.2, 0.1]], np.float32)
    np.testing.assert_allclose(calibrate(probabilities, Calibration(1.0)), probabilities, atol=1e-6)


def test_calibration_takes_a_probability_of_zero() -> None:
    scaled = calibrate(np.array([[1.0, 0.0]], np.float32), Calibration(0.5))
    assert np.isfinite(scaled).all()


def test_unknown_masks_version_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleVersionUnknown, match=r"masks by 'masks\.v9'"):
        load(tmp_path, masks=MaskPatterns("masks.v9"))


def test_unknown_text_rule_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleVersionUnknown, match=r"text rule 'rot13\.v1'"):
        load(tmp_path, text_rules=("rot13.v1",))


def test_unknown_part_is_refused(tmp_path: Path) -> None:
    from firstline.bundle.files import write_bundle

    def export(folder: Path) -> str:
        hand_made_part().save(folder)
        return "oracle.v1"

    written = write_bundle(tmp_path, manifest(), export)
    with pytest.raises(BundleVersionUnknown, match=r"part of kind 'oracle\.v1'"):
        Predictor.load(tmp_path / written.id)


def test_part_that_cannot_be_read_is_damaged(tmp_path: Path) -> None:
    from firstline.bundle.files import write_bundle

    def export(folder: Path) -> str:
        hand_made_part().save(folder)
        (folder / "tfidf.json").write_text("[{}]", "utf-8")
        return "tfidf_linear.v1"

    written = write_bundle(tmp_path, manifest(), export)
    with pytest.raises(BundleDamaged, match="cannot be read"):
        Predictor.load(tmp_path / written.id)
