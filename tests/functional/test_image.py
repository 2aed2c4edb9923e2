"""The image that serves, built without a network and run as docs/deploy.md says."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from benchmarks.containers import BASE_FILE, PORT, ROOT, WHEELS, Container, Podman, Served, missing_tools, served_copy
from firstline.bundle.registry import promote
from tests.bundles import make_bundle
from tests.commands import run_here

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(missing_tools()) or os.geteuid() != 0, reason="needs podman and root"),
    pytest.mark.skipif(
        not BASE_FILE.exists() or not list(WHEELS.glob("litestar-*.whl")),
        reason="make container-check makes the base image and the wheels",
    ),
]
SECRET = "перевод сорок две тысячи"
ASK = f"""
import http.client, json, sys
headers = {{"Content-Type": "application/json", "Authorization": "Bearer " + open(sys.argv[1]).read()}}
connection = http.client.HTTPConnection("127.0.0.1", {PORT})
connection.request("POST", "/v1/classify", json.dumps({{"text": {SECRET!r}}}), headers)
print(json.load(connection.getresponse())["label"])
"""


@pytest.fixture(scope="module")
def podman(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Podman]:
    with Podman(tmp_path_factory.mktemp("podman")) as opened:
        yield opened


@pytest.fixture(scope="module")
def image(podman: Podman, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Built from the wheels of `make wheels` and from Firstline as it is now."""
    wheels = tmp_path_factory.mktemp("wheels")
    for file in WHEELS.glob("*.whl"):
        if not file.name.startswith("firstline-"):
            (wheels / file.name).hardlink_to(file)
    made = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-deps"]
    made += ["--no-build-isolation", "--no-index", "--wheel-dir", str(wheels), str(ROOT)]
    subprocess.run(made, check=True)
    return podman.build("serve", wheels)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Served:
    folder = tmp_path_factory.mktemp("served")
    run_here("init", folder / "w")
    promote(folder / "w" / "models", make_bundle(folder / "w" / "models").id)
    return served_copy(folder / "w", folder)


@pytest.fixture(scope="module")
def container(podman: Podman, image: str, served: Served) -> Iterator[Container]:
    with podman.serving(image, served.workspace, min(os.sched_getaffinity(0)), seconds=600) as started:
        yield started


def test_a_message_is_answered_and_sigterm_ends_it(podman: Podman, container: Container, served: Served) -> None:
    inside = container.inside_its_network(max(os.sched_getaffinity(0)))
    address = f"http://127.0.0.1:{PORT}"
    wait = ["-m", "benchmarks.normal_again", address, "--key-file", str(served.key_file)]
    waited = subprocess.run([*inside, sys.executable, *wait], cwd=ROOT)
    assert waited.returncode == 0, podman.logs(container)
    asked = subprocess.run(
        [*inside, sys.executable, "-c", ASK, str(served.key_file)], capture_output=True, encoding="utf-8"
    )
    assert asked.stdout.strip() == "Перевод"
    assert podman.health(container) == "healthy"
    assert podman.run("exec", container.name, "id", "--user") == "10001"
    with pytest.raises(RuntimeError, match="Read-only file system"):
        podman.run("exec", container.name, "touch", "/opt/firstline/a")
    assert podman.stop(container) == 0
    assert SECRET not in podman.logs(container)


def test_the_image_is_small_and_has_no_training(podman: Podman, image: str) -> None:
    assert podman.size_mb(image) < 550
    command = ["run", "--rm", "--network=none", "--entrypoint", "/opt/firstline/bin/python", image, "-c"]
    found = podman.run(
        *command, "import importlib.util as u; print([n for n in ('torch', 'polars') if u.find_spec(n)])"
    )
    assert found == "[]"
