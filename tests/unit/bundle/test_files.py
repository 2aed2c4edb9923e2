import json
import os
from pathlib import Path

import msgspec
import pytest

from firstline.bundle.files import DECISIONS_FOLDER, PartSource, check_files, read_manifest, write_bundle
from firstline.bundle.manifest import FILE_NAME, BetaCalibration, Manifest, Part, SelfCheck
from firstline.errors import BundleDamaged, BundleMissing, BundleUnwritable, BundleVersionUnknown
from tests.bundles import RECORD, hand_made_part, make_bundle, manifest
from tests.keep_release import RELEASED


def test_written_manifest_reads_back(tmp_path: Path) -> None:
    written = make_bundle(tmp_path)
    assert read_manifest(tmp_path / written.id) == written


def test_id_names_the_candidate_and_the_content(tmp_path: Path) -> None:
    first = make_bundle(tmp_path / "a", strength=4.0)
    second = make_bundle(tmp_path / "b", strength=5.0)
    assert first.id.startswith("linear.v1-")
    assert first.id != second.id


def test_same_content_has_the_same_id_whenever_it_is_written(tmp_path: Path) -> None:
    first = make_bundle(tmp_path, draft=manifest(created_at="2026-01-01"))
    second = make_bundle(tmp_path, draft=manifest(created_at="2026-02-02"))
    assert second == first
    assert [path.name for path in tmp_path.iterdir()] == [first.id]


def test_calibration_is_part_of_the_identity(tmp_path: Path) -> None:
    ids = {make_bundle(tmp_path, draft=manifest(temperature=t)).id for t in (1.0, 2.0)}
    assert len(ids) == 2


def test_confidence_is_part_of_the_identity(tmp_path: Path) -> None:
    drafts = [
        msgspec.structs.replace(manifest(), confidence=confidence)
        for confidence in (None, BetaCalibration(1.0, 0.5, 0.1), BetaCalibration(1.0, 0.5, 0.1, 0.2))
    ]
    assert len({make_bundle(tmp_path, draft=draft).id for draft in drafts}) == 3


@pytest.mark.parametrize("folder", sorted(RELEASED.glob("*/models/*.v1-*")), ids=lambda folder: folder.name)
def test_bundles_of_released_versions_keep_their_ids(folder: Path) -> None:
    assert read_manifest(folder).content_id() == folder.name


def test_a_column_for_none_of_the_classes_is_part_of_the_identity() -> None:
    assert msgspec.structs.replace(manifest(), none=True).content_id() != manifest().content_id()


def test_how_emails_are_read_is_part_of_the_identity(tmp_path: Path) -> None:
    cut = manifest()
    whole = msgspec.structs.replace(cut, emails="")
    assert make_bundle(tmp_path, draft=cut).id != make_bundle(tmp_path, draft=whole).id


def test_a_bundle_older_than_the_cutting_of_emails_is_read(tmp_path: Path) -> None:
    written = make_bundle(tmp_path, draft=msgspec.structs.replace(manifest(), emails=""))
    file = tmp_path / written.id / FILE_NAME
    content = json.loads(file.read_text("utf-8"))
    del content["emails"]
    file.write_text(json.dumps(content), "utf-8")
    assert read_manifest(tmp_path / written.id) == written


def test_failed_export_leaves_nothing(tmp_path: Path) -> None:
    def export(folder: Path) -> str:
        (folder / "half.npy").write_bytes(b"half")
        raise OSError(28, "No space left on device")

    with pytest.raises(BundleUnwritable, match="No space left"):
        write_bundle(tmp_path, manifest(), export)
    assert list(tmp_path.iterdir()) == []


