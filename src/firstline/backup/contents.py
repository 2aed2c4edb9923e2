"""What a backup of a workspace holds, and in which order it is read.

The champion comes first, then what it needs; its run and its messages are read later, so that they are at least as new.
Whole bundles only: a model that is deleted meanwhile is left out, unless it is the champion.

Not in it: what can be made again (`language-models/`, `reports/`, `imports/`, `searches/`), recorded answers, which may
be kept for a time only, and what no command needs later (`tmp/`, `.locks/`).
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from firstline.backup.archive import API_KEYS, CHAMPION_NAME, TOP_FILES, is_member
from firstline.bundle.files import read_manifest
from firstline.bundle.manifest import FILE_NAME as MANIFEST
from firstline.bundle.registry import CHAMPION, champion_id
from firstline.errors import BundleError
from firstline.store.key import FILE_NAME as KEY
from firstline.store.workspace import Workspace

_RUN = "run.json"


@dataclass(frozen=True)
class Group:
    """Files that belong together, by their names in the backup. If one of a `bundle` has gone, all are left out."""

    files: dict[str, Path]
    bundle: str = ""


@dataclass(frozen=True)
class Contents:
    """The files of a workspace but its database. `warnings` are sentences about what is not as it should be."""

    champion: str | None
    groups: list[Group]
    hashes: dict[str, str] = field(default_factory=dict)
    """What the manifests of the models say about their files."""
    warnings: list[str] = field(default_factory=list)

    @property
    def names(self) -> list[str]:
        return [CHAMPION_NAME, *(name for group in self.groups for name in group.files)]


def contents(place: Workspace) -> Contents:
    """List the files of a workspace. The champion is read before them. Raises `OSError`."""
    warnings = []
    try:
        champion = champion_id(place.models)
    except BundleError as error:
        champion = None
        warnings.append(f"The backup has no champion: {error.message}")
    if place.settings.serving.keys != API_KEYS:
        warnings.append(f"serving.keys names {place.settings.serving.keys}, which is not in the backup.")
    if place.has_database and not (place.folder / KEY).is_file():
        warnings.append(f"{place.folder / KEY} is missing, so the backup has no key.")
    bundles = [folder for folder in _folders(place.models) if (folder / MANIFEST).is_file()]
    bundles.sort(key=lambda folder: (folder.name != champion, folder.name))
    if champion is not None and champion not in {folder.name for folder in bundles}:
        warnings.append(f"The backup has no champion: '{champion}' is not in {place.models}.")
        champion = None
    groups = [_group(place, [place.folder / name for name in TOP_FILES])]
    groups.append(_group(place, _files_below(place.notebooks)))
    groups += [_group(place, _files_below(folder), folder.name) for folder in bundles]
    loose = place.models.iterdir() if place.models.is_dir() else []
    groups.append(_group(place, [path for path in sorted(loose) if path.name != CHAMPION]))
    for run in _folders(place.runs):
        if (run / _RUN).is_file():
            # First its card: what that names was saved before it.
            groups.append(_group(place, [run / _RUN, *_files_below(run)]))
    return Contents(champion, groups, _hashes(bundles), warnings)


def _group(place: Workspace, paths: list[Path], bundle: str = "") -> Group:
    named = {path.relative_to(place.folder).as_posix(): path for path in paths if path.is_file()}
    return Group({name: path for name, path in named.items() if is_member(name)}, bundle)


def _folders(parent: Path) -> list[Path]:
    """The visible folders; a hidden one is unfinished."""
    found = parent.iterdir() if parent.is_dir() else []
    return sorted(path for path in found if path.is_dir() and not path.name.startswith("."))


def _files_below(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _hashes(bundles: list[Path]) -> dict[str, str]:
    found: dict[str, str] = {}
    for folder in bundles:
        # A manifest that cannot be read is told by the commands that need the model.
        with suppress(BundleError):
            found.update(_hashes_of(folder))
    return found


def _hashes_of(folder: Path) -> Iterator[tuple[str, str]]:
    manifest = read_manifest(folder)
    for part in (*manifest.parts, *([manifest.decisions] if manifest.decisions else [])):
        for name, sha256 in part.files.items():
            yield (Path("models") / folder.name / part.folder / name).as_posix(), sha256
