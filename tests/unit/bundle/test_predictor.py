from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from firstline.bundle.confidence import calibrate, with_confidence
from firstline.bundle.manifest import BetaCalibration, Calibration, MaskPatterns
from firstline.bundle.predictor import Predictor, WeightedPart
from firstline.errors import BundleDamaged, BundleVersionUnknown, ScoresNotFinite
from firstline.text.masks import MASKS_VERSION
from firstline.text.readings import Reading
from firstline.types import Message
from tests.bundles import LABELS, hand_made_part, make_bundle, manifest


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


def test_vectors_of_messages_have_length_1_and_are_near_if_answers_are_alike(tmp_path: Path) -> None:
    vectors = load(tmp_path).vectors([Message("карта"), Message("моя карта"), Message("перевод")])
    assert vectors.shape == (3, 3)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1)
    assert vectors[0] @ vectors[1] == pytest.approx(1)
    assert vectors[0] @ vectors[2] < 0.5


def test_no_messages_no_vectors(tmp_path: Path) -> None:
    assert load(tmp_path).vectors([]).shape == (0, 3)


def test_no_messages_no_predictions(tmp_path: Path) -> None:
    assert load(tmp_path).predict([]) == []


def test_ties_go_by_the_order_of_the_labels(tmp_path: Path) -> None:
    prediction = load(tmp_path).predict([Message("незнакомые слова")])[0]
    assert [item.label for item in prediction.ranking] == ["Банкомат", "Карта", "Перевод"]


def test_raw_text_is_masked_as_at_import(tmp_path: Path) -> None:
    predictor = load(tmp_path)
    assert predictor.read("звоните +7 916 123-45-67", "lead") == Message("звоните <PHONE>", "lead")
    assert predictor.predict([predictor.read("+7 916 123-45-67")])[0].label == "Перевод"


def test_an_email_is_read_as_at_import(tmp_path: Path) -> None:
    predictor = load(tmp_path)
    assert predictor.read("Где карта?\n> Ваш перевод\n> зачислен").text == "Где карта?"


def test_a_bundle_that_was_trained_on_whole_emails_reads_them_whole(tmp_path: Path) -> None:
    predictor = load(tmp_path, emails="")
    assert predictor.read("Где карта?\n> Ваш перевод\n> зачислен").text == "Где карта? > Ваш перевод > зачислен"


def test_unknown_rules_for_emails_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleVersionUnknown, match=r"quoted replies with the rules 'emails\.v9'"):
        load(tmp_path, emails="emails.v9")


def test_the_patterns_of_the_bundle_mask(tmp_path: Path) -> None:
    predictor = load(tmp_path, masks=MaskPatterns(MASKS_VERSION, (("POLICY", r"ПОЛИС-\d+"),)))
    assert predictor.read("мой ПОЛИС-77").text == "мой <POLICY>"


def test_segment_of_training_counts(tmp_path: Path) -> None:
    assert load(tmp_path).predict([Message("добрый день", "lead")])[0].label == "Карта"


def test_unknown_segment_is_ignored(tmp_path: Path) -> None:
    predictor = load(tmp_path)
    assert not predictor.knows_segment("vip")
    assert predictor.predict([Message("карта", "vip")]) == predictor.predict([Message("карта")])


