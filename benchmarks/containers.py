"""Firstline's images, built and run by podman on a machine that may reach no image registry.

The base is made from Debian's packages. What podman keeps lies in a folder of its own, so that nothing stale is used
and nothing stays. Some machines need what looks odd here: runc, because crun refuses cgroups of both versions side by
side; limits for files and processes, because podman's own need a capability that root may lack; and the core named as
well as counted, because a process that sees two cores and may use one is throttled.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import psutil

ROOT = Path(__file__).parent.parent
WHEELS = ROOT / "dist"
BASE_FILE = ROOT / "build" / "container" / "base.tar"
PORT = 8080
_BASE = "localhost/firstline-base"
_USER = 10_001
_TOOLS = ("podman", "runc", "mmdebstrap")
_SLIM = ("path-exclude=/usr/share/man/*", "path-exclude=/usr/share/locale/*", "path-exclude=/usr/share/doc/*")
_CLOSED = ("--network=none", "--read-only", "--cap-drop=all", "--security-opt=no-new-privileges")
_CONFIGURATION = """
[containers]
default_ulimits = ["nofile=2048:4096", "nproc=1024:4096"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
tmp_dir = "{folder}/libpod"
"""
_STORAGE = """
[storage]
driver = "overlay"
graphroot = "{folder}/graph"
runroot = "{folder}/run"
"""


def missing_tools() -> list[str]:
    """Which of podman, runc and mmdebstrap this machine lacks."""
    return [name for name in _TOOLS if shutil.which(name) is None]


def install_tools() -> None:
    """Install what is missing from Debian's packages, as root."""
    if missing := missing_tools():
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["apt-get", "update", "-qq"], check=True, env=environment)
        command = ["apt-get", "install", "-qq", "-y", "--no-install-recommends", *missing]
        subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)


def make_base() -> None:
    """Make a Debian with Python from its packages, once; it is kept in `build/`."""
    if BASE_FILE.exists():
        return
    BASE_FILE.parent.mkdir(parents=True, exist_ok=True)
    unfinished = BASE_FILE.with_suffix(".part")
    sources = Path("/etc/apt/sources.list.d/debian.sources")
    command = ["mmdebstrap", "--quiet", "--format=tar", "--mode=root", "--variant=minbase", "--include=python3-venv"]
    command += ["--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr", "--dpkgopt=force-unsafe-io"]
    command += [f"--dpkgopt={option}" for option in (*_SLIM, "path-include=/usr/share/doc/*/copyright")]
    command += ['--aptopt=Acquire::Languages "none"', '--aptopt=APT::Install-Recommends "false"']
    command += ['--customize-hook=rm -rf "$1"/var/cache/apt/* "$1"/var/lib/apt/lists/*']
    command += ["bookworm", str(unfinished), *([str(sources)] if sources.exists() else [])]
    subprocess.run(command, check=True, capture_output=True)
    unfinished.rename(BASE_FILE)


@dataclass(frozen=True)
class Served:
    """What a container serves: a folder that only its user can read, and a file with a key that the service takes."""

    workspace: Path
    key_file: Path


def served_copy(workspace: Path, folder: Path) -> Served:
    """Copy what serving needs of a workspace into a new `folder`, with a new key, for the user of the image."""
    served = served_folder(workspace, folder)
    shutil.copytree(workspace / "models", served.workspace / "models", dirs_exist_ok=True)
    owned(served.workspace)
    return served


def served_folder(workspace: Path, folder: Path) -> Served:
    """The same without the models: their folder is empty, and a container may have another one in its place."""
    copy = folder / "workspace"
    (copy / "models").mkdir(parents=True)
    shutil.copyfile(workspace / "firstline.toml", copy / "firstline.toml")
    command = [sys.executable, "-m", "firstline", "keys", "add", "check", "--scope", "classify", "--json"]
    done = subprocess.run([*command, "--workspace", str(copy)], check=True, capture_output=True, encoding="utf-8")
    key_file = folder / "key"
    key_file.write_text(json.loads(done.stdout)["key"], "utf-8")
    owned(copy)
    return Served(copy, key_file)


def owned(place: Path) -> None:
    """Give a file, or a folder with all that is in it, to the user of the images."""
    for path in (place, *place.rglob("*")):
        os.chown(path, _USER, _USER)


@dataclass(frozen=True)
class Container:
    """A container that runs; `process_id` is that of its first process, `asked_at` when it was asked to start."""

    name: str
    process_id: int
    asked_at: float

    def inside_its_network(self, core: int) -> list[str]:
        """What stands before a command that reaches the container, which has no network but its own loopback."""
        return ["nsenter", "-t", str(self.process_id), "-n", "taskset", "-c", str(core)]

    def memory_mb(self) -> float:
        """Resident memory of its processes."""
        first = psutil.Process(self.process_id)
        return sum(process.memory_info().rss for process in (first, *first.children(recursive=True))) / 1e6


