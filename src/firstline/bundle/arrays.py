"""Arrays of a part: plain .npy files, never pickled, refused by name where they are not what they should be."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firstline.errors import BundleDamaged


def save_array(folder: Path, name: str, array: NDArray[Any]) -> None:
    """Write `name`.npy."""
    np.save(folder / f"{name}.npy", array, allow_pickle=False)


def load_array(folder: Path, name: str, dtype: type[np.generic], ndim: int, mapped: bool = False) -> NDArray[Any]:
    """Read `name`.npy, of this type and number of dimensions, all of it finite.

    `mapped` leaves it on disk until it is read. Raises `BundleDamaged`.
    """
    path = folder / f"{name}.npy"
    try:
        array = np.load(path, mmap_mode="r" if mapped else None, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise damaged(path, str(error)) from None
    if not isinstance(array, np.ndarray) or array.dtype != dtype or array.ndim != ndim:
        raise damaged(path, f"expected {ndim} dimensions of {np.dtype(dtype).name}")
    if not np.isfinite(array).all():
        raise damaged(path, "it holds values that are not finite")
    return array


def damaged(path: Path, why: str) -> BundleDamaged:
    """The error for a file of a part."""
    return BundleDamaged(f"{path} is damaged: {why}.", "Copy the model again, or train it again: firstline train")
