"""Writes a bundle, reads its manifest, and checks every file against its hash."""

import hashlib
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from firstline.bundle.manifest import FILE_NAME, FORMAT_VERSION, Manifest, Part, SelfCheck
from firstline.bundle.part_files import PartFiles
from firstline.errors import BundleDamaged, BundleMissing, BundleUnwritable, BundleVersionUnknown
from firstline.files import read_small, sync, whole_file

DECISIONS_FOLDER = "decisions"
_UNFINISHED = ".new-"
_LONGEST_NAME = 100
_MANIFEST_MOST_BYTES = 100_000_000
"""It has a row of answers for each sentence of the self-check, and figures for each of what may be many labels."""
_REPAIR = "Copy the model again, or train it again: firstline train"


@dataclass(frozen=True)
class PartSource:
    """How to write a part: `export` writes its files into a folder and returns its kind. See `manifest.Part`."""

    export: Callable[[Path], str]
    weight: float = 1.0
    temperature: float = 1.0


def write_bundle(
    models: Path,
    manifest: Manifest,
    source: Callable[[Path], str] | Sequence[PartSource],
    beside: Mapping[str, bytes] | None = None,
    decisions: Callable[[Path], str] | None = None,
    self_check: Callable[[Path, Manifest], SelfCheck] | None = None,
) -> Manifest:
    """Write a bundle into the folder `models` and return its manifest, with `id` and `parts` filled in.

    `source` writes the only part, or is a list of several. `beside` maps names to extra files, for people to read.
    `decisions` writes the record that decisions rest on, and returns its kind. `self_check` loads the written
    files and returns what they answer. The id is a hash of the content, so the same model has the same id wherever it
    is trained. If an undamaged bundle with this id exists, only its manifest and extra files are replaced. The manifest
    is written last, then the folder is renamed in one step. Raises `BundleUnwritable`, and what `self_check` raises.
    """
    sources = [PartSource(source)] if callable(source) else source
    unfinished = models / f"{_UNFINISHED}{os.getpid()}"
    try:
        models.mkdir(parents=True, exist_ok=True)
        for stale in models.glob(f"{_UNFINISHED}*"):
            shutil.rmtree(stale, ignore_errors=True)
        unfinished.mkdir()
        names = [""] if len(sources) == 1 else [str(place) for place in range(len(sources))]
        parts = [_write_part(unfinished, name, part) for name, part in zip(names, sources, strict=True)]
        for name, data in (beside or {}).items():
            (unfinished / name).write_bytes(data)
        record = _write_part(unfinished, DECISIONS_FOLDER, PartSource(decisions)) if decisions else None
        manifest = msgspec.structs.replace(manifest, parts=tuple(parts), decisions=record)
        manifest = msgspec.structs.replace(manifest, id=manifest.content_id())
        checked = self_check(unfinished, manifest) if self_check else None
        manifest = msgspec.structs.replace(manifest, self_check=checked)
        final = models / manifest.id
        if (whole := _whole(final)) is not None:
            known = msgspec.structs.replace(manifest, measured=whole.measured)
            _tell(final, known, beside or {})
            return known
        content = _encoded(manifest)
        for path in unfinished.rglob("*"):
            if path.is_file():
                sync(path)
        (unfinished / FILE_NAME).write_bytes(content)
        sync(unfinished / FILE_NAME)
        if final.exists():
            final.rename(models / f"{_UNFINISHED}damaged-{os.getpid()}")
        unfinished.rename(final)
        return manifest
    except OSError as error:
        raise BundleUnwritable(
            f"The model cannot be written to {models}: {error.strerror or error}.",
            "Check the free space and the permissions, then train again.",
        ) from error
    finally:
        for stale in models.glob(f"{_UNFINISHED}*"):
            shutil.rmtree(stale, ignore_errors=True)


def _encoded(manifest: Manifest) -> bytes:
    return msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n"


