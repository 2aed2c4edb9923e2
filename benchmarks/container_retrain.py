"""A new class from its first labels to the service's answers, all in containers: python -m benchmarks.container_retrain

Builds both images from the wheels in `dist/`, without a network; `--load-images` takes those of `make image`.
Commands run in the image `train`: no network, a read-only root, no capabilities, its own user. A service runs in the
image `serve`, which sees the models read-only.

A workspace learns its classes and serves them; 40 labels of a new class are imported, and `firstline retrain` promotes
a model that knows it; the service, which is not started again, answers other messages of that class with it. By default
the messages are the demo's and the new class is invented. With `--labelled`, a CSV file with `text` and `label`, it is
one of that file's classes. Prints one table, and fails if anything is not so. Needs Debian, root, two cores.
"""

import argparse
import csv
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.containers import PORT, ROOT, Container, Podman, Served, install_tools, make_base, owned, served_folder
from benchmarks.table import machine, print_rows

Rows = list[tuple[str, str]]
_LEAST_ASKED, _MOST_ASKED = 5, 20
_LEAST_RIGHT = 0.4
"""Of the messages of the new class. Real classes overlap; without the new one it is 0."""
_WITHIN_S = 10.0
_URL = f"http://127.0.0.1:{PORT}"
_CURRENCIES = ("доллары", "евро", "юани", "дирхамы", "лиры", "тенге", "фунты", "франки", "иены", "кроны")
_ABOUT_CURRENCIES = (
    "где обменять {}",
    "хочу купить {} за рубли",
    "по какому курсу вы продаёте {}",
    "можно ли поменять {} в отделении?",
    "сколько берёте за обмен на {}",
    "обменяете старые {}?",
)
_WALLS = """
import json, os, pathlib, socket
def fails(do):
    try:
        do()
    except OSError:
        return True
    return False
print(json.dumps({
    "user": os.getuid(),
    "interfaces": sorted(name for _, name in socket.if_nameindex()),
    "root is read-only": fails(lambda: pathlib.Path("/opt/firstline/x").touch()),
    "capabilities": next(line.split()[1] for line in open("/proc/self/status") if line.startswith("CapEff")),
}))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--labelled", type=Path, help="a CSV file with text and label, instead of the demo's")
    parser.add_argument("--new-class", help="the class of --labelled that comes later; default: the one of most labels")
    parser.add_argument("--labels", type=int, default=40, help="how many labels of the new class are imported")
    parser.add_argument("--language", default="ru")
    parser.add_argument("--candidates", default="linear.v1", help="what both trainings compare; auto for all")
    parser.add_argument("--load-images", action="store_true", help="load what make image left in build/, build nothing")
    arguments = parser.parse_args()
    name, history, new = "Обмен валюты", None, _invented()
    if arguments.labelled:
        name, history, new = _apart(_read(arguments.labelled), arguments.new_class)
    random.Random(0).shuffle(new)
    learned, asked = new[: arguments.labels], new[arguments.labels :][:_MOST_ASKED]
    if len(asked) < _LEAST_ASKED:
        sys.exit(f"'{name}' has {len(new)} messages; {arguments.labels + _LEAST_ASKED} or more are needed.")
    install_tools()
    make_base()
    with TemporaryDirectory(prefix="firstline-container-") as folder, Podman(Path(folder)) as podman:
        get = podman.load if arguments.load_images else podman.build
        images = {target: get(target) for target in ("train", "serve")}
        place = _Place(podman, images["train"], Path(folder) / "workspace")
        place("init", "/workspace", "--language", arguments.language, "--demo")
        place.choose(arguments.candidates)
        work = _Work(place, images["serve"], name, history, learned, asked)
        rows = [(what, _shown(figure)) for what, figure in _phases(work)]
    print_rows(f"From {len(learned)} labels of '{name}' to its answers; {machine()}", ("", ""), rows)


def _read(file: Path) -> Rows:
    with file.open(encoding="utf-8", newline="") as opened:
        return [(row["text"], row["label"]) for row in csv.DictReader(opened) if row["text"].strip() and row["label"]]


def _invented() -> list[str]:
    return [about.format(currency) for about in _ABOUT_CURRENCIES for currency in _CURRENCIES]


def _apart(rows: Rows, name: str | None) -> tuple[str, Rows, list[str]]:
    """The new class, the messages of all others, and its own."""
    labels = [label for _, label in rows]
    name = name or max(sorted(set(labels)), key=labels.count)
    return name, [row for row in rows if row[1] != name], [text for text, label in rows if label == name]


def _shown(figure: float | str) -> str:
    return f"{figure:.1f}" if isinstance(figure, float) else str(figure)


class _Place:
    """A workspace on this machine, which commands in the image that trains read and write."""

    def __init__(self, podman: Podman, image: str, folder: Path) -> None:
        self.podman, self.image, self.folder = podman, image, folder
        folder.mkdir(mode=0o700)
        owned(folder)

    def __call__(self, *arguments: str, codes: Sequence[int] = (0,), entrypoint: str = "firstline") -> str:
        """What a command in the container prints. Raises `RuntimeError` if it ends with another code."""
        return self.podman.in_training(self.image, self.folder, entrypoint, *arguments, codes=codes)

    def choose(self, candidates: str) -> None:
        settings = self.folder / "firstline.toml"
        names = ", ".join(f'"{name}"' for name in candidates.split(","))
        text = settings.read_text("utf-8")
        assert 'candidates = ["auto"]' in text
        settings.write_text(text.replace('candidates = ["auto"]', f"candidates = [{names}]"), "utf-8")

    def write(self, name: str, rows: Rows) -> None:
        with (self.folder / name).open("w", encoding="utf-8", newline="") as opened:
            csv.writer(opened).writerows([("text", "label"), *rows])
        owned(self.folder / name)


@dataclass(frozen=True)
class _Work:
    """What is done: `learned` and `asked` are messages of the class `name`. Without `history` it is the demo's."""

    place: _Place
    image: str
    name: str
    history: Rows | None
    learned: list[str]
    asked: list[str]


