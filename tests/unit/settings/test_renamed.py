"""Settings of 0.1 are read under their old names, with a warning."""

from pathlib import Path

import pytest

from firstline.errors import OldSetting, SettingsInvalid
from firstline.settings import read_settings
from firstline.training.candidates import checked

OLD_FILE = """\
[ulmfit]
directions = ["forward", "backward"]
language_model = "auto"
encoder = "auto"
tuned_encoder = true
adaptation_epochs = 1
loss = "smoothing"
unfreezing = "one_cycle"
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "firstline.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_what_was_chosen_has_its_new_place(tmp_path: Path) -> None:
    text = OLD_FILE.replace('["forward", "backward"]', '["forward"]').replace("= 1", "= 0")
    with pytest.warns(OldSetting, match=r"is now called \[candidates\.\"ulmfit\.v1\"\]; move directions, adaptation"):
        found = read_settings(written(tmp_path, text)).candidates
    assert checked(found) == {"ulmfit.v1": {"directions": ("forward",), "adaptation_epochs": 0}}


def test_a_table_that_nobody_touched_chooses_nothing(tmp_path: Path) -> None:
    with pytest.warns(OldSetting, match="delete it: it holds only defaults"):
        assert read_settings(written(tmp_path, OLD_FILE)).candidates == {}


def test_the_new_table_wins(tmp_path: Path) -> None:
    text = '[ulmfit]\nencoder = "none"\nloss = "focal"\n[candidates."ulmfit.v1"]\nencoder = "navec"\n'
    with pytest.warns(OldSetting):
        found = read_settings(written(tmp_path, text)).candidates
    assert found == {"ulmfit.v1": {"encoder": "navec", "loss": "focal"}}


@pytest.mark.parametrize(("name", "value"), [("unfreezing", "gradual"), ("loss", "cross_entropy")])
def test_what_never_helped_is_ignored_and_told(tmp_path: Path, name: str, value: str) -> None:
    path = written(tmp_path, f'[ulmfit]\n{name} = "{value}"\n')
    with pytest.warns(OldSetting) as told:
        assert "ulmfit.v1" not in read_settings(path).candidates or not read_settings(path).candidates["ulmfit.v1"]
    assert any(f"delete {name}, which is ignored" in str(one.message) for one in told)


def test_a_setting_of_a_candidate_that_has_gone_is_ignored_and_told(tmp_path: Path) -> None:
    text = '[candidates."ulmfit.v1"]\ndecay = 2.6\nrate = 0.01\n'
    with pytest.warns(OldSetting, match="'decay' of ulmfit.v1 is ignored"):
        assert read_settings(written(tmp_path, text)).candidates == {"ulmfit.v1": {"rate": 0.01}}


def test_old_environment_variables_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRSTLINE_ULMFIT__DIRECTIONS", '["backward"]')
    monkeypatch.setenv("FIRSTLINE_ULMFIT__LANGUAGE_MODEL", "none")
    with pytest.warns(OldSetting):
        found = read_settings(written(tmp_path, ""))
    assert found.candidates == {"ulmfit.v1": {"directions": ("backward",), "language_model": "none"}}


def test_a_file_without_old_names_is_read_without_a_warning(tmp_path: Path) -> None:
    assert read_settings(written(tmp_path, "[training]\nfolds = 3\n")).training.folds == 3


def test_an_old_name_that_is_not_a_table_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match="'ulmfit' is not a table"):
        read_settings(written(tmp_path, "ulmfit = 3\n"))