def _tell(folder: Path, manifest: Manifest, beside: Mapping[str, bytes]) -> None:
    """Replace the manifest and the extra files of a bundle; its parts stay."""
    for name, data in {**beside, FILE_NAME: _encoded(manifest)}.items():
        with whole_file(folder / name) as unfinished:
            unfinished.write_bytes(data)


def _write_part(bundle: Path, name: str, source: PartSource) -> Part:
    folder = bundle / name
    folder.mkdir(exist_ok=True)
    kind = source.export(folder)
    files = {path.name: sha256(path) for path in sorted(folder.iterdir())}
    # msgspec omits a default only if it is the very same object, and a single part has no more than these.
    if not name and source == PartSource(source.export):
        return Part(kind, files)
    return Part(kind, files, name, source.weight, source.temperature)


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a bundle. Raises `BundleMissing`, `BundleDamaged` or `BundleVersionUnknown`."""
    file = folder / FILE_NAME
    try:
        content = read_small(file, _MANIFEST_MOST_BYTES)
    except (FileNotFoundError, NotADirectoryError):
        raise BundleMissing(
            f"There is no model '{folder.name}' in {folder.parent}.", "List them: firstline models"
        ) from None
    except OSError as error:
        raise BundleDamaged(f"{file} cannot be read: {error.strerror}.", _REPAIR) from None
    try:
        version = msgspec.json.decode(content, type=dict[str, msgspec.Raw]).get("format_version")
        found = msgspec.json.decode(version, type=int) if version is not None else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BundleDamaged(f"{file} is damaged: {error}.", _REPAIR) from None
    if found != FORMAT_VERSION:
        raise BundleVersionUnknown(
            f"{file} has format version {found}; this Firstline reads version {FORMAT_VERSION}.",
            "Use the version that trained the model, or train it again.",
        )
    try:
        manifest = msgspec.json.decode(content, type=Manifest)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise BundleDamaged(f"{file} is damaged: {error}.", _REPAIR) from None
    if manifest.id != manifest.content_id() or manifest.id != folder.name:
        raise BundleDamaged(
            f"{file} is damaged: the folder is named '{folder.name}', the manifest says '{manifest.id}', and its"
            f" content gives '{manifest.content_id()}'. All three must be the same.",
            _REPAIR,
        )
    return manifest


def check_files(folder: Path, manifest: Manifest) -> None:
    """Compare every file with its hash. Raises `BundleDamaged` for the first that differs."""
    for part in (*manifest.parts, *([manifest.decisions] if manifest.decisions else [])):
        part_files(folder, part).check_rest()


def part_files(folder: Path, part: Part) -> PartFiles:
    """The files of a part of the bundle in `folder`. Raises `BundleDamaged` if one would lie elsewhere."""
    _check_names(folder, part)
    return PartFiles(folder / part.folder, part.files)


def _check_names(folder: Path, part: Part) -> None:
    """Make sure that no name of a part points outside the bundle. Raises `BundleDamaged`."""
    if not part.files:
        raise BundleDamaged(f"{folder / FILE_NAME} names a part without files.", _REPAIR)
    for name in (*part.files, *([part.folder] if part.folder else [])):
        if Path(name).name != name or name in ("", ".", "..") or "\x00" in name or "\\" in name:
            raise BundleDamaged(f"{folder / FILE_NAME} names a file outside its folder: {name!r}.", _REPAIR)
        if len(name) > _LONGEST_NAME:
            raise BundleDamaged(f"{folder / name[:_LONGEST_NAME]} is missing.", _REPAIR)


def size_bytes(folder: Path) -> int:
    """The size of all files of a bundle except its manifest."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and path.name != FILE_NAME)


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _whole(folder: Path) -> Manifest | None:
    """The manifest of a bundle, or None if it is missing or damaged."""
    try:
        manifest = read_manifest(folder)
        check_files(folder, manifest)
    except (BundleMissing, BundleDamaged, BundleVersionUnknown):
        return None
    return manifest
