"""The models of a workspace, and which of them is the champion.

`models/champion.json` is replaced in one step and needs no database, so a serving machine needs
only the folder `models`.
"""

import shlex
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from firstline.bundle.files import read_manifest
from firstline.bundle.manifest import FILE_NAME, Manifest
from firstline.bundle.promotions import add_promotion, champions
from firstline.errors import BundleDamaged, BundleError, BundleMissing, BundleUnwritable
from firstline.files import read_small, whole_file
from firstline.settings import FILE_NAME as SETTINGS_FILE

CHAMPION = "champion.json"
_CHAMPION_MOST_BYTES = 10_000
_PROMOTE = "firstline models promote ID"
_CHOOSE = f"Choose again: {_PROMOTE}"


class _Champion(msgspec.Struct, forbid_unknown_fields=True):
    model: str


def list_models(models: Path) -> tuple[list[Manifest], list[BundleError]]:
    """The manifests of all bundles, newest first, and an error for each bundle that cannot be read."""
    found: list[Manifest] = []
    problems: list[BundleError] = []
    for folder in sorted(models.iterdir()) if models.is_dir() else []:
        if (folder / FILE_NAME).is_file() and not folder.name.startswith("."):
            try:
                found.append(read_manifest(folder))
            except BundleError as problem:
                problems.append(problem)
    return sorted(found, key=lambda item: (item.measured.created_at, item.id), reverse=True), problems


def champion_id(models: Path) -> str | None:
    """The id of the champion, or None before the first training. Raises `BundleDamaged`."""
    file = models / CHAMPION
    try:
        return msgspec.json.decode(read_small(file, _CHAMPION_MOST_BYTES), type=_Champion).model
    except FileNotFoundError:
        return None
    except NotADirectoryError:
        raise BundleDamaged(f"{models} is not a folder.", "Move it away.") from None
    except OSError as error:
        raise BundleDamaged(f"{file} cannot be read: {error.strerror}.", _CHOOSE) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BundleDamaged(f"{file} cannot be read: {error}.", _CHOOSE) from None


def champion_content(model_id: str) -> bytes:
    """What `champion.json` holds if this model is the champion."""
    return msgspec.json.encode(_Champion(model_id))


def champions_candidates(models: Path) -> tuple[str, ...]:
    """The candidate that the champion is of, followed by those that a blend is made of.

    Empty without a champion, or if it cannot be read. Raises `BundleDamaged` if it is not known which one it is.
    """
    champion = champion_id(models)
    try:
        found = read_manifest(models / champion) if champion is not None else None
    except BundleError:
        return ()
    if found is None:
        return ()
    weights = found.training.candidate_settings.get("weights") if found.training else None
    return found.candidate, *(weights if isinstance(weights, dict) else ())


def promote(
    models: Path,
    model_id: str,
    why: str = "",
    *,
    by: str = "",
    is_rollback: bool = False,
    is_automatic: bool = False,
) -> None:
    """Make a model the champion, and record who did it and why, see `promotions`. `by` as in `add_promotion`.

    Raises `BundleError` if it is missing or damaged, or if the change cannot be written: then the champion stays.
    """
    manifest = read_manifest(model_folder(models, model_id))
    try:
        before = champion_id(models) or ""
    except BundleDamaged:
        before = ""
    # The record comes first. After a crash in between it has a line too many, but no champion is unaccounted for.
    try:
        if before != manifest.id:
            add_promotion(models, manifest.id, before, why, by=by, is_rollback=is_rollback, is_automatic=is_automatic)
        with whole_file(models / CHAMPION) as unfinished:
            unfinished.write_bytes(champion_content(manifest.id))
    except OSError as error:
        raise BundleUnwritable(
            f"{manifest.id} cannot be made the champion: {models} cannot be written: {error.strerror or error}.",
            "Check the free space and the permissions, then run the command again.",
        ) from None


