"""Writing a bundle and reading one back, with every file checked against its hash."""

import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec

from firstline.bundle.manifest import FILE_NAME, FORMAT_VERSION, Manifest, Part
from firstline.errors import BundleDamaged, BundleMissing, BundleVersionUnknown

_UNFINISHED = ".new-"
_RETRAIN = "Copy the model again, or train it again: firstline train"


def write_bundle(models: Path, manifest: Manifest, export: Callable[[Path], str]) -> Manifest:
    """Write a bundle into the folder `models` and return its manifest, `id` and `parts` filled in.

    `export` writes the part's files into a folder and returns its kind. The id is made from the
    content, so the same model has the same id wherever it is trained; if it is there already,
    nothing is written. The manifest comes last, then the folder gets its name in one step.
    """
    models.mkdir(parents=True, exist_ok=True)
    for stale in models.glob(f"{_UNFINISHED}*"):
        shutil.rmtree(stale, ignore_errors=True)
    unfinished = models / f"{_UNFINISHED}{os.getpid()}"
    unfinished.mkdir()
    try:
        kind = export(unfinished)
        files = {path.name: sha256(path) for path in sorted(unfinished.iterdir())}
        manifest = msgspec.structs.replace(manifest, parts=(Part(kind, files),))
        manifest = msgspec.structs.replace(manifest, id=f"{manifest.candidate}-{_content_hash(manifest)[:8]}")
        final = models / manifest.id
        if (final / FILE_NAME).exists():
            return read_manifest(final)
        for path in unfinished.iterdir():
            _sync(path)
        content = msgspec.json.format(msgspec.json.encode(manifest), indent=1)
        (unfinished / FILE_NAME).write_bytes(content + b"\n")
        _sync(unfinished / FILE_NAME)
        shutil.rmtree(final, ignore_errors=True)
        unfinished.rename(final)
        return manifest
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a bundle. Raises `BundleMissing`, `BundleDamaged` or `BundleVersionUnknown`."""
    file = folder / FILE_NAME
    try:
        content = file.read_bytes()
    except OSError:
        raise BundleMissing(
            f"There is no model '{folder.name}' in {folder.parent}.", "List them: firstline models"
        ) from None
    try:
        version = msgspec.json.decode(content, type=dict[str, msgspec.Raw]).get("format_version")
        found = msgspec.json.decode(version, type=int) if version is not None else None
    except msgspec.DecodeError as error:
        raise BundleDamaged(f"{file} is damaged: {error}.", _RETRAIN) from None
    if found != FORMAT_VERSION:
        raise BundleVersionUnknown(
            f"{file} is of format version {found}; this Firstline reads {FORMAT_VERSION}.",
            "Use the version that trained the model, or train it again.",
        )
    try:
        return msgspec.json.decode(content, type=Manifest)
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        raise BundleDamaged(f"{file} is damaged: {error}.", _RETRAIN) from None


def check_files(folder: Path, manifest: Manifest) -> None:
    """Compare every file with its hash. Raises `BundleDamaged`, naming the first that differs."""
    for part in manifest.parts:
        for name, expected in part.files.items():
            path = folder / name
            if Path(name).name != name:
                raise BundleDamaged(f"{folder / FILE_NAME} names a file outside its folder: {name}.", _RETRAIN)
            try:
                got = sha256(path)
            except OSError as error:
                raise BundleDamaged(f"{path} cannot be read: {error.strerror}.", _RETRAIN) from None
            if got != expected:
                raise BundleDamaged(
                    f"{path} is damaged: its hash is {got[:12]}, the manifest says {expected[:12]}.", _RETRAIN
                )


def size_bytes(folder: Path) -> int:
    """The size of all files of a bundle."""
    return sum(path.stat().st_size for path in folder.iterdir() if path.is_file())


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _content_hash(manifest: Manifest) -> str:
    """What makes a model the model that it is: its files, labels, rules, masks and calibration."""
    identity = (
        manifest.parts,
        manifest.labels,
        manifest.segments,
        manifest.text_rules,
        manifest.masks,
        manifest.calibration,
    )
    return hashlib.sha256(msgspec.json.encode(identity)).hexdigest()


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
