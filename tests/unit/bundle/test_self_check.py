import hashlib
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from firstline.bundle import predictor as predictor_module
from firstline.bundle.files import read_manifest
from firstline.bundle.manifest import Manifest, MaskPatterns, SelfCheck
from firstline.bundle.predictor import Predictor, WeightedPart
from firstline.bundle.self_check import SENTENCES, VERSION, check_itself, self_check_of
from firstline.errors import BundleDamaged
from firstline.text import rules
from firstline.text.readings import Reading
from tests.bundles import LABELS, hand_made_part, make_bundle, manifest, rewrite

WITH_PHONE = 3
"""The sentence that has a phone and an e-mail address to mask."""


def kept_by(written: Manifest) -> SelfCheck:
    assert written.self_check is not None
    return written.self_check


def changed(kept: SelfCheck, rows: Sequence[int], by: float) -> SelfCheck:
    """The same, but in these rows the first class loses what the second wins."""
    answers = np.array(kept.answers)
    answers[list(rows), 0] -= by
    answers[list(rows), 1] += by
    return msgspec.structs.replace(kept, answers=tuple(map(tuple, answers.tolist())))


@pytest.fixture
def checked(tmp_path: Path) -> Manifest:
    return make_bundle(tmp_path, checks_itself=True)


def test_the_sentences_of_a_version_stay() -> None:
    """If this fails, give the sentences a new `VERSION`: models would fail their self-check."""
    found = hashlib.sha256("\n\n".join(SENTENCES).encode()).hexdigest()[:16]
    assert (VERSION, found) == ("sentences.v1", "a1d6d8e275115b5f")


def test_the_sentences_have_something_to_mask_and_to_cut(tmp_path: Path) -> None:
    predictor = Predictor.load(tmp_path / make_bundle(tmp_path).id)
    read = [predictor.read(sentence).text for sentence in SENTENCES]
    assert read[WITH_PHONE] == "Перезвоните мне: <PHONE>, или напишите на <EMAIL>"
    assert [text for text, sentence in zip(read, SENTENCES, strict=True) if ">" in sentence] == [
        "Спасибо, теперь всё работает."
    ]


def test_a_model_keeps_its_answers_to_the_sentences(tmp_path: Path, checked: Manifest) -> None:
    predictor = Predictor.load(tmp_path / checked.id)
    kept = kept_by(predictor.manifest)
    # Segments take turns, beginning with none.
    asked = [
        predictor.read(SENTENCES[0]),
        predictor.read(SENTENCES[1], "customer"),
        predictor.read(SENTENCES[2], "lead"),
    ]
    assert len(kept.answers) == len(SENTENCES)
    np.testing.assert_allclose(kept.answers[:3], predictor.predict_proba(asked), atol=1e-6)


def test_a_model_that_answers_as_at_its_training_is_loaded_in_silence(tmp_path: Path, checked: Manifest) -> None:
    assert Predictor.load(tmp_path / checked.id).notes == ()


def test_the_self_check_is_not_part_of_the_identity(tmp_path: Path, checked: Manifest) -> None:
    assert make_bundle(tmp_path / "unchecked").id == checked.id


def test_a_model_that_is_written_again_gets_its_self_check(tmp_path: Path) -> None:
    make_bundle(tmp_path)
    written = make_bundle(tmp_path, checks_itself=True)
    assert kept_by(read_manifest(tmp_path / written.id)) == kept_by(written)


def test_answers_that_differ_a_little_pass(tmp_path: Path, checked: Manifest) -> None:
    folder = rewrite(tmp_path, checked.id, self_check=changed(kept_by(checked), range(len(SENTENCES)), 0.04))
    Predictor.load(folder)


def test_answers_that_differ_on_average_are_refused(tmp_path: Path, checked: Manifest) -> None:
    folder = rewrite(tmp_path, checked.id, self_check=changed(kept_by(checked), range(len(SENTENCES)), 0.06))
    with pytest.raises(BundleDamaged, match=r"12 sentences .* by 0\.060 on average, expected at most 0\.05"):
        Predictor.load(folder)


def test_one_answer_that_differs_much_is_refused(tmp_path: Path, checked: Manifest) -> None:
    kept = kept_by(checked)
    folder = rewrite(tmp_path, checked.id, self_check=changed(kept, [4], 0.3))
    with pytest.raises(BundleDamaged, match=r"sentence 5 by 0\.300, expected at most 0\.25") as caught:
        Predictor.load(folder)
    told = f"{caught.value.message} {caught.value.next_step}"
    got = kept.answers[4][0]
    assert f"probability {got:.3f} there, expected {got - 0.3:.3f}" in told
    assert checked.id in told
    assert "train it again here: firstline train" in told
    assert not any(sentence in told for sentence in SENTENCES if len(sentence) > 1)


def test_weights_that_answer_otherwise_are_refused(tmp_path: Path, checked: Manifest) -> None:
    """The hand-made model knows two words of the sentences and the segments."""
    other = Predictor(msgspec.structs.replace(checked), [WeightedPart(hand_made_part(strength=-4.0))])
    with pytest.raises(BundleDamaged, match="fails its self-check"):
        check_itself(other)


