import os
from pathlib import Path

import pytest

from firstline.bundle.predictor import Predictor
from firstline.bundle.registry import champion_id, list_models, model_folder, offering_another, promote
from firstline.errors import BundleDamaged, BundleMissing
from tests.bundles import make_bundle, manifest


def test_no_models_at_first(tmp_path: Path) -> None:
    assert list_models(tmp_path / "models") == ([], [])
    assert champion_id(tmp_path / "models") is None


def test_newest_first(tmp_path: Path) -> None:
    old = make_bundle(tmp_path, 4.0, manifest(created_at="2026-01-01"))
    new = make_bundle(tmp_path, 5.0, manifest(created_at="2026-02-01"))
    assert [item.id for item in list_models(tmp_path)[0]] == [new.id, old.id]


def test_folders_without_manifest_are_not_models(tmp_path: Path) -> None:
    written = make_bundle(tmp_path)
    (tmp_path / "half").mkdir()
    (tmp_path / ".new-7").mkdir()
    assert [item.id for item in list_models(tmp_path)[0]] == [written.id]


def test_a_damaged_model_does_not_hide_the_others(tmp_path: Path) -> None:
    good = make_bundle(tmp_path, 4.0)
    bad = make_bundle(tmp_path, 5.0)
    (tmp_path / bad.id / "manifest.json").write_bytes(b"{")
    found, problems = list_models(tmp_path)
    assert [item.id for item in found] == [good.id]
    assert [bad.id in problem.message for problem in problems] == [True]


def test_the_beginning_of_an_id_will_do(tmp_path: Path) -> None:
    written = make_bundle(tmp_path)
    promote(tmp_path, written.id[:-3])
    assert champion_id(tmp_path) == written.id


def test_a_beginning_that_two_models_share_is_refused(tmp_path: Path) -> None:
    make_bundle(tmp_path, 4.0)
    make_bundle(tmp_path, 5.0)
    with pytest.raises(BundleMissing, match="2 models begin with"):
        model_folder(tmp_path, "linear")


def test_promoted_model_is_champion(tmp_path: Path) -> None:
    written = make_bundle(tmp_path)
    promote(tmp_path, written.id)
    assert champion_id(tmp_path) == written.id
    assert model_folder(tmp_path) == tmp_path / written.id


def test_only_a_model_that_is_there_can_be_promoted(tmp_path: Path) -> None:
    with pytest.raises(BundleMissing, match=r"no model 'linear\.v1-0000'"):
        promote(tmp_path, "linear.v1-0000")
    assert champion_id(tmp_path) is None


def test_without_a_champion_there_is_no_default(tmp_path: Path) -> None:
    with pytest.raises(BundleMissing, match="There is no model yet"):
        model_folder(tmp_path)
    make_bundle(tmp_path)
    with pytest.raises(BundleMissing, match="No model is the champion"):
        model_folder(tmp_path)


@pytest.mark.parametrize("name", ["../models", "", ".", "..", "a/b"])
def test_a_model_cannot_be_named_outside_the_folder(tmp_path: Path, name: str) -> None:
    make_bundle(tmp_path)
    with pytest.raises(BundleMissing):
        model_folder(tmp_path, name)


def test_damaged_champion_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "champion.json").write_bytes(b"{")
    with pytest.raises(BundleDamaged, match=r"champion\.json cannot be read"):
        champion_id(tmp_path)


def test_a_file_in_the_place_of_the_folder_is_said(tmp_path: Path) -> None:
    (tmp_path / "models").write_text("")
    with pytest.raises(BundleDamaged, match="is not a folder"):
        champion_id(tmp_path / "models")


def test_a_pipe_in_the_place_of_the_champion_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "champion.json")
    with pytest.raises(BundleDamaged, match=r"champion.json cannot be read: it is not a file\."):
        champion_id(tmp_path)


def test_a_huge_champion_file_is_not_read_whole(tmp_path: Path) -> None:
    with (tmp_path / "champion.json").open("wb") as file:
        file.truncate(10**12)
    with pytest.raises(BundleDamaged, match=r"champion.json cannot be read: it has more than 10,000 bytes\."):
        champion_id(tmp_path)


def test_without_a_champion_the_newest_model_is_offered(tmp_path: Path) -> None:
    make_bundle(tmp_path, 4.0, manifest(created_at="2026-01-01"))
    new = make_bundle(tmp_path, 5.0, manifest(created_at="2026-02-01"))
    with pytest.raises(BundleMissing) as refused, offering_another(tmp_path):
        model_folder(tmp_path)
    assert refused.value.next_step == f"Choose one: firstline models promote {new.id} --models {tmp_path}"


@pytest.mark.parametrize("damage", ["manifest.json", "weights.npy"])
def test_instead_of_a_damaged_champion_another_model_is_offered(tmp_path: Path, damage: str) -> None:
    models = tmp_path / "models"
    old = make_bundle(models, 4.0, manifest(created_at="2026-01-01"))
    champion = make_bundle(models, 5.0, manifest(created_at="2026-02-01"))
    promote(models, champion.id)
    (tmp_path / "firstline.toml").write_text("")
    (models / champion.id / damage).write_bytes(b"{")
    with pytest.raises(BundleDamaged, match=damage) as refused, offering_another(models):
        Predictor.load(model_folder(models))
    command = f"firstline models promote {old.id} --workspace {tmp_path}"
    assert refused.value.next_step.endswith(f"\nOr promote another model: {command}")


def test_nothing_is_offered_if_no_other_model_can_be_read(tmp_path: Path) -> None:
    champion, other = make_bundle(tmp_path, 4.0), make_bundle(tmp_path, 5.0)
    promote(tmp_path, champion.id)
    for broken in (champion, other):
        (tmp_path / broken.id / "manifest.json").write_bytes(b"{")
    with pytest.raises(BundleDamaged) as refused, offering_another(tmp_path):
        Predictor.load(model_folder(tmp_path))
    assert "promote" not in refused.value.next_step
