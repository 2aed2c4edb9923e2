"""The files in deploy/ ask for as little as the service needs, and name options and paths that exist."""

import re
import shutil
import subprocess
import tomllib
from collections import defaultdict
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import typer.main
import yaml

from firstline.cli import app

ROOT = Path(__file__).parent.parent.parent
DEPLOY = ROOT / "deploy"
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
DOCKERFILE = (DEPLOY / "Dockerfile").read_text("utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))
MANIFEST = (DEPLOY / "kubernetes.yaml").read_text("utf-8")
OBJECTS: dict[str, dict[str, Any]] = {one["kind"]: one for one in yaml.safe_load_all(MANIFEST)}
POD: dict[str, Any] = OBJECTS["Deployment"]["spec"]["template"]["spec"]
(CONTAINER,) = POD["containers"]
WRITER_MANIFEST = (DEPLOY / "kubernetes-models.yaml").read_text("utf-8")
WRITER: dict[str, dict[str, Any]] = {one["kind"]: one for one in yaml.safe_load_all(WRITER_MANIFEST)}


def unit(path: Path) -> dict[str, list[str]]:
    """The values of each name of a systemd unit; a name may stand several times."""
    found = defaultdict(list)
    for line in path.read_text("utf-8").splitlines():
        name, is_setting, value = line.partition("=")
        if is_setting and not line.startswith("#"):
            found[name].append(value)
    return found


UNIT = unit(DEPLOY / "firstline.service")
WORKER_UNIT = unit(DEPLOY / "firstline-worker.service")


def options_of(name: str) -> set[str]:
    command = typer.main.get_command(app).commands[name]  # type: ignore[attr-defined]
    return {option for parameter in command.params for option in parameter.opts}


def named_options(arguments: list[str]) -> set[str]:
    return {argument for argument in arguments if argument.startswith("--")}


@pytest.mark.parametrize(
    "line",
    [
        "USER 10001:10001",
        "STOPSIGNAL SIGTERM",
        'ENTRYPOINT ["/opt/firstline/bin/firstline"]',
        "    PYTHONDONTWRITEBYTECODE=1 \\",
        "    ORT_DISABLE_TELEMETRY=1",
    ],
)
def test_image_has_the_line(line: str) -> None:
    assert line in DOCKERFILE.splitlines()


def test_image_is_built_from_wheels_alone() -> None:
    installs = re.findall(r"pip --python .*? install.*?(?=\n[A-Z#])", DOCKERFILE, re.DOTALL)
    assert len(installs) == 2
    assert all("--no-index --find-links /wheels" in install for install in installs)
    assert "apt" not in DOCKERFILE


def test_health_check_of_the_image_starts_no_python() -> None:
    check = DOCKERFILE.partition("HEALTHCHECK")[2].partition("\nCMD")[0]
    assert "/health/live" in check
    assert "python" not in check


def test_image_serves_by_default() -> None:
    arguments = re.findall(r'^CMD \["serve", (.*)\]$', DOCKERFILE, re.MULTILINE)
    assert len(arguments) == 1
    assert named_options(re.findall(r'"(.*?)"', arguments[0])) <= options_of("serve")


@pytest.mark.parametrize("service", ["serve", "train"])
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("user", "10001:10001"),
        ("read_only", True),
        ("cap_drop", ["ALL"]),
        ("security_opt", ["no-new-privileges:true"]),
    ],
)
def test_compose_closes_the_container(service: str, name: str, value: object) -> None:
    assert COMPOSE["services"][service][name] == value


def test_compose_bounds_the_service() -> None:
    serve = COMPOSE["services"]["serve"]
    assert (serve["cpus"], serve["mem_limit"], serve["memswap_limit"], serve["pids_limit"]) == (1.0, "1g", "1g", 128)
    assert serve["tmpfs"] == ["/tmp:rw,noexec,nosuid,nodev,size=64m"]


def test_compose_mounts_nothing_to_write_but_records() -> None:
    volumes = COMPOSE["services"]["serve"]["volumes"]
    assert [volume for volume in volumes if not volume.endswith(":ro")] == [
        "${WORKSPACE:-./workspace}/records:/workspace/records:rw"
    ]


def test_compose_publishes_on_this_machine_only() -> None:
    assert COMPOSE["services"]["serve"]["ports"] == ["127.0.0.1:8080:8080"]


def test_compose_starts_only_the_service_unless_told() -> None:
    services = COMPOSE["services"].items()
    assert [name for name, service in services if "profiles" not in service] == ["serve"]


def test_files_name_the_images_of_this_version() -> None:
    files = MANIFEST + WRITER_MANIFEST + (DEPLOY / "compose.yaml").read_text("utf-8")
    assert re.findall(r"/firstline-(?:serve|train):(\S+)", files) == [VERSION] * 4


@pytest.mark.parametrize(
    "line",
    [
        "User=firstline",
        "NoNewPrivileges=yes",
        "CapabilityBoundingSet=",
        "AmbientCapabilities=",
        "ProtectSystem=strict",
        "ProtectHome=yes",
        "PrivateTmp=yes",
        "PrivateDevices=yes",
        "ProtectClock=yes",
        "ProtectControlGroups=yes",
        "ProtectHostname=yes",
        "ProtectKernelLogs=yes",
        "ProtectKernelModules=yes",
        "ProtectKernelTunables=yes",
        "ProtectProc=invisible",
        "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX",
        "RestrictNamespaces=yes",
        "RestrictRealtime=yes",
        "RestrictSUIDSGID=yes",
        "LockPersonality=yes",
        "MemoryDenyWriteExecute=yes",
        "SystemCallArchitectures=native",
        "ReadOnlyPaths=/srv/firstline",
        "ReadWritePaths=-/srv/firstline/records",
        "UMask=0077",
        "MemoryMax=1G",
        "Restart=on-failure",
        "ExecReload=/bin/kill -HUP $MAINPID",
    ],
)
def test_unit_has_the_line_once(line: str) -> None:
    name, _, value = line.partition("=")
    assert UNIT[name] == [value]