class Told:
    """A part that remembers what it was given to read."""

    def __init__(self, reads: Reading) -> None:
        self.reads = reads
        self.texts: list[str] = []

    def predict_proba(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.texts += texts
        return np.full((len(texts), 3), 1 / 3, np.float32)


class Gives:
    """A part that gives the same scores for every text."""

    reads: Reading = "written"

    def __init__(self, *scores: float) -> None:
        self.scores = scores

    def predict_proba(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.tile(np.array(self.scores, np.float32), (len(texts), 1))


@pytest.mark.parametrize("temperature", [1.0, 2.0])
@pytest.mark.parametrize(
    "scores",
    [(np.nan, 0.5, 0.5), (np.inf, 0, 0), (np.nan,) * 3, (1.5, -0.5, 0), (0.5, 0.4, 0.3), (0, 0, 0), (0.5, 0.5)],
)
def test_scores_that_are_not_probabilities_are_an_error(scores: tuple[float, ...], temperature: float) -> None:
    predictor = Predictor(manifest(), [WeightedPart(Gives(*scores), temperature=temperature)])
    with pytest.raises(ScoresNotFinite, match=r"gives scores that are not probabilities"):
        predictor.predict([Message("карта")])


def test_one_part_with_bad_scores_spoils_the_mean() -> None:
    with pytest.raises(ScoresNotFinite):
        Predictor(manifest(), [WeightedPart(Gives(0.2, 0.3, 0.5)), WeightedPart(Gives(np.nan, 0, 0))]).predict(
            [Message("карта")]
        )


def test_a_model_without_labels_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleDamaged, match="has no label"):
        load(tmp_path, labels=())


@pytest.mark.parametrize(
    ("reads", "texts"),
    [
        ("ruled", ["xxseg_lead xxmask_phone xxup верните xxseg_lead", "xxcap верните"]),
        ("written", ["lead. <PHONE> ВЕРНИТЕ", "Верните"]),
    ],
)
def test_a_part_reads_as_it_says(reads: Reading, texts: list[str]) -> None:
    part = Told(reads)
    Predictor(manifest(), [WeightedPart(part)]).predict([Message("<PHONE> ВЕРНИТЕ", "lead"), Message("Верните", "vip")])
    assert part.texts == texts


def test_temperature_softens_and_keeps_the_order(tmp_path: Path) -> None:
    sharp = load(tmp_path).predict([Message("карта")])[0]
    soft = load(tmp_path, calibration=Calibration(3.0)).predict([Message("карта")])[0]
    assert soft.confidence < sharp.confidence
    assert [item.label for item in soft.ranking] == [item.label for item in sharp.ranking]


def test_confidence_is_applied_after_the_temperature(tmp_path: Path) -> None:
    beta = BetaCalibration(a=0.5, b=0.7, c=0.2, lead=0.1)
    softer = load(tmp_path, calibration=Calibration(3.0))
    both = load(tmp_path, calibration=Calibration(3.0), confidence=beta)
    messages = [Message("карта"), Message("карта перевод банкомат")]
    np.testing.assert_array_equal(both.predict_proba(messages), with_confidence(softer.predict_proba(messages), beta))
    assert both.predict(messages)[0].confidence == pytest.approx(both.predict_proba(messages)[0].max())


@pytest.mark.parametrize("c", [-50.0, 50.0])
def test_confidence_keeps_the_order_of_the_ranking(c: float) -> None:
    scores = WeightedPart(Gives(0.3, 0.3 + 1e-7, 0.4 - 1e-7))
    before = Predictor(manifest(), [scores]).predict([Message("карта")])[0]
    beta = BetaCalibration(a=1.0, b=1.0, c=c)
    after = Predictor(msgspec.structs.replace(manifest(), confidence=beta), [scores]).predict([Message("карта")])[0]
    assert [item.label for item in after.ranking] == [item.label for item in before.ranking]


def test_calibration_at_temperature_one_changes_nothing() -> None:
    probabilities = np.array([[0.7, 0.2, 0.1]], np.float32)
    np.testing.assert_allclose(calibrate(probabilities, 1.0), probabilities, atol=1e-6)


def test_calibration_takes_a_probability_of_zero() -> None:
    scaled = calibrate(np.array([[1.0, 0.0]], np.float32), 0.5)
    assert np.isfinite(scaled).all()


def test_older_masks_are_served_with_todays_and_a_note(tmp_path: Path) -> None:
    predictor = load(tmp_path, masks=MaskPatterns("masks.v1"))
    assert predictor.read("oleg&#64;post.example").text == "<EMAIL>"
    (sentence,) = predictor.notes
    assert "masks.v1" in sentence
    assert sentence.endswith("firstline train")


def test_todays_masks_need_no_note(tmp_path: Path) -> None:
    assert load(tmp_path).notes == ()


def test_unknown_masks_version_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleVersionUnknown, match=r"uses the masks 'masks\.v9'"):
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


def write_damaged(models: Path, name: str, content: bytes) -> Path:
    """A bundle with one spoilt file, its hash made right."""
    from firstline.bundle.files import write_bundle

    def export(folder: Path) -> str:
        part = hand_made_part()
        part.save(folder)
        (folder / name).write_bytes(content)
        return part.kind

    return models / write_bundle(models, manifest(), export).id


def array_bytes(array: np.ndarray, allow_pickle: bool = False) -> bytes:
    buffer = BytesIO()
    np.save(buffer, array, allow_pickle=allow_pickle)
    return buffer.getvalue()


BLOCK = b'[{"analyzer":"word","low":1,"high":1,"case_tokens":true,"n_features":6}]'


