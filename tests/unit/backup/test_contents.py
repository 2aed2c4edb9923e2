import msgspec
import pytest

from firstline.backup.contents import contents
from firstline.bundle.registry import champion_id
from firstline.store.workspace import Workspace


def test_what_a_workspace_needs_is_listed_and_nothing_else(whole: Workspace) -> None:
    found = contents(whole)
    names = {name.split("/")[0] if "/" not in name else "/".join(name.split("/")[:2]) for name in found.names}
    models = {f"models/{path.parent.name}" for path in whole.models.glob("*/manifest.json")}
    assert len(models) == 2
    assert names == {
        *("firstline.toml", "workspace.key", "keys.json", ".gitignore"),
        *(*models, "models/champion.json", "models/promise.json", "models/promotions.jsonl"),
        "notebooks/training.ipynb",
        "runs/20260101-000000-abcd",
    }
    assert found.warnings == []


def test_the_champion_comes_before_other_models_and_the_card_of_a_run_before_its_folds(whole: Workspace) -> None:
    found = contents(whole)
    bundles = [group.bundle for group in found.groups if group.bundle]
    assert bundles[0] == found.champion == champion_id(whole.models)
    (run,) = (list(group.files) for group in found.groups if any("runs/" in name for name in group.files))
    assert [name.rpartition("/")[2] for name in run] == ["run.json", "repeat-0-fold-1.npz"]


def test_a_champion_that_is_gone_is_left_out_with_a_warning(place: Workspace) -> None:
    (place.models / "champion.json").write_bytes(msgspec.json.encode({"model": "linear.v1-00000000"}))
    found = contents(place)
    assert found.champion is None
    assert "'linear.v1-00000000' is not in" in found.warnings[0]


def test_a_champion_that_cannot_be_read_is_left_out_with_a_warning(place: Workspace) -> None:
    (place.models / "champion.json").write_text("{")
    found = contents(place)
    assert found.champion is None
    assert "champion.json cannot be read" in found.warnings[0]


def test_keys_elsewhere_are_named(place: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRSTLINE_SERVING__KEYS", "secrets/keys.json")
    found = contents(Workspace.find(place.folder))
    assert found.warnings == ["serving.keys names secrets/keys.json, which is not in the backup."]


def test_a_lost_key_is_told(place: Workspace) -> None:
    (place.folder / "workspace.key").unlink()
    assert contents(place).warnings == [f"{place.folder / 'workspace.key'} is missing, so the backup has no key."]


def test_a_workspace_without_models_and_runs_has_its_settings(place: Workspace) -> None:
    found = contents(Workspace(place.folder / "nowhere", place.settings))
    assert (found.champion, [group for group in found.groups if group.files]) == (None, [])
