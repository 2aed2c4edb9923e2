from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from firstline.bundle.arrays import load_array, save_array
from firstline.bundle.part_files import PartFiles
from firstline.errors import BundleDamaged

HEADER = "{{'descr': '{}', 'fortran_order': False, 'shape': {}, }}"


def npy(header: str, data: bytes = b"", version: bytes = b"\x01\x00") -> bytes:
    """A .npy file with any header."""
    content = header.encode() + b"\n"
    return b"\x93NUMPY" + version + len(content).to_bytes(2, "little") + content + data


def load(folder: Path, content: bytes, dtype: type[np.generic] = np.float32, ndim: int = 2) -> NDArray[np.generic]:
    (folder / "a.npy").write_bytes(content)
    return load_array(PartFiles(folder), "a", dtype, ndim)


def test_a_full_disk_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.npy").symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left on device"):
        save_array(tmp_path, "a", np.zeros(100_000, np.float32))


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6, dtype=np.float32).reshape(2, 3),
        np.asfortranarray(np.arange(6, dtype=np.float32).reshape(2, 3)),
        np.zeros((0, 3), np.float32),
        np.array([-3, 4], np.int8),
        np.array([[1, 2]], np.float16),
        np.array([0.1], np.float64),
    ],
)
def test_what_was_saved_is_loaded(tmp_path: Path, array: NDArray[np.generic]) -> None:
    save_array(tmp_path, "a", array)
    loaded = load_array(PartFiles(tmp_path), "a", array.dtype.type, array.ndim)
    np.testing.assert_array_equal(loaded, array)
    assert loaded.dtype == array.dtype
    assert not loaded.flags.writeable


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"((((",
        npy("(" * 900),
        npy("(" * 60_000),
        npy(HEADER.format("<f4", "(1000000, 1000000)")),
        npy(HEADER.format("<f4", "(1000000, 1000000)"), bytes(24)),
        npy(HEADER.format("<f4", "(0, 9" + "9" * 200 + ")")),
        npy(HEADER.format("<f4", "(-1, 3)"), bytes(24)),
        npy(HEADER.format("<f4", "(2, 3)"), bytes(20)),
        npy(HEADER.format("<f4", "(2, 3)"), bytes(28)),
        npy(HEADER.format("<f4", "(6,)"), bytes(24)),
        npy(HEADER.format("<f8", "(2, 3)"), bytes(48)),
        npy(HEADER.format(">f4", "(2, 3)"), bytes(24)),
        npy(HEADER.format("|O", "(2, 3)"), bytes(24)),
        npy(HEADER.format("<f4", "(2, 3)"), bytes(24), version=b"\x09\x00"),
    ],
)
def test_a_file_that_is_not_the_expected_array_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(BundleDamaged, match=r"a\.npy is damaged"):
        load(tmp_path, content)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e38, -1e38])
def test_values_that_would_overflow_are_refused_by_name(tmp_path: Path, value: float) -> None:
    buffer = BytesIO()
    np.save(buffer, np.array([[0, value]], np.float32))
    with pytest.raises(BundleDamaged, match=r"a\.npy is damaged: it holds values that are not numbers from -1e\+20"):
        load(tmp_path, buffer.getvalue())


def test_a_truth_value_of_another_byte_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleDamaged, match="neither true nor false"):
        load(tmp_path, npy(HEADER.format("|b1", "(2,)"), b"\x01\x07"), np.bool_, 1)
