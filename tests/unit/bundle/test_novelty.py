from pathlib import Path

import msgspec
import numpy as np
import pytest

from firstline.bundle.files import sha256
from firstline.bundle.novelty import NoveltyDetector, Reference, Signal
from firstline.bundle.part_files import PartFiles
from firstline.errors import BundleDamaged

N_LABELS = 3
SURE = np.array([[0.96, 0.02, 0.02]], np.float32)
TORN = np.array([[0.4, 0.35, 0.25]], np.float32)


def detector(n_signals: int = 3) -> NoveltyDetector:
    reference = Reference(np.eye(N_LABELS, dtype=np.float32), np.array([[2.6, -1.3, -1.3]], np.float32))
    return NoveltyDetector(reference, (Signal(0.0, 1.0, 1.0),) * n_signals, 1.0)


def saved(folder: Path, found: NoveltyDetector) -> PartFiles:
    found.save(folder)
    return PartFiles(folder)


def test_a_torn_answer_is_less_familiar_than_a_sure_one() -> None:
    sure, torn = detector()(np.concatenate([SURE, TORN]))
    assert 0 <= sure < 0.5 < torn <= 1


def test_at_the_limit_novelty_is_one_half() -> None:
    found = detector()
    score = found.score(found.reference.signals(SURE, None))[0]
    at_limit = NoveltyDetector(found.reference, found.weighed, found.limit + score)
    assert at_limit(SURE)[0] == pytest.approx(0.5)


def test_an_answer_far_from_every_centre_is_less_familiar_though_it_is_as_sure() -> None:
    near, far = detector()(np.concatenate([SURE, SURE[:, ::-1]]))
    assert near < far


def test_the_probability_of_none_counts() -> None:
    low, high = (detector(4)(SURE, np.array([none], np.float32))[0] for none in (0.01, 0.9))
    assert low < high


@pytest.mark.parametrize("none", [0.0, 1.0])
def test_certain_answers_give_numbers(none: float) -> None:
    certain = np.array([[1.0, 0.0, 0.0]], np.float32)
    assert np.isfinite(detector(4)(certain, np.array([none], np.float32))).all()


def test_an_answer_does_not_depend_on_its_neighbours() -> None:
    together = detector()(np.concatenate([SURE, TORN]))
    assert np.concatenate([detector()(SURE), detector()(TORN)]) == pytest.approx(together)


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    loaded = NoveltyDetector.load(saved(tmp_path, detector(4)), N_LABELS, has_none=True)
    none = np.array([0.3], np.float32)
    assert loaded(TORN, none) == detector(4)(TORN, none)


@pytest.mark.parametrize(("n_labels", "has_none"), [(N_LABELS + 1, False), (N_LABELS, True)])
def test_a_detector_that_does_not_fit_the_model_is_refused(tmp_path: Path, n_labels: int, has_none: bool) -> None:
    with pytest.raises(BundleDamaged):
        NoveltyDetector.load(saved(tmp_path, detector()), n_labels, has_none)


def test_half_a_detector_is_not_taken_for_none(tmp_path: Path) -> None:
    saved(tmp_path, detector())
    files = PartFiles(tmp_path, {path.name: sha256(path) for path in tmp_path.glob("*.npy")})
    assert NoveltyDetector.is_in(files)
    with pytest.raises(BundleDamaged):
        NoveltyDetector.load(files, N_LABELS, has_none=False)


@pytest.mark.parametrize("name", ["novelty_centres", "novelty_whitening"])
def test_values_whose_squares_are_not_finite_are_refused(tmp_path: Path, name: str) -> None:
    files = saved(tmp_path, detector())
    np.save(tmp_path / f"{name}.npy", np.full((N_LABELS, N_LABELS), 9e19, np.float32))
    with pytest.raises(BundleDamaged):
        NoveltyDetector.load(files, N_LABELS, has_none=False)


@pytest.mark.parametrize("changes", [{"weight": -1.0}, {"deviation": 5e-324}])
def test_a_signal_that_would_count_the_wrong_way_is_refused(tmp_path: Path, changes: dict[str, float]) -> None:
    files = saved(tmp_path, detector())
    described = msgspec.json.decode((tmp_path / "novelty.json").read_bytes())
    described["signals"]["entropy"].update(changes)
    (tmp_path / "novelty.json").write_bytes(msgspec.json.encode(described))
    with pytest.raises(BundleDamaged):
        NoveltyDetector.load(files, N_LABELS, has_none=False)


@pytest.mark.parametrize("value", [float("nan"), 1e9, "x"])
def test_weights_that_are_not_usual_are_refused(tmp_path: Path, value: object) -> None:
    files = saved(tmp_path, detector())
    described = msgspec.json.decode((tmp_path / "novelty.json").read_bytes())
    described["limit"] = value
    (tmp_path / "novelty.json").write_bytes(msgspec.json.encode(described))
    with pytest.raises(BundleDamaged):
        NoveltyDetector.load(files, N_LABELS, has_none=False)
