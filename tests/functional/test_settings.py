"""Settings of candidates are checked by whatever command reads them, and old names are told."""

from pathlib import Path

import pytest

from tests.commands import run_here as run


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    assert run("init", tmp_path / "bank").returncode == 0
    return tmp_path / "bank"


def write(workspace: Path, text: str) -> None:
    settings = workspace / "firstline.toml"
    settings.write_text(settings.read_text("utf-8") + text, "utf-8")


@pytest.mark.parametrize("command", ["status", "train", "advise"])
def test_a_setting_out_of_its_range_is_refused_by_name(workspace: Path, command: str) -> None:
    write(workspace, '[candidates."linear.v1"]\nC = -5\n')
    done = run(command, "-w", workspace)
    assert done.returncode == 1
    assert "'candidates.\"linear.v1\".C' (how closely the labels are followed" in done.stderr
    assert "expected a number from 0.1 to 1000, got -5" in done.stderr


def test_an_unknown_setting_and_an_unknown_candidate_are_refused(workspace: Path) -> None:
    write(workspace, '[candidates."linear.v1"]\nD = 1\n')
    assert "is not a setting; known: words_to" in run("status", "-w", workspace).stderr
    write(workspace, '[candidates."linear.v9"]\n')
    assert run("status", "-w", workspace).returncode == 1


@pytest.mark.filterwarnings("always::firstline.errors.OldSetting")
def test_an_old_name_is_read_with_a_note(workspace: Path) -> None:
    write(workspace, '[ulmfit]\nencoder = "none"\n')
    done = run("status", "-w", workspace)
    assert done.returncode == 0
    assert '[ulmfit] is now called [candidates."ulmfit.v1"]; move encoder there.' in done.stderr
    assert "FutureWarning" not in done.stderr
