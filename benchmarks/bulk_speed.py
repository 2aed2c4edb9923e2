"""How fast `firstline classify` is on a large file, and what it takes: python -m benchmarks.bulk_speed --workspace DIR

The file has messages drawn from `--texts FILE`, or of the demo. Beside it, in the same run, the same file is read and
written by the standard library alone, and classified on one core. With `--dask N` also by so many workers of a Dask
cluster on this machine, from Parquet. Memory is what all processes of a command hold together at their peak, what they
share counted for each; processor seconds are the user's and the system's, of all processes.
"""

import argparse
import csv
import os
import random
import sys
import time
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import psutil

from benchmarks.measured import Run, run
from benchmarks.table import machine, print_rows
from tests.clusters import cluster

_FILES = 8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workspace", type=Path, required=True)
    parser.add_argument("--texts", type=Path)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--dask", type=int, default=0)
    arguments = parser.parse_args()
    with TemporaryDirectory(dir=arguments.workspace) as folder:
        place = Path(folder)
        _write(place / "in.csv", arguments.texts, arguments.rows)
        runs = {"csv, read and written": _bare(place / "in.csv", place / "bare.csv")}
        command = [sys.executable, "-m", "firstline", "classify", "-w", str(arguments.workspace)]
        one = [*command, str(place / "in.csv"), "-o", str(place / "one.csv")]
        cores = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {min(cores)})
        runs["classify, one core"] = run(one)
        os.sched_setaffinity(0, cores)
        runs["classify, every core"] = run([*command, str(place / "in.csv"), "-o", str(place / "all.csv")])
        assert (place / "one.csv").read_bytes() == (place / "all.csv").read_bytes()
        runs["classify, to Parquet"] = run([*command, str(place / "in.csv"), "-o", str(place / "all.parquet")])
        if arguments.dask:
            runs |= _on_dask(place, command, arguments.dask)
    bare = runs["csv, read and written"]
    print_rows(
        f"classify of {arguments.rows:,} messages, {machine()}",
        ("what", "seconds", "rows/s", "processor s", "rows per processor s", "peak MB", "ratio of processor s"),
        [
            (
                what,
                f"{took.seconds:.1f}",
                f"{arguments.rows / took.seconds:,.0f}",
                f"{took.processor_s:.1f}",
                f"{arguments.rows / took.processor_s:,.0f}",
                f"{took.memory_mb:.0f}",
                f"{took.processor_s / bare.processor_s:.1f}",
            )
            for what, took in runs.items()
        ],
    )


def _write(path: Path, texts: Path | None, rows: int) -> None:
    demo = files("firstline.messages").joinpath("demo/history.csv")
    content = texts.read_text("utf-8") if texts else demo.read_text("utf-8")
    found = [row["text"] for row in csv.DictReader(content.splitlines(keepends=True))]
    print(f"{sum(map(len, found)) / len(found):.0f} characters a message")
    rng = random.Random(1)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "text"])
        for number in range(rows):
            writer.writerow([number, rng.choice(found)])


def _bare(path: Path, out: Path) -> Run:
    began, began_s = time.perf_counter(), time.process_time()
    with path.open(encoding="utf-8", newline="") as file, out.open("w", encoding="utf-8", newline="") as written:
        csv.writer(written).writerows(csv.reader(file))
    return Run(time.perf_counter() - began, time.process_time() - began_s, 0.0)


def _on_dask(place: Path, command: list[str], n_workers: int) -> dict[str, Run]:
    """The same from a folder of Parquet, by this machine and by a cluster; both write the same file."""
    folder = place / "parts"
    folder.mkdir()
    table = pl.read_csv(place / "in.csv")
    for number, part in enumerate(table.iter_slices(-(-len(table) // _FILES))):
        part.write_parquet(folder / f"{number}.parquet")
    here = run([*command, str(folder), "-o", str(place / "here.parquet")])
    with cluster(place, n_workers) as started:
        workers = [psutil.Process(worker.pid) for worker in started.workers]
        before = sum(_family_s(worker) for worker in workers)
        there = run([*command, str(folder), "-o", str(place / "there.parquet"), "--dask", started.address])
        after = sum(_family_s(worker) for worker in workers)
    assert (place / "here.parquet").read_bytes() == (place / "there.parquet").read_bytes()
    return {
        "classify, folder of Parquet": here,
        f"the same, {n_workers} Dask workers": Run(there.seconds, there.processor_s + after - before, there.memory_mb),
    }


def _family_s(process: psutil.Process) -> float:
    family = [process, *process.children(recursive=True)]
    return float(sum(sum(one.cpu_times()[:2]) for one in family))


if __name__ == "__main__":
    main()