class Podman:
    """podman with its images and containers in `folder`, all removed at the end."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._environment = dict(os.environ)
        for name, content in (("CONTAINERS_CONF", _CONFIGURATION), ("CONTAINERS_STORAGE_CONF", _STORAGE)):
            file = folder / f"{name.lower()}.conf"
            file.write_text(content.format(folder=folder), "utf-8")
            self._environment[name] = str(file)

    def __enter__(self) -> Self:
        self.run("import", "--quiet", str(BASE_FILE), _BASE)
        return self

    def __exit__(self, *error: object) -> None:
        self._try("rm", "--force", "--all", "--time", "2")
        self._try("rmi", "--all", "--force")
        # Empty groups that podman leaves. One that is in use stays.
        for parent in Path("/sys/fs/cgroup").glob("*/libpod_parent"):
            for folder in sorted((path for path in (parent, *parent.rglob("*")) if path.is_dir()), reverse=True):
                with suppress(OSError):
                    folder.rmdir()

    def run(self, *arguments: str) -> str:
        """What the command prints. Raises `RuntimeError` with its last words if it fails."""
        done = self._try(*arguments)
        if done.returncode:
            raise RuntimeError(f"podman {arguments[0]} failed:\n{done.stdout[-2_000:]}{done.stderr[-4_000:]}")
        return done.stdout.strip()

    def build(self, target: str, wheels: Path = WHEELS) -> str:
        """Build an image from the wheels alone, without a network; gives its name."""
        image = f"localhost/firstline-{target}"
        options = ["--no-cache", "--network=none", "--pull=never", "--format=docker", f"--build-arg=BASE={_BASE}"]
        dockerfile = str(ROOT / "deploy" / "Dockerfile")
        self.run("build", *options, "--target", target, "--tag", image, "--file", dockerfile, str(wheels))
        return image

    def load(self, target: str) -> str:
        """The image that `make image TARGET=...` left in `build/`; gives its name."""
        loaded = self.run("load", "--quiet", "--input", str(ROOT / "build" / target / "image.tar"))
        return loaded.rpartition(" ")[2]

    def size_mb(self, image: str) -> float:
        """What the image takes on disk, unpacked."""
        return int(json.loads(self.run("image", "inspect", image))[0]["Size"]) / 1e6

    @contextmanager
    def serving(
        self, image: str, workspace: Path, core: int, *options: str, seconds: int = 3_600
    ) -> Iterator[Container]:
        """The service as it should be run: one core, 1 GiB, no network, no capabilities, nothing to write but /tmp."""
        name = f"firstline-{os.getpid()}"
        limits = ["--cpus=1", f"--cpuset-cpus={core}", "--memory=1g", "--memory-swap=1g", "--pids-limit=128"]
        places = ["--tmpfs=/tmp:rw,noexec,nosuid,size=64m", f"--volume={workspace}:/workspace:ro"]
        asked_at = time.monotonic()
        self.run("run", "--detach", "--name", name, f"--timeout={seconds}", *limits, *_CLOSED, *places, *options, image)
        try:
            yield Container(name, int(self._state(name)["Pid"]), asked_at)
        finally:
            self.run("rm", "--force", "--time", "2", name)

    def in_training(
        self, image: str, workspace: Path, program: str, *arguments: str, codes: Sequence[int] = (0,)
    ) -> str:
        """What a program prints that runs in the image that trains, closed as the service is; /tmp is larger.

        Raises `RuntimeError` with its last words if its exit code is not one of `codes`.
        """
        places = ["--tmpfs=/tmp:rw,nosuid,nodev,size=2g", f"--volume={workspace}:/workspace"]
        options = ["--rm", "--memory=4g", "--memory-swap=4g", "--pids-limit=512", f"--entrypoint={program}"]
        done = self._try("run", *options, *_CLOSED, *places, image, *arguments)
        if done.returncode not in codes:
            raise RuntimeError(f"{program} {' '.join(arguments)} failed:\n{done.stdout[-2_000:]}{done.stderr[-4_000:]}")
        return done.stdout

    def process_id(self, container: Container) -> int:
        """That of its first process now; 0 if it has ended."""
        return int(self._state(container.name)["Pid"])

    def stop(self, container: Container) -> int:
        """End it by SIGTERM; gives its exit code."""
        self.run("stop", "--time", "15", container.name)
        return int(self._state(container.name)["ExitCode"])

    def health(self, container: Container) -> str:
        """What the image's own health check says now: `healthy`, or the reason why not."""
        done = self._try("healthcheck", "run", container.name)
        return "healthy" if done.returncode == 0 else done.stdout + done.stderr

    def logs(self, container: Container) -> str:
        done = self._try("logs", container.name)
        return done.stdout + done.stderr

    def _state(self, name: str) -> dict[str, Any]:
        state: dict[str, Any] = json.loads(self.run("inspect", name))[0]["State"]
        return state

    def _try(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = ["podman", *arguments]
        return subprocess.run(command, env=self._environment, capture_output=True, encoding="utf-8")
