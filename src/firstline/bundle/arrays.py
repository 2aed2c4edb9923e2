"""Arrays of a part: plain .npy files, never pickled, refused by name if they are not what they should be."""

import errno
import math
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firstline.bundle.part_files import PartFiles, damaged

_HEADER = re.compile(
    rb"\x93NUMPY\x01\x00..\{'descr': '([<>|]\w{2,4})', 'fortran_order': (True|False), 'shape': \(([\d, ]*)\), \} *\n",
    re.DOTALL,
)
"""What `numpy.save` writes. NumPy's own reader evaluates it as Python and copies the array."""
_LONGEST_HEADER = 1_000
_LARGEST = 1e20
"""Well above any weight, and far enough below the largest float32 for sums and products to stay finite."""


def save_array(folder: Path, name: str, array: NDArray[Any]) -> None:
    """Write `name`.npy. Raises `OSError`."""
    try:
        np.save(folder / f"{name}.npy", array, allow_pickle=False)
    except OSError as error:
        if error.errno is not None:
            raise
        # NumPy says no more than how many numbers were not written, for which a full disk is the reason.
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error


def load_array(
    files: PartFiles, name: str, dtype: type[np.generic], ndim: int, largest: float = _LARGEST
) -> NDArray[Any]:
    """Read `name`.npy, of this type and number of dimensions, its values from -`largest` to `largest`.

    The array is read-only and lies in the bytes that were read. Raises `BundleDamaged`.
    """
    path = files.folder / f"{name}.npy"
    content = files.read(path.name)
    header = _HEADER.match(content[:_LONGEST_HEADER])
    if not header:
        raise damaged(path, "its header is not that of an array")
    shape = tuple(int(size) for size in re.findall(rb"\d{1,18}", header[3]))
    if header[1].decode() != np.lib.format.dtype_to_descr(np.dtype(dtype)) or len(shape) != ndim:
        raise damaged(path, f"expected {ndim} dimensions of {np.dtype(dtype).name}")
    size_bytes = math.prod(shape) * np.dtype(dtype).itemsize
    if size_bytes != len(content) - header.end():
        raise damaged(path, f"its shape takes {size_bytes:,} bytes, and it holds {len(content) - header.end():,}")
    flat = np.frombuffer(content, dtype, offset=header.end())
    # `min` and `max` are not a number if one value is not; they need no second array of this size.
    if flat.size and not (float(flat.min()) >= -largest and float(flat.max()) <= largest):
        raise damaged(path, f"it holds values that are not numbers from {-largest:g} to {largest:g}")
    # NumPy counts another byte as often as it says.
    if dtype is np.bool_ and flat.size and flat.view(np.uint8).max() > 1:
        raise damaged(path, "it holds bytes that are neither true nor false")
    try:
        return flat.reshape(shape, order="F" if header[2] == b"True" else "C")
    except ValueError as error:
        raise damaged(path, str(error)) from None
