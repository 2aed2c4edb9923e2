"""Keeps a workspace of this version, which later versions must read: python -m tests.keep_release

It has demo messages, a run, and a model; what the model answers lies beside it. Made once for each release, before
its version goes up, into `tests/released/VERSION`; never made anew for a version that is released.
"""

import csv
import json
import shutil
import sqlite3
from contextlib import closing
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory

from firstline import __version__
from tests.commands import run_here

RELEASED = Path(__file__).parent / "released"
ANSWERS = "answers.csv"
_CLASSES, _PER_CLASS, _UNLABELLED = 3, 20, 20


def _history() -> list[dict[str, str]]:
    """A few messages of a few classes, and some without a label."""
    text = files("firstline.messages").joinpath("demo/history.csv").read_text("utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    classes = list(dict.fromkeys(row["label"] for row in rows if row["label"]))[:_CLASSES]
    kept = [row for name in classes for row in [row for row in rows if row["label"] == name][:_PER_CLASS]]
    return kept + [row for row in rows if not row["label"]][:_UNLABELLED]


def _write(file: Path, rows: list[dict[str, str]]) -> None:
    with file.open("w", encoding="utf-8", newline="") as opened:
        table = csv.DictWriter(opened, list(rows[0]))
        table.writeheader()
        table.writerows(rows)


def main() -> None:
    place = RELEASED / __version__
    if place.exists():
        raise SystemExit(f"{place} is there already: a released version does not change.")
    with TemporaryDirectory() as folder:
        workspace, history = Path(folder) / "workspace", Path(folder) / "history.csv"
        _write(history, _history())
        for arguments in (
            ("init", workspace),
            ("import", history, "-w", workspace),
            ("train", "--candidates", "linear.v1", "--folds", "2", "-w", workspace),
            ("classify", history, "--out", workspace / ANSWERS, "-w", workspace),
        ):
            done = run_here(*arguments)
            if done.returncode:
                raise SystemExit(done.stderr)
        shutil.copytree(workspace, place, ignore=shutil.ignore_patterns(".gitignore", ".locks", "tmp", "firstline.db*"))
        with closing(sqlite3.connect(workspace / "firstline.db")) as database:
            database.execute("VACUUM INTO ?", [str(place / "firstline.db")])
    print(json.dumps(sorted(str(file.relative_to(place)) for file in place.rglob("*") if file.is_file()), indent=1))


if __name__ == "__main__":
    main()