def test_sentences_that_are_read_otherwise_are_refused(
    tmp_path: Path, checked: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(predictor_module, "own_words", lambda text: text)
    with pytest.raises(BundleDamaged, match="it reads the sentences otherwise than at its training"):
        Predictor.load(tmp_path / checked.id)


def test_text_rules_that_make_something_else_are_refused(
    tmp_path: Path, checked: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(rules._BY_NAME, "case.v1", str.lower)
    with pytest.raises(BundleDamaged, match="it reads the sentences otherwise than at its training"):
        Predictor.load(tmp_path / checked.id)


def test_segments_that_are_read_otherwise_are_refused(
    tmp_path: Path, checked: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("firstline.text.rules.segment_token", lambda segment: f"xxkind_{segment}")
    with pytest.raises(BundleDamaged, match="it reads the sentences otherwise than at its training"):
        Predictor.load(tmp_path / checked.id)


def test_with_older_masks_sentences_that_todays_change_are_left_out(tmp_path: Path) -> None:
    draft = msgspec.structs.replace(manifest(), masks=MaskPatterns("masks.v1"))
    written = make_bundle(tmp_path, draft=draft, checks_itself=True)
    other = msgspec.structs.replace(changed(kept_by(written), [WITH_PHONE], 0.3), read="0" * 16)
    predictor = Predictor.load(rewrite(tmp_path, written.id, self_check=other))
    assert len(predictor.notes) == 1
    assert "older masks" in predictor.notes[0]


def test_with_older_masks_the_others_are_compared(tmp_path: Path) -> None:
    draft = msgspec.structs.replace(manifest(), masks=MaskPatterns("masks.v1"))
    written = make_bundle(tmp_path, draft=draft, checks_itself=True)
    folder = rewrite(tmp_path, written.id, self_check=changed(kept_by(written), [0], 0.3))
    with pytest.raises(BundleDamaged, match="its answers to 10 sentences differ"):
        Predictor.load(folder)


def test_other_sentences_are_not_compared_and_a_note_says_so(tmp_path: Path, checked: Manifest) -> None:
    folder = rewrite(tmp_path, checked.id, self_check=SelfCheck("sentences.v9", "", ((1.0,),)))
    (note,) = Predictor.load(folder).notes
    assert note == (
        f"Model {checked.id} was not checked: its self-check has the sentences 'sentences.v9'; this Firstline knows"
        f" '{VERSION}'."
    )


@pytest.mark.parametrize("answers", [(), ((1.0,),) * 12, ((0.5, 0.25, 0.25),) * 11, ((0.5, 0.25, 0.25), (1.0,)) * 6])
def test_answers_of_another_shape_are_refused(
    tmp_path: Path, checked: Manifest, answers: tuple[tuple[float, ...], ...]
) -> None:
    kept = msgspec.structs.replace(kept_by(checked), answers=answers)
    with pytest.raises(BundleDamaged, match="the answers of another model"):
        Predictor.load(rewrite(tmp_path, checked.id, self_check=kept))


class Gives:
    """A part that gives the same scores for every text, or fails."""

    reads: Reading = "written"

    def __init__(self, *scores: float, error: Exception | None = None) -> None:
        self.scores = scores
        self.error = error

    def predict_proba(self, texts: Sequence[str]) -> NDArray[np.float32]:
        if self.error:
            raise self.error
        return np.tile(np.array(self.scores, np.float32), (len(texts), 1))


def made_of(part: Gives, **changes: object) -> Predictor:
    return Predictor(msgspec.structs.replace(manifest(), **changes), [WeightedPart(part)])


def test_scores_that_are_not_numbers_fail() -> None:
    kept = self_check_of(made_of(Gives(0.5, 0.25, 0.25)))
    with pytest.raises(BundleDamaged, match="its scores are not probabilities"):
        check_itself(made_of(Gives(np.nan, 0.5, 0.5), self_check=kept))


def test_a_part_that_fails_is_named_without_what_it_says() -> None:
    kept = self_check_of(made_of(Gives(0.5, 0.25, 0.25)))
    failing = made_of(Gives(error=OSError("где мой перевод")), self_check=kept)
    with pytest.raises(BundleDamaged, match=r"OSError in test_self_check\.py, line \d+\.") as caught:
        check_itself(failing)
    assert "перевод" not in caught.value.message


def test_none_of_the_classes_is_a_column_more() -> None:
    kept = self_check_of(made_of(Gives(0.2, 0.1, 0.1, 0.6), none=True))
    np.testing.assert_allclose(kept.answers[0], [0.2, 0.1, 0.1, 0.6], atol=1e-6)


def test_classes_of_what_is_surely_none_of_them_may_change_places() -> None:
    kept = self_check_of(made_of(Gives(0.02, 0, 0, 0.98), none=True))
    assert check_itself(made_of(Gives(0, 0.02, 0, 0.98), none=True, self_check=kept)) == ()


def test_whether_it_is_none_of_the_classes_is_compared() -> None:
    kept = self_check_of(made_of(Gives(0.9, 0, 0, 0.1), none=True))
    with pytest.raises(BundleDamaged, match="on average"):
        check_itself(made_of(Gives(0.8, 0, 0, 0.2), none=True, self_check=kept))


def test_labels_have_a_row_each() -> None:
    assert {len(row) for row in self_check_of(made_of(Gives(0.5, 0.25, 0.25))).answers} == {len(LABELS)}
