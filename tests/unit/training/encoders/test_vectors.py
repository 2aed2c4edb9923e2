import errno
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from firstline.errors import FileUnwritable
from firstline.steps import run_to_end
from firstline.training.encoders import vectors as module
from firstline.training.encoders.vectors import centred_vectors, vectors_of
from tests.encoders import CountingEncoder

TEXTS = [f"текст {'очень ' * (n % 7)}{n}" for n in range(150)]


@pytest.fixture
def encoder() -> CountingEncoder:
    return CountingEncoder()


def vectors(encoder: CountingEncoder, texts: Sequence[str], cache: Path | None = None) -> NDArray[np.float32]:
    return run_to_end(vectors_of(texts, encoder, cache))


def test_vectors_are_what_the_encoder_gives(encoder: CountingEncoder) -> None:
    found = vectors(encoder, TEXTS)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, encoder.encode(TEXTS), rtol=1e-3)


def test_centred_vectors_are_of_unit_length_around_their_mean(encoder: CountingEncoder) -> None:
    found = run_to_end(centred_vectors(TEXTS, encoder, None))
    raw = encoder.encode(TEXTS)
    expected = raw - raw.mean(axis=0)
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_progress_counts_to_the_number_of_texts(encoder: CountingEncoder) -> None:
    assert list(vectors_of(TEXTS, encoder, None)) == [(64, 150), (128, 150), (150, 150)]


def test_a_text_that_comes_twice_is_encoded_once(encoder: CountingEncoder) -> None:
    found = vectors(encoder, ["раз", "два 2", "раз"])
    assert sorted(encoder.asked) == ["два 2", "раз"]
    assert np.array_equal(found[0], found[2])


def test_only_new_texts_are_encoded(encoder: CountingEncoder, tmp_path: Path) -> None:
    vectors(encoder, TEXTS[:100], tmp_path / "vectors")
    encoder.asked.clear()
    found = vectors(encoder, TEXTS, tmp_path / "vectors")
    assert sorted(encoder.asked) == sorted(TEXTS[100:])
    np.testing.assert_array_equal(found, vectors(encoder, TEXTS))


def test_an_interrupted_run_goes_on(encoder: CountingEncoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_KEEP_EVERY", 64)
    steps = vectors_of(TEXTS, encoder, tmp_path)
    next(steps)
    next(steps)
    steps.close()
    done = set(encoder.asked)
    encoder.asked.clear()
    vectors(encoder, TEXTS, tmp_path)
    assert len(done) == 128
    assert set(encoder.asked) == set(TEXTS) - done


@pytest.mark.parametrize("n_bytes", [0, 30, -30])
def test_a_damaged_cache_is_computed_anew(encoder: CountingEncoder, tmp_path: Path, n_bytes: int) -> None:
    expected = vectors(encoder, TEXTS, tmp_path)
    content = (tmp_path / "fake-1.npy").read_bytes()
    (tmp_path / "fake-1.npy").write_bytes(content[:n_bytes])
    encoder.asked.clear()
    np.testing.assert_array_equal(vectors(encoder, TEXTS, tmp_path), expected)
    assert set(encoder.asked) == set(TEXTS)


def test_a_cache_with_a_changed_byte_is_computed_anew(encoder: CountingEncoder, tmp_path: Path) -> None:
    expected = vectors(encoder, TEXTS, tmp_path)
    content = bytearray((tmp_path / "fake-1.npy").read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "fake-1.npy").write_bytes(content)
    np.testing.assert_array_equal(vectors(encoder, TEXTS, tmp_path), expected)


def test_a_full_disk_is_said_and_leaves_what_was_kept(
    encoder: CountingEncoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vectors(encoder, TEXTS[:100], tmp_path)
    before = (tmp_path / "fake-1.npy").read_bytes()

    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(np, "save", fail)
    with pytest.raises(FileUnwritable, match="No space left on device"):
        vectors(encoder, TEXTS, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["fake-1.npy"]
    assert (tmp_path / "fake-1.npy").read_bytes() == before


def test_a_place_that_is_no_folder_is_said(encoder: CountingEncoder, tmp_path: Path) -> None:
    (tmp_path / "vectors").write_text("")
    with pytest.raises(FileUnwritable, match="cannot be kept"):
        vectors(encoder, TEXTS, tmp_path / "vectors")


def test_a_cache_of_something_else_is_computed_anew(encoder: CountingEncoder, tmp_path: Path) -> None:
    expected = vectors(encoder, TEXTS)
    np.save(tmp_path / "fake-1.npy", np.zeros((150, 3)))
    np.testing.assert_array_equal(vectors(encoder, TEXTS, tmp_path), expected)