def rollback(models: Path, why: str, check: Callable[[Path], object], *, by: str = "") -> tuple[str, str]:
    """Make the previous champion the champion again; returns the ids of the new and the old one.

    Champions that were deleted are skipped. `check` raises if the model in a folder cannot be served. Raises
    `BundleMissing` if none is left.
    """
    now, earlier = champion_id(models) or "", previous_champion(models)
    if earlier is None:
        raise BundleMissing("No earlier champion is left to go back to.", f"Choose a model: {_PROMOTE}")
    check(models / earlier)
    promote(models, earlier, why, by=by, is_rollback=True)
    return earlier, now


def previous_champion(models: Path) -> str | None:
    """The model that `rollback` goes back to; None if none is left. Raises `BundleDamaged`."""
    now = champion_id(models) or ""
    known = champions(models)
    # A crash may have left the record of a promotion that did not happen, after that of the champion.
    earlier = known[: len(known) - 1 - known[::-1].index(now)] if now in known else known
    return next((name for name in reversed(earlier) if (models / name / FILE_NAME).is_file()), None)


def prune(models: Path, keep: int) -> list[str]:
    """Delete all models but the champion, the `keep` newest and the last `keep` champions; returns their ids.

    Raises `BundleDamaged` if it is not known which model is the champion, since it could be deleted.
    """
    champion = champion_id(models)
    ids = [item.id for item in list_models(models)[0]]
    kept = {champion, *ids[:keep], *champions(models)[-keep - 1 :]}
    gone = [name for name in ids if name not in kept]
    for name in gone:
        # The manifest goes first, because a folder without one is not a model.
        (models / name / FILE_NAME).unlink()
        shutil.rmtree(models / name)
    return gone


def model_folder(models: Path, model_id: str | None = None) -> Path:
    """The folder of a model; without an id, that of the champion. The first characters of an id are enough.

    Raises `BundleMissing` if no model matches, or more than one.
    """
    if model_id is None:
        model_id = champion_id(models)
        if model_id is None:
            if any(models.glob(f"[!.]*/{FILE_NAME}")):
                raise BundleMissing("No model is the champion.", f"Choose one: {_PROMOTE}")
            raise BundleMissing("There is no model yet.", "Train one: firstline train")
        if not (models / model_id / FILE_NAME).is_file() or Path(model_id).name != model_id:
            raise BundleMissing(f"The champion, '{model_id}', is not in {models}.", f"Choose another: {_PROMOTE}")
        return models / model_id
    ids = [path.parent.name for path in models.glob(f"*/{FILE_NAME}") if not path.parent.name.startswith(".")]
    matching = [name for name in ids if name == model_id] or [
        name for name in ids if model_id and name.startswith(model_id)
    ]
    if len(matching) != 1:
        what = f"{len(matching)} models begin with" if matching else "There is no model"
        raise BundleMissing(f"{what} '{model_id}' in {models}.", "List them: firstline models")
    return models / matching[0]


@contextmanager
def offering_another(models: Path) -> Iterator[None]:
    """If the champion cannot be found or loaded, the error names the newest other model that can be read, to promote.

    None takes its place silently, because it would answer differently.
    """
    try:
        yield
    except BundleError as error:
        try:
            champion = champion_id(models)
        except BundleDamaged:
            champion = None
        another = next((item.id for item in list_models(models)[0] if item.id != champion), None)
        if another is not None:
            command = _promotion(models, another)
            if _PROMOTE in error.next_step:
                error.next_step = error.next_step.replace(_PROMOTE, command)
            else:
                error.next_step += f"\nOr promote another model: {command}"
        raise


def _promotion(models: Path, model_id: str) -> str:
    """The command, with the folder that it needs to be run anywhere."""
    is_workspace = (models.parent / SETTINGS_FILE).is_file()
    option, folder = ("--workspace", models.parent) if is_workspace else ("--models", models)
    return f"{_PROMOTE.replace('ID', model_id)} {option} {shlex.quote(str(folder))}"