def test_the_block_that_is_spoilt_below_is_a_good_one(tmp_path: Path) -> None:
    assert Predictor.load(write_damaged(tmp_path, "tfidf.json", BLOCK)).predict([Message("карта")])[0].label == "Карта"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("tfidf.json", b"[{}]"),
        ("tfidf.json", b'["a"]'),
        ("tfidf.json", b"\xff"),
        ("tfidf.json", b'[{"analyzer":"oracle","low":1,"high":1,"case_tokens":true,"n_features":6}]'),
        ("tfidf.json", BLOCK.replace(b'"high":1', b'"high":1000000000')),
        ("tfidf.json", BLOCK.replace(b'"low":1', b'"low":0')),
        ("tfidf.json", BLOCK.replace(b'"low":1', b'"low":-1000000000')),
        ("tfidf.json", b"[" + BLOCK[1:-1] + b"," + BLOCK[1:-1].replace(b":6}", b":-1}") + b"]"),
        ("tfidf.json", b"[" + BLOCK[1:-1] + b"," + b",".join([BLOCK[1:-1].replace(b":6}", b":0}")] * 10) + b"]"),
        ("idf.npy", array_bytes(np.array([1, 1, 1, 1, 0, 1], np.float32))),
        ("idf.npy", array_bytes(np.array([1, 1, 1, 1, -1, 1], np.float32))),
        ("weights.npy", array_bytes(np.full((6, 3), 1e38, np.float32))),
        ("vocabulary.txt", b""),
        ("vocabulary.txt", b"\xff\xfe"),
        ("weights.npy", b""),
        ("weights.npy", b"not an array"),
        ("weights.npy", array_bytes(np.zeros((6, 2), np.float32))),
        ("weights.npy", array_bytes(np.zeros((6, 3), np.float64))),
        ("weights.npy", array_bytes(np.full((6, 3), np.nan, np.float32))),
        ("bias.npy", array_bytes(np.zeros(2, np.float32))),
        ("idf.npy", array_bytes(np.array([print], dtype=object), allow_pickle=True)),
    ],
)
def test_part_with_a_spoilt_file_is_refused_by_name(tmp_path: Path, name: str, content: bytes) -> None:
    folder = write_damaged(tmp_path, name, content)
    with pytest.raises(BundleDamaged, match=r"\.(npy|json|txt) is damaged") as caught:
        Predictor.load(folder)
    assert str(folder) in caught.value.message


def test_mask_pattern_that_is_none_is_damage(tmp_path: Path) -> None:
    with pytest.raises(BundleDamaged, match="contains an invalid mask pattern"):
        load(tmp_path, masks=MaskPatterns(MASKS_VERSION, (("POLICY", "("),)))


def test_a_mask_pattern_of_an_earlier_version_that_can_hang_is_named(tmp_path: Path) -> None:
    with pytest.raises(BundleVersionUnknown, match="refers back to a group") as caught:
        load(tmp_path, masks=MaskPatterns(MASKS_VERSION, (("POLICY", r"(\d)\1"),)))
    assert "train again" in caught.value.next_step


def taught(*parts: WeightedPart, temperature: float = 1.0) -> Predictor:
    return Predictor(msgspec.structs.replace(manifest(temperature=temperature), none=True), parts)


def test_none_of_the_classes_is_taken_away_before_the_temperature() -> None:
    predictor = taught(WeightedPart(Gives(0.2, 0.1, 0.1, 0.6)), temperature=0.5)
    team, none = predictor._mixed([Message("а"), Message("б")])
    np.testing.assert_allclose(team, [[0.5, 0.25, 0.25]] * 2)
    assert none is not None
    np.testing.assert_allclose(none, [0.6, 0.6])
    np.testing.assert_allclose(predictor.predict_proba([Message("а")]), [[4 / 6, 1 / 6, 1 / 6]], atol=1e-6)
    assert [one.label for one in predictor.predict([Message("а")])[0].ranking] == list(LABELS)


def test_none_of_the_classes_is_mixed_like_a_class() -> None:
    predictor = taught(WeightedPart(Gives(0, 0, 0, 1), 0.75), WeightedPart(Gives(0.5, 0.5, 0, 0), 0.25))
    team, none = predictor._mixed([Message("а")])
    assert none is not None
    np.testing.assert_allclose(none, [0.75])
    np.testing.assert_allclose(team, [[0.5, 0.5, 0]])


def test_none_of_the_classes_can_be_asked_for_as_the_last_column() -> None:
    predictor = taught(WeightedPart(Gives(0.2, 0.1, 0.1, 0.6)), temperature=0.5)
    found = predictor.predict_with_none([Message("а")])
    np.testing.assert_allclose(found, [[0.4 * 4 / 6, 0.4 / 6, 0.4 / 6, 0.6]], atol=1e-6)


def test_without_such_messages_there_is_no_such_column() -> None:
    predictor = Predictor(manifest(), [WeightedPart(Gives(0.5, 0.25, 0.25))])
    assert predictor.predict_with_none([Message("а")]).tolist() == [[0.5, 0.25, 0.25]]


def test_what_is_certainly_none_of_the_classes_is_still_ranked() -> None:
    predictor = taught(WeightedPart(Gives(0, 0, 0, 1)), temperature=2.0)
    np.testing.assert_allclose(predictor.predict_proba([Message("а")]), np.full((1, 3), 1 / 3), atol=1e-6)


def test_a_part_without_the_column_for_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleDamaged, match="expected"):
        load(tmp_path, none=True)


def test_without_such_messages_nothing_is_said_about_none() -> None:
    team, none = Predictor(manifest(), [WeightedPart(Gives(0.5, 0.25, 0.25))])._mixed([Message("а")])
    assert none is None
    np.testing.assert_allclose(team, [[0.5, 0.25, 0.25]])


def test_no_messages_are_none_of_the_classes() -> None:
    team, none = taught(WeightedPart(Gives(0, 0, 0, 1)))._mixed([])
    assert none is not None
    assert (team.shape, none.shape) == ((0, 3), (0,))
