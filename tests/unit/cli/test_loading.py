from pathlib import Path

import msgspec
import pytest

from firstline.bundle.manifest import MaskPatterns
from firstline.cli.loading import load_predictor
from firstline.errors import BundleVersionUnknown
from tests.bundles import make_bundle, manifest


def bundle_masked_by(models: Path, version: str) -> str:
    return make_bundle(models, draft=msgspec.structs.replace(manifest(), masks=MaskPatterns(version))).id


def test_a_model_with_older_masks_is_loaded_with_one_note(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = bundle_masked_by(tmp_path, "masks.v1")
    assert load_predictor(tmp_path, model).manifest.id == model
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("older masks") == 1


def test_a_model_of_today_is_loaded_in_silence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    load_predictor(tmp_path, make_bundle(tmp_path).id)
    assert capsys.readouterr().err == ""


def test_a_model_with_unknown_masks_is_refused_by_name(tmp_path: Path) -> None:
    model = bundle_masked_by(tmp_path, "masks.v9")
    with pytest.raises(BundleVersionUnknown, match=r"masks\.v9"):
        load_predictor(tmp_path, model)
