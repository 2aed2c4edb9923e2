"""The arrays of a part: plain .npy files, never pickled. An error names the file that is wrong."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firstline.errors import BundleDamaged


def save_array(folder: Path, name: str, array: NDArray[Any]) -> None:
    """Write `name`.npy."""
    np.save(folder / f"{name}.npy", array, allow_pickle=False)


def load_array(folder: Path, name: str, dtype: type[np.generic], ndim: int, mapped: bool = False) -> NDArray[Any]:
    """Read `name`.npy, which must have this type and number of dimensions, and finite values only.

    `mapped` maps the file into memory instead of reading it. Raises `BundleDamaged`.
    """
    path = folder / f"{name}.npy"
    try:
        array = np.load(path, mmap_mode="r" if mapped else None, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise damaged(path, str(error)) from None
    if not isinstance(array, np.ndarray) or array.dtype != dtype or array.ndim != ndim:
        raise damaged(path, f"expected {ndim} dimensions of {np.dtype(dtype).name}")
    if not np.isfinite(array).all():
        raise damaged(path, "some of its values are not finite")
    return array


def damaged(path: Path, why: str) -> BundleDamaged:
    """The error to raise for a damaged file of a part."""
    return BundleDamaged(f"{path} is damaged: {why}.", "Copy the model again, or train it again: firstline train")
