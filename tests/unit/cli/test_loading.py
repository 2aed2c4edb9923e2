from pathlib import Path

import msgspec
import pytest

from firstline.bundle.manifest import MaskPatterns
from firstline.cli.loading import load_predictor
from firstline.errors import BundleVersionUnknown
from firstline.store.workspace import Workspace
from firstline.types import Message
from tests.bundles import make_bundle, manifest


def bundle_masked_by(models: Path, version: str) -> str:
    return make_bundle(models, draft=msgspec.structs.replace(manifest(), masks=MaskPatterns(version))).id


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    return Workspace.create(tmp_path / "workspace", "ru")


def test_a_model_with_older_masks_is_loaded_with_one_note(place: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    model = bundle_masked_by(place.models, "masks.v1")
    assert load_predictor(place, model).manifest.id == model
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("older masks") == 1


def test_a_model_of_today_is_loaded_in_silence(place: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    load_predictor(place, make_bundle(place.models).id)
    assert capsys.readouterr().err == ""


def test_a_model_with_unknown_masks_is_refused_by_name(place: Workspace) -> None:
    model = bundle_masked_by(place.models, "masks.v9")
    with pytest.raises(BundleVersionUnknown, match=r"masks\.v9"):
        load_predictor(place, model)


def test_names_of_the_settings_are_read_as_they_are_stored(place: Workspace) -> None:
    file = place.folder / "firstline.toml"
    names = 'always_review = ["  Перевод "]'
    text = file.read_text("utf-8").replace("always_review = []", names).replace("none = []", 'none = [" Карта"]')
    file.write_text(text, "utf-8")
    predictor = load_predictor(Workspace.find(place.folder), make_bundle(place.models).id)
    answers = predictor.predict([Message("перевод"), Message("карта")])
    assert [(one.decision, one.reason) for one in answers] == [
        ("review", "always_review"),
        ("unknown", "none_of_these"),
    ]
