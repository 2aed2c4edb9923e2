"""Held-out answers in a run: written, read back, checked, found by model."""

import os
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest

from firstline.errors import InputError
from firstline.evaluation.held_out import HeldOut, find_held_out, held_out_file, keys_of
from firstline.store.messages import StoredMessage
from firstline.types import Message

MESSAGES = [Message("где карта"), Message("не войти", "lead"), Message("где деньги")]
SOUND = HeldOut(
    "linear.v1-abc",
    ("Вход", "Карта"),
    keys_of(MESSAGES),
    np.array([1, 0, 1]),
    np.array([[0.25, 0.75], [1, 0], [0.5, 0.5]], np.float32),
    np.zeros(3, np.float32),
)


def keep(runs: Path, run: str, held_out: HeldOut, *, model: str = "", started_at: str = "1") -> None:
    """A run that made one model; `model` is another than the answers are of."""
    (runs / run).mkdir(exist_ok=True)
    held_out.save(held_out_file(runs / run, model or held_out.model))
    (runs / run / "run.json").write_bytes(msgspec.json.encode({"id": run, "started_at": started_at}))


def test_it_is_read_as_it_was_written(tmp_path: Path) -> None:
    SOUND.save(tmp_path / "a.npz")
    found = HeldOut.load(tmp_path / "a.npz")
    assert found is not None
    assert (found.model, found.labels) == (SOUND.model, SOUND.labels)
    for name in ("keys", "truth", "probabilities", "novelty"):
        np.testing.assert_array_equal(getattr(found, name), getattr(SOUND, name))


def test_only_its_owner_may_read_it(tmp_path: Path) -> None:
    SOUND.save(tmp_path / "a.npz")
    assert (tmp_path / "a.npz").stat().st_mode & 0o777 == 0o600


def test_keys_are_those_of_the_store() -> None:
    assert [row.tobytes() for row in keys_of(MESSAGES)] == [
        StoredMessage(message.text, message.segment).key for message in MESSAGES
    ]


@pytest.mark.parametrize(
    "damage",
    [
        {"keys": SOUND.keys[:2]},
        {"keys": SOUND.keys.astype(np.int64)},
        {"keys": np.repeat(SOUND.keys[:1], 3, axis=0)},
        {"truth": np.array([1, 0, 2])},
        {"truth": np.array([1, 0, -1])},
        {"truth": np.array([1.0, 0.0, 1.0])},
        {"truth": np.array(1)},
        {"probabilities": SOUND.probabilities.astype(np.float64)},
        {"probabilities": SOUND.probabilities[:, :1]},
        {"probabilities": SOUND.probabilities * 2},
        {"probabilities": np.array([[2, -1], [1, 0], [1, 0]], np.float32)},
        {"probabilities": np.full((3, 2), np.nan, np.float32)},
        {"novelty": np.full(3, 2, np.float32)},
        {"novelty": np.full(3, np.nan, np.float32)},
        {"labels": ("Вход", "Вход")},
        {"labels": ("Вход",)},
    ],
    ids=lambda damage: f"{next(iter(damage))}",
)
def test_what_does_not_fit_together_is_damaged(tmp_path: Path, damage: dict[str, object]) -> None:
    replace(SOUND, **damage).save(tmp_path / "a.npz")  # type: ignore[arg-type]
    assert HeldOut.load(tmp_path / "a.npz") is None


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.npz")
    assert HeldOut.load(tmp_path / "a.npz") is None


def test_labels_that_are_numbers_are_damaged(tmp_path: Path) -> None:
    arrays = {name: getattr(SOUND, name) for name in ("keys", "truth", "probabilities", "novelty")}
    np.savez(tmp_path / "a.npz", model=np.array("m"), labels=np.array([1, 2]), **arrays)
    assert HeldOut.load(tmp_path / "a.npz") is None


def test_a_file_that_is_cut_off_is_damaged(tmp_path: Path) -> None:
    SOUND.save(tmp_path / "a.npz")
    (tmp_path / "b.npz").write_bytes((tmp_path / "a.npz").read_bytes()[:-100])
    assert HeldOut.load(tmp_path / "b.npz") is None


def test_a_packed_archive_is_not_read(tmp_path: Path) -> None:
    """A few bytes of one may fill the memory."""
    arrays = {name: getattr(SOUND, name) for name in ("keys", "truth", "probabilities")}
    novelty = np.zeros(1_000_000, np.float32)
    np.savez_compressed(
        tmp_path / "a.npz", model=np.array("m"), labels=np.array(SOUND.labels), novelty=novelty, **arrays
    )
    assert HeldOut.load(tmp_path / "a.npz") is None


def test_the_newest_run_of_a_model_is_found(tmp_path: Path) -> None:
    keep(tmp_path, "old", replace(SOUND, truth=np.array([0, 0, 0])), started_at="1")
    keep(tmp_path, "new", SOUND, started_at="3")
    keep(tmp_path, "of another", replace(SOUND, model="lsa.v1-def"), started_at="5")
    assert find_held_out(tmp_path, SOUND.model).truth.tolist() == [1, 0, 1]


def test_a_damaged_file_gives_way_to_an_older_run(tmp_path: Path) -> None:
    keep(tmp_path, "old", SOUND, started_at="1")
    keep(tmp_path, "new", SOUND, started_at="3")
    held_out_file(tmp_path / "new", SOUND.model).write_bytes(b"PK")
    assert find_held_out(tmp_path, SOUND.model).model == SOUND.model


def test_a_run_that_made_another_model_since_keeps_the_answers_of_both(tmp_path: Path) -> None:
    keep(tmp_path, "run", SOUND)
    keep(tmp_path, "run", replace(SOUND, model="lsa.v1-def"))
    for model in (SOUND.model, "lsa.v1-def"):
        assert find_held_out(tmp_path, model).model == model


def test_answers_of_another_model_do_not_count(tmp_path: Path) -> None:
    keep(tmp_path, "run", replace(SOUND, model="lsa.v1-def"), model=SOUND.model)
    with pytest.raises(InputError, match="its run has none that can be read"):
        find_held_out(tmp_path, SOUND.model)


@pytest.mark.parametrize("runs", ["", "nowhere"])
def test_without_a_run_the_user_is_told_to_train(tmp_path: Path, runs: str) -> None:
    with pytest.raises(InputError, match="no run in the workspace has them") as caught:
        find_held_out(tmp_path / runs, SOUND.model)
    assert "firstline train" in caught.value.next_step