def test_a_model_that_fails_its_self_check_is_not_written(tmp_path: Path) -> None:
    def export(folder: Path) -> str:
        part = hand_made_part()
        part.save(folder)
        return part.kind

    def check(folder: Path, drafted: Manifest) -> SelfCheck:
        check_files(folder, drafted)
        assert not (folder / FILE_NAME).exists()
        raise BundleDamaged(f"Model {drafted.id} fails.")

    with pytest.raises(BundleDamaged, match=r"linear\.v1-\w{8} fails"):
        write_bundle(tmp_path, manifest(), export, self_check=check)
    assert list(tmp_path.iterdir()) == []


def test_remains_of_a_killed_writer_are_cleared(tmp_path: Path) -> None:
    stale = tmp_path / ".new-1"
    stale.mkdir()
    (stale / "weights.npy").write_bytes(b"half")
    written = make_bundle(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [written.id]


def test_folder_of_that_name_without_a_manifest_is_replaced(tmp_path: Path) -> None:
    name = make_bundle(tmp_path / "elsewhere").id
    models = tmp_path / "models"
    (models / name).mkdir(parents=True)
    (models / name / "rest.npy").write_bytes(b"rest")
    written = make_bundle(models)
    assert not (models / written.id / "rest.npy").exists()


def test_folder_without_manifest_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(BundleMissing, match="There is no model 'gone'"):
        read_manifest(tmp_path / "gone")


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"format_version": "x"}', b"\xff\xfe", b'{"format_version": 1}']
)
def test_unreadable_manifest_is_damaged(tmp_path: Path, content: bytes) -> None:
    folder = tmp_path / "m"
    folder.mkdir()
    (folder / FILE_NAME).write_bytes(content)
    with pytest.raises(BundleDamaged, match="damaged"):
        read_manifest(folder)


def test_a_pipe_in_the_place_of_the_manifest_is_not_waited_for(tmp_path: Path) -> None:
    written = make_bundle(tmp_path)
    (tmp_path / written.id / FILE_NAME).unlink()
    os.mkfifo(tmp_path / written.id / FILE_NAME)
    with pytest.raises(BundleDamaged, match=r"manifest.json cannot be read: it is not a file\."):
        read_manifest(tmp_path / written.id)


def test_unknown_format_version_is_refused_by_name(tmp_path: Path) -> None:
    folder = tmp_path / make_bundle(tmp_path).id
    file = folder / FILE_NAME
    file.write_text(file.read_text("utf-8").replace('"format_version": 1', '"format_version": 99'), "utf-8")
    with pytest.raises(BundleVersionUnknown, match="format version 99; this Firstline reads version 1"):
        read_manifest(folder)


def test_whole_files_pass(tmp_path: Path) -> None:
    written = make_bundle(tmp_path)
    assert set(written.parts[0].files) == {path.name for path in (tmp_path / written.id).iterdir()} - {
        FILE_NAME,
        DECISIONS_FOLDER,
    }
    check_files(tmp_path / written.id, written)


def test_one_changed_byte_is_refused_by_name(tmp_path: Path) -> None:
    written = make_bundle(tmp_path)
    weights = tmp_path / written.id / "weights.npy"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    with pytest.raises(BundleDamaged, match=r"weights\.npy is damaged"):
        check_files(tmp_path / written.id, written)


def test_missing_file_is_refused_by_name(tmp_path: Path) -> None:
    written = make_bundle(tmp_path)
    (tmp_path / written.id / "bias.npy").unlink()
    with pytest.raises(BundleDamaged, match=r"bias\.npy is missing"):
        check_files(tmp_path / written.id, written)


def test_file_outside_the_folder_is_refused(tmp_path: Path) -> None:
    written = make_bundle(tmp_path)
    part = msgspec.structs.replace(written.parts[0], files={"../bias.npy": "0" * 64})
    with pytest.raises(BundleDamaged, match="outside its folder"):
        check_files(tmp_path / written.id, msgspec.structs.replace(written, parts=(part,)))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"Банкомат"', '"Другое"'),
        ('"temperature": 1.0', '"temperature": 2.0'),
        ('"temperature": 1.0', '"temperature": 0.0'),
        ('"temperature": 1.0', '"temperature": -1.0'),
        ('"case.v1",', ""),
        ('"weights.npy"', '"other.npy"'),
        ('"id": "linear', '"id": "../linear'),
    ],
)
def test_manifest_that_does_not_fit_its_id_is_refused(tmp_path: Path, old: str, new: str) -> None:
    written = make_bundle(tmp_path)
    file = tmp_path / written.id / FILE_NAME
    content = file.read_text("utf-8")
    assert old in content
    file.write_text(content.replace(old, new, 1), "utf-8")
    with pytest.raises(BundleDamaged, match="damaged"):
        read_manifest(tmp_path / written.id)


