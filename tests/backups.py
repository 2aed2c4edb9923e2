"""Workspaces to back up, and backups that somebody has changed."""

import gzip
import io
import shutil
import tarfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from firstline.backup.archive import CARD
from firstline.bundle.registry import promote
from firstline.store.messages import StoredMessage
from firstline.store.workspace import Workspace
from tests.bundles import make_bundle
from tests.unit.store.filling import take_in

TEXT = "где моя карта"
Members = dict[str, bytes]


def make_workspace(folder: Path) -> Workspace:
    """A workspace with messages, API keys, two models with a champion, a run, and what a backup leaves out."""
    place = Workspace.create(folder, "ru")
    fill(place)
    weaker, champion = (make_bundle(place.models, strength=strength).id for strength in (2.0, 4.0))
    promote(place.models, weaker, "the first")
    promote(place.models, champion, "the better one")
    (place.models / "promise.json").write_text('{"precision":0.9}')
    (place.models / ".new-1").mkdir()
    (place.models / "copied-by-half").mkdir()
    (place.models / "copied-by-half" / "weights.npy").write_bytes(b"half")
    (folder / "keys.json").write_text("[]")
    (folder / "keys.json").chmod(0o600)
    run = place.runs / "20260101-000000-abcd"
    (run / "linear.v1").mkdir(parents=True)
    (run / "run.json").write_text("{}")
    (run / "linear.v1" / "repeat-0-fold-1.npz").write_bytes(b"fold")
    place.notebooks.mkdir()
    (place.notebooks / "training.ipynb").write_text("{}")
    for name in ("reports/a.html", "records/a.jsonl", "tmp/a", "language-models/a", "imports/a.csv", "searches/a"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("x")
    return place


def fill(place: Workspace) -> None:
    take_in(
        place.database,
        StoredMessage(TEXT, "customer", "1", label="Карта"),
        StoredMessage("банкомат молчит", "lead", "2", label="Банкомат"),
        StoredMessage("спасибо"),
    )
    place.database.dispose()


def copied(place: Workspace, folder: Path) -> Workspace:
    """A workspace of one's own."""
    return Workspace.find(Path(shutil.copytree(place.folder, folder)))


def members(file: Path) -> Members:
    """The files of an archive, in order, as Python's own tarfile reads them."""
    with tarfile.open(file) as archive:
        return {info.name: archive.extractfile(info).read() for info in archive}  # type: ignore[union-attr]


def changed(file: Path, change: Callable[[bytearray], object]) -> None:
    """Change the bytes of a plain archive."""
    content = bytearray(file.read_bytes())
    change(content)
    file.write_bytes(content)


def rewritten(
    file: Path,
    found: Members,
    card: Callable[[dict[str, Any]], object] = dict,
    extra: Sequence[tarfile.TarInfo] = (),
) -> Path:
    """Write an archive of these members, in which `card` has changed `backup.json`; then come `extra` members."""
    told = msgspec.json.decode(found[CARD])
    card(told)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in {**found, CARD: msgspec.json.encode(told)}.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        for info in extra:
            archive.addfile(info, io.BytesIO(bytes(info.size)))
    content = buffer.getvalue()
    file.write_bytes(gzip.compress(content) if file.suffix == ".gz" else content)
    return file
