"""How fast `firstline import` is, and how much memory it takes: python -m benchmarks.import_speed [--rows N]

Beside it, in the same run, the same file is read by the standard library's CSV reader and its rows
are inserted with sqlite3, unmasked: what no import could do without.
"""

import argparse
import csv
import random
import resource
import sqlite3
import subprocess
import sys
import time
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.table import machine, print_rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    rows = parser.parse_args().rows
    with TemporaryDirectory() as folder:
        place = Path(folder)
        export = place / "export.csv"
        _write_export(export, rows)
        bare_s = _bare(export, place / "bare.db")
        import_s, memory_mb = _import(export, place / "workspace")
    print_rows(
        f"Import of {rows:,} messages, {machine()}",
        ("what", "seconds", "messages/s", "peak MB", "ratio"),
        [
            ("csv and sqlite3, bare", f"{bare_s:.1f}", f"{rows / bare_s:,.0f}", "", "1.0"),
            (
                "firstline import",
                f"{import_s:.1f}",
                f"{rows / import_s:,.0f}",
                f"{memory_mb:.0f}",
                f"{import_s / bare_s:.1f}",
            ),
        ],
    )


def _write_export(path: Path, rows: int) -> None:
    """Messages of two halves of demo messages, one in four with a phone, card or account number."""
    rng = random.Random(1)
    demo = list(
        csv.DictReader(files("firstline.messages").joinpath("demo/history.csv").read_text("utf-8").splitlines())
    )
    halves = [
        half for row in demo for half in (row["text"][: len(row["text"]) // 2], row["text"][len(row["text"]) // 2 :])
    ]
    labels = sorted({row["label"] for row in demo if row["label"]})
    extras = (
        lambda: f" +7 9{rng.randrange(10**9):09d}",
        lambda: f" карта 4{rng.randrange(10**15):015d}",
        lambda: f" счёт 40817{rng.randrange(10**15):015d}",
        lambda: f" сумма {rng.randrange(10**5)} руб",
    )
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "text", "label", "segment", "sent_at"])
        for number in range(rows):
            text = f"{rng.choice(halves)} {rng.choice(halves)}" + (rng.choice(extras)() if number % 4 == 0 else "")
            label = rng.choice(labels) if number % 20 == 0 else ""
            writer.writerow([number, text, label, rng.choice(("customer", "lead")), "2026-01-15 10:00:00"])


def _bare(export: Path, database: Path) -> float:
    started = time.perf_counter()
    with sqlite3.connect(database) as connection, export.open(encoding="utf-8", newline="") as file:
        connection.execute("CREATE TABLE m (id, text, label, segment, sent_at)")
        reader = csv.reader(file)
        next(reader)
        connection.executemany("INSERT INTO m VALUES (?, ?, ?, ?, ?)", reader)
    connection.close()
    return time.perf_counter() - started


def _import(export: Path, workspace: Path) -> tuple[float, float]:
    firstline = [sys.executable, "-m", "firstline"]
    subprocess.run([*firstline, "init", str(workspace)], check=True, capture_output=True)
    started = time.perf_counter()
    done = subprocess.run(
        [*firstline, "import", str(export), "-w", str(workspace)], check=True, capture_output=True, text=True
    )
    seconds = time.perf_counter() - started
    print(done.stdout)
    return seconds, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


if __name__ == "__main__":
    main()
