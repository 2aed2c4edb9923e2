"""The models of a workspace: which there are, and which is champion.

`models/champion.json` is replaced in one step and needs no database, so a serving machine needs
nothing but the folder `models`.
"""

import os
from pathlib import Path

import msgspec

from firstline.bundle.files import read_manifest
from firstline.bundle.manifest import FILE_NAME, Manifest
from firstline.errors import BundleDamaged, BundleMissing

_CHAMPION = "champion.json"


class _Champion(msgspec.Struct, forbid_unknown_fields=True):
    model: str


def list_models(models: Path) -> list[Manifest]:
    """The manifests of all readable bundles, newest first."""
    found = []
    for folder in sorted(models.iterdir()) if models.is_dir() else []:
        if (folder / FILE_NAME).is_file() and not folder.name.startswith("."):
            found.append(read_manifest(folder))
    return sorted(found, key=lambda manifest: (manifest.created_at, manifest.id), reverse=True)


def champion_id(models: Path) -> str | None:
    """The id of the champion, or None if there is none yet. Raises `BundleDamaged`."""
    file = models / _CHAMPION
    try:
        return msgspec.json.decode(file.read_bytes(), type=_Champion).model
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError) as error:
        raise BundleDamaged(f"{file} cannot be read: {error}.", "Choose again: firstline models promote ID") from None


def promote(models: Path, model_id: str) -> None:
    """Make a model the champion. Raises `BundleMissing` if it is not there."""
    read_manifest(model_folder(models, model_id))
    unfinished = models / (_CHAMPION + ".new")
    with unfinished.open("wb") as file:
        file.write(msgspec.json.encode(_Champion(model_id)))
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(models / _CHAMPION)


def model_folder(models: Path, model_id: str | None = None) -> Path:
    """The folder of a model; without an id, of the champion. Raises `BundleMissing`."""
    if model_id is None:
        model_id = champion_id(models)
        if model_id is None:
            raise BundleMissing("There is no model yet.", "Train one: firstline train")
    folder = models / model_id
    if Path(model_id).name != model_id or not (folder / FILE_NAME).is_file():
        raise BundleMissing(f"There is no model '{model_id}' in {models}.", "List them: firstline models")
    return folder