def test_unit_allows_the_system_calls_of_a_service_without_privileges() -> None:
    assert UNIT["SystemCallFilter"] == ["@system-service", "~@privileged"]


@pytest.mark.parametrize(("one", "name"), [(UNIT, "serve"), (WORKER_UNIT, "worker")], ids=["serve", "worker"])
def test_unit_names_options_of_its_command(one: dict[str, list[str]], name: str) -> None:
    (command,) = one["ExecStart"]
    assert command.split()[1] == name
    assert named_options(command.split()) <= options_of(name)


def test_the_unit_of_the_worker_is_closed_as_that_of_the_service_but_writes_its_folder() -> None:
    own = {"Description", "ExecStart", "ExecReload", "TimeoutStopSec", "ReadOnlyPaths", "ReadWritePaths"}
    own |= {"CPUQuota", "MemoryMax", "TasksMax", "LimitNOFILE", "Nice"}
    # PyTorch compiles code in memory.
    own.add("MemoryDenyWriteExecute")
    assert {name: values for name, values in WORKER_UNIT.items() if name not in own} == {
        name: values for name, values in UNIT.items() if name not in own
    }
    assert WORKER_UNIT["ReadWritePaths"] == ["/srv/firstline"]


def test_the_worker_of_compose_runs_what_exists_in_the_image_that_trains() -> None:
    worker, train = COMPOSE["services"]["worker"], COMPOSE["services"]["train"]
    assert worker["command"][0] == "worker"
    assert named_options(worker["command"]) <= options_of("worker")
    assert worker["image"] == train["image"]
    assert worker["profiles"] == ["training"]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
@pytest.mark.parametrize("name", ["firstline.service", "firstline-worker.service"])
def test_systemd_understands_the_unit(tmp_path: Path, name: str) -> None:
    text = (DEPLOY / name).read_text("utf-8").replace("/opt/firstline/bin/firstline", "/bin/true")
    (tmp_path / name).write_text(text, "utf-8")
    command = ["systemd-analyze", "verify", str(tmp_path / name)]
    done = subprocess.run(command, capture_output=True, encoding="utf-8")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("one", [*OBJECTS.values(), *WRITER.values()], ids=lambda one: one["kind"])
def test_manifest_fits_the_schemas_of_kubernetes(one: dict[str, Any]) -> None:
    kubernetes_validate.validate(one, "1.37", strict=True)


def test_schemas_refuse_a_name_that_is_misspelled() -> None:
    broken = {**OBJECTS["Service"], "spec": {"selectors": {"app": "firstline"}}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(broken, "1.37", strict=True)


def test_manifest_says_that_no_cluster_has_tried_it() -> None:
    assert "NOT TESTED ON A CLUSTER" in MANIFEST.splitlines()[0]
    assert "NOT TESTED ON A CLUSTER" in WRITER_MANIFEST.splitlines()[1]


def test_the_pod_that_writes_models_has_the_rights_of_the_service_and_its_claim() -> None:
    spec = WRITER["Pod"]["spec"]
    (container,) = spec["containers"]
    assert spec["securityContext"] == POD["securityContext"]
    assert container["securityContext"] == CONTAINER["securityContext"]
    assert container["image"] == CONTAINER["image"]
    claims = {volume["persistentVolumeClaim"]["claimName"] for volume in (spec["volumes"][0], POD["volumes"][0])}
    assert claims == {WRITER["PersistentVolumeClaim"]["metadata"]["name"]}


def test_the_pod_that_writes_models_gets_no_requests() -> None:
    assert "labels" not in WRITER["Pod"]["metadata"]


@pytest.mark.parametrize(
    ("where", "name", "value"),
    [
        (POD["securityContext"], "runAsNonRoot", True),
        (POD["securityContext"], "runAsUser", 10001),
        (POD["securityContext"], "seccompProfile", {"type": "RuntimeDefault"}),
        (POD, "automountServiceAccountToken", False),
        (POD, "enableServiceLinks", False),
        (CONTAINER["securityContext"], "allowPrivilegeEscalation", False),
        (CONTAINER["securityContext"], "readOnlyRootFilesystem", True),
        (CONTAINER["securityContext"], "capabilities", {"drop": ["ALL"]}),
        (CONTAINER["resources"], "limits", {"cpu": "1", "memory": "1Gi"}),
        (CONTAINER["resources"], "requests", {"cpu": "1", "memory": "1Gi"}),
        (OBJECTS["NetworkPolicy"]["spec"], "egress", []),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_manifest_closes_the_container(where: dict[str, object], name: str, value: object) -> None:
    assert where[name] == value


@pytest.mark.parametrize(
    ("probe", "path"),
    [("startupProbe", "/health/ready"), ("readinessProbe", "/health/ready"), ("livenessProbe", "/health/live")],
)
def test_manifest_asks_for_health(probe: str, path: str) -> None:
    assert CONTAINER[probe]["httpGet"] == {"path": path, "port": "http"}


def test_manifest_mounts_models_and_keys_to_read_only() -> None:
    mounts = {mount["name"]: mount for mount in CONTAINER["volumeMounts"]}
    assert [name for name, mount in mounts.items() if not mount.get("readOnly")] == ["tmp"]
    assert {volume["name"] for volume in POD["volumes"]} == set(mounts)


def test_manifest_names_options_of_serve() -> None:
    assert CONTAINER["args"][0] == "serve"
    assert named_options(CONTAINER["args"]) <= options_of("serve")