def _phases(work: _Work) -> Iterator[tuple[str, float | str]]:
    """The rows of the table. Raises `AssertionError` if something is not as it should be."""
    place, workspace = work.place, ("--workspace", "/workspace")
    walls = json.loads(place("-c", _WALLS, entrypoint="python"))
    assert (walls["user"], walls["interfaces"], walls["root is read-only"]) == (10_001, ["lo"], True), walls
    assert int(walls["capabilities"], 16) == 0, walls
    yield "the image that trains: user, network", f"{walls['user']}, only {', '.join(walls['interfaces'])}"
    if work.history is not None:
        place.write("history.csv", work.history)
    place("import", "history.csv", *workspace)
    started = time.monotonic()
    place("train", *workspace)
    yield "training of the first champion, s", time.monotonic() - started
    before = json.loads((place.folder / "models" / "champion.json").read_bytes())["model"]
    served = served_folder(place.folder, place.folder.parent / "served")
    shared = f"--volume={place.folder / 'models'}:/workspace/models:ro"
    core = min(os.sched_getaffinity(0))
    with place.podman.serving(work.image, served.workspace, core, shared) as container:
        yield from _retrained(work, _Client(container, served), before)


def _retrained(work: _Work, client: "_Client", before: str) -> Iterator[tuple[str, float | str]]:
    """From the labels of the new class to the answers of the service that runs."""
    place, workspace = work.place, ("--workspace", "/workspace")
    client.wait_for(before, 60)
    first = client.share(work.asked, work.name)
    assert first == 0, first
    yield "first champion", before
    place.write("new.csv", [(text, work.name) for text in work.learned])
    place("import", "new.csv", *workspace)
    started = time.monotonic()
    found = json.loads(place("retrain", "--json", *workspace, codes=(0, 3)))
    ended = time.monotonic()
    assert found["promoted"], found["reason"]
    assert found["champion"] == before
    yield "firstline retrain, s", ended - started
    yield "gates passed", f"{sum(gate['passed'] for gate in found['gates'])} of {len(found['gates'])}"
    client.wait_for(found["challenger"], _WITHIN_S)
    yield "served after the end of the command, s", time.monotonic() - ended
    share = client.share(work.asked, work.name)
    assert share >= _LEAST_RIGHT, share
    yield "second champion", found["challenger"]
    yield f"of {len(work.asked)} new messages of the class answered with it, before", f"{first:.0%}"
    yield "the same, after", f"{share:.0%}"
    history = json.loads(place("models", "history", "--json", *workspace))
    assert history[0]["model"] == found["challenger"], history
    # It is still the first process: the service was not restarted.
    assert place.podman.process_id(client.container) == client.container.process_id
    code = place.podman.stop(client.container)
    assert code == 0, code
    yield "exit code of the service after SIGTERM", code


class _Client:
    """Asks a service in a container from inside its network."""

    def __init__(self, container: Container, served: Served) -> None:
        self.container, self.key_file = container, served.key_file
        self._before = container.inside_its_network(max(os.sched_getaffinity(0)))

    def wait_for(self, model: str, within_s: float) -> None:
        """Until the service answers by `model`. Raises `AssertionError` if it does not in time."""
        end = time.monotonic() + within_s
        while (found := self._ask(["Где мой перевод?"])) is None or found[0][0] != model:
            assert time.monotonic() < end, f"{model} does not answer within {within_s:g} s: {found}"

    def share(self, texts: Sequence[str], label: str) -> float:
        """The share of the messages that are answered with `label`, 0 to 1."""
        found = self._ask(texts)
        assert found is not None
        return sum(answer == label for _, answer in found) / len(texts)

    def _ask(self, texts: Sequence[str]) -> list[tuple[str, str]] | None:
        """The model and the label of each answer; None if the service does not answer."""
        command = [*self._before, sys.executable, "-m", "benchmarks.ask", _URL, "--key-file", str(self.key_file)]
        done = subprocess.run(command, input=json.dumps(texts), capture_output=True, encoding="utf-8", cwd=ROOT)
        return [tuple(pair) for pair in json.loads(done.stdout)] if done.returncode == 0 else None


if __name__ == "__main__":
    main()