@pytest.mark.parametrize("name", ["weights.npy", FILE_NAME])
def test_a_damaged_model_is_replaced_by_training_it_again(tmp_path: Path, name: str) -> None:
    written = make_bundle(tmp_path)
    (tmp_path / written.id / name).write_bytes(b"damaged")
    assert make_bundle(tmp_path).id == written.id
    check_files(tmp_path / written.id, read_manifest(tmp_path / written.id))
    assert [path.name for path in tmp_path.iterdir()] == [written.id]


def test_hand_made_part_is_what_the_tests_think(tmp_path: Path) -> None:
    probabilities = hand_made_part().predict_proba(["банкомат", "карта", "перевод"])
    assert probabilities.argmax(axis=1).tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    "part",
    [
        Part("tfidf_linear.v1", {}, "../elsewhere"),
        Part("tfidf_linear.v1", {}),
        Part("tfidf_linear.v1", {"weights.npy": "0"}, "/etc"),
        Part("tfidf_linear.v1", {"weights.npy": "0"}, ".."),
        Part("tfidf_linear.v1", {"weights.npy": "0"}, "0\x00"),
        Part("tfidf_linear.v1", {"..": "0"}, "0"),
        Part("tfidf_linear.v1", {"a" * 200: "0"}, "0"),
    ],
)
def test_a_part_leads_nowhere_else(tmp_path: Path, part: Part) -> None:
    with pytest.raises(BundleDamaged):
        check_files(tmp_path, msgspec.structs.replace(manifest(), parts=(part,)))


def test_an_only_part_is_its_kind_and_files(tmp_path: Path) -> None:
    written = make_bundle(tmp_path)
    (part,) = json.loads((tmp_path / written.id / FILE_NAME).read_text("utf-8"))["parts"]
    assert set(part) == {"kind", "files"}


def test_what_is_told_about_a_model_is_brought_up_to_date(tmp_path: Path) -> None:
    first = make_bundle(tmp_path)

    def export(folder: Path) -> str:
        part = hand_made_part()
        part.save(folder)
        return part.kind

    draft = msgspec.structs.replace(manifest(created_at="2026-02-02"), segments=first.segments, metrics=None)
    again = write_bundle(tmp_path, draft, export, {"curve.svg": b"<svg/>"}, RECORD.export)
    assert again.id == first.id
    assert again.measured.created_at == first.measured.created_at
    assert read_manifest(tmp_path / first.id).metrics is None
    assert (tmp_path / first.id / "curve.svg").read_bytes() == b"<svg/>"


def test_several_parts_lie_in_folders_of_their_own(tmp_path: Path) -> None:
    def source(strength: float) -> PartSource:
        def export(folder: Path) -> str:
            part = hand_made_part(strength)
            part.save(folder)
            return part.kind

        return PartSource(export, strength / 10, 2.0)

    written = write_bundle(tmp_path, manifest(), [source(4.0), source(6.0)])
    assert [(part.folder, part.weight, part.temperature) for part in written.parts] == [
        ("0", 0.4, 2.0),
        ("1", 0.6, 2.0),
    ]
    check_files(tmp_path / written.id, written)
    (tmp_path / written.id / "1" / "bias.npy").write_bytes(b"x")
    with pytest.raises(BundleDamaged, match="bias"):
        check_files(tmp_path / written.id, written)
