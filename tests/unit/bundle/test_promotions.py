import errno
from pathlib import Path

import pytest

from firstline.bundle.promotions import FILE_NAME, add_promotion, champions, promotions
from firstline.bundle.registry import champion_id, promote, prune, rollback
from firstline.errors import BundleDamaged, BundleMissing, BundleUnwritable
from tests.bundles import make_bundle


def made(models: Path, n: int) -> list[str]:
    """So many models, promoted one after the other."""
    ids = [make_bundle(models, 2.0 + number).id for number in range(n)]
    for name in ids:
        promote(models, name, f"why {name}")
    return ids


def go_back(models: Path) -> str:
    return rollback(models, "", lambda folder: None)[0]


def test_who_when_and_why_are_recorded(tmp_path: Path) -> None:
    first, second = made(tmp_path, 2)
    one, other = promotions(tmp_path)
    assert (one.model, one.before, one.why) == (first, "", f"why {first}")
    assert (other.model, other.before, other.is_rollback) == (second, first, False)
    assert other.by
    assert other.at.startswith("20")
    assert (tmp_path / FILE_NAME).stat().st_mode & 0o777 == 0o644


def test_the_champion_promoted_again_is_no_change(tmp_path: Path) -> None:
    (name,) = made(tmp_path, 1)
    promote(tmp_path, name)
    assert len(promotions(tmp_path)) == 1


def test_each_rollback_goes_back_one_more(tmp_path: Path) -> None:
    first, second, third = made(tmp_path, 3)
    assert (go_back(tmp_path), champion_id(tmp_path)) == (second, second)
    assert go_back(tmp_path) == first
    with pytest.raises(BundleMissing, match="No earlier champion"):
        go_back(tmp_path)
    promote(tmp_path, third)
    assert champions(tmp_path) == [first, third]
    assert go_back(tmp_path) == first


def test_what_was_champion_before_there_was_a_record_is_gone_back_to(tmp_path: Path) -> None:
    first, second = made(tmp_path, 2)
    (tmp_path / FILE_NAME).write_bytes((tmp_path / FILE_NAME).read_bytes().split(b"\n", 1)[1])
    assert champions(tmp_path) == [first, second]
    assert go_back(tmp_path) == first


def test_models_that_are_gone_are_passed_over(tmp_path: Path) -> None:
    first, second, _ = made(tmp_path, 3)
    (tmp_path / second / "manifest.json").unlink()
    assert go_back(tmp_path) == first


def test_a_model_that_cannot_be_served_is_not_gone_back_to(tmp_path: Path) -> None:
    _, second = made(tmp_path, 2)

    def refuse(folder: Path) -> None:
        raise BundleDamaged(f"{folder} is damaged.", "")

    with pytest.raises(BundleDamaged):
        rollback(tmp_path, "", refuse)
    assert champion_id(tmp_path) == second


def test_what_a_crash_recorded_but_did_not_do_is_no_champion(tmp_path: Path) -> None:
    first, second = made(tmp_path, 2)
    third = make_bundle(tmp_path, 9.0).id
    add_promotion(tmp_path, third, second, "")
    assert champion_id(tmp_path) == second
    assert go_back(tmp_path) == first


def test_half_a_line_hides_no_other(tmp_path: Path) -> None:
    first, second = made(tmp_path, 2)
    with (tmp_path / FILE_NAME).open("ab") as file:
        file.write(b'{"model": "x"')
    promote(tmp_path, first)
    assert [one.model for one in promotions(tmp_path)] == [first, second, first]


def test_a_full_disk_leaves_champion_and_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = made(tmp_path, 2)
    before = (tmp_path / FILE_NAME).read_bytes()

    def fail(_: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("firstline.files.sync", fail)
    with pytest.raises(BundleUnwritable, match=f"{first} cannot be made the champion: .*: No space left on device"):
        promote(tmp_path, first)
    assert (tmp_path / FILE_NAME).read_bytes() == before
    assert champion_id(tmp_path) == second


def test_old_models_are_deleted_but_for_the_last_champions_and_the_newest(tmp_path: Path) -> None:
    ids = made(tmp_path, 6)
    promote(tmp_path, ids[0])
    add_promotion(tmp_path, ids[1], ids[0], "")
    gone = prune(tmp_path, 1)
    left = {folder.name for folder in tmp_path.iterdir() if folder.is_dir()}
    assert {ids[0], ids[1]} <= left
    assert len(gone) == 6 - len(left) > 0
    assert not left & set(gone)
    assert prune(tmp_path, 1) == []
