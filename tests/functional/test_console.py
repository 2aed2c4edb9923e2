"""`firstline console` and `firstline users` as they are run: addresses, TLS, headers, the demo, ends."""

import io
import json
import os
import re
import signal
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from firstline.console.app import PAGES, create_app, shielded
from firstline.console.console import Console
from firstline.errors import WorkspaceBusy
from firstline.serving.access import Guard
from firstline.serving.limits import ConnectionLimits
from firstline.settings.model import ServingSettings
from firstline.store.jobs import has_worker
from firstline.store.workspace import Workspace
from tests.certificates import write_certificate
from tests.commands import Done, run_here
from tests.console import PASSWORD, Browser, left_in, with_user
from tests.service import Running, served_here, wait_until

CASES = Path(__file__).parents[3] / "shared" / "cases"
BrowserAt = Callable[..., Browser]
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self';"
    " frame-ancestors 'none'; base-uri 'none'"
)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Workspace]:
    made = Workspace.create(tmp_path / "bank", "en")
    with_user(made, "ada", "admin")
    with_user(made, "lena", "lead")
    yield made
    made.database.dispose()


@contextmanager
def console_of(
    arguments: Sequence[object], log: Path, cwd: Path | None = None, environment: dict[str, str] | None = None
) -> Iterator[Running]:
    """The command in a process of its own, stopped by SIGTERM at the end."""
    command = [sys.executable, "-m", "firstline", "console", "--port", "0", *map(str, arguments)]
    with (
        log.open("w", encoding="utf-8") as file,
        subprocess.Popen(
            command, stderr=file, text=True, cwd=cwd, env={**os.environ, **(environment or {})}
        ) as process,
    ):
        try:
            wait_until(lambda: "is at http" in log.read_text("utf-8") or process.poll() is not None, 60)
            found = re.search(r"is at (https?://[^ ]+)\. Stop", log.read_text("utf-8"))
            assert found, log.read_text("utf-8")
            yield Running(found[1], process)
        finally:
            process.terminate()
            process.wait(timeout=20)


@contextmanager
def console_here(place: Workspace, proxies: Sequence[str] = (), hosts: Sequence[str] = ()) -> Iterator[str]:
    """The console's own server in a thread; gives its address."""
    console = Console(place, PAGES, 8090)
    limits = ConnectionLimits.from_settings(ServingSettings())
    with served_here(
        shielded(create_app(console)), limits, access=Guard(None, hosts, "127.0.0.1"), proxies=proxies
    ) as port:
        yield f"http://127.0.0.1:{port}"
    console.close()


@pytest.fixture
def browser_at() -> Iterator[BrowserAt]:
    """Makes browsers that show the console at an address."""
    with ExitStack() as stack:

        def new(address: str, **headers: str) -> Browser:
            client = httpx.Client(base_url=address, headers={"Accept-Language": "en", **headers})
            return Browser(stack.enter_context(client))

        yield new


def test_the_demo_link_signs_in_once(tmp_path: Path, browser_at: BrowserAt) -> None:
    with console_of(["--demo", "--no-worker"], tmp_path / "log", tmp_path) as running:
        log = (tmp_path / "log").read_text("utf-8")
        link = re.search(r"signs in once, within 15 minutes: (\S+)", log)
        assert link
        first, second = browser_at(running.address), browser_at(running.address)
        assert first.get(link[1]).status_code == 303
        shown = first.get("/").text
        assert "messages</dt><dd>1,068</dd>" in shown
        assert "of them labelled</dt><dd>650</dd>" in shown
        assert "firstline-demo" in shown
        assert second.get(link[1]).status_code == 403
        assert first.get("/users").status_code == 200
        log = (tmp_path / "log").read_text("utf-8").partition("Stop with Ctrl-C.")[2]
        assert link[1].partition("=")[2] not in log
    with console_of(["--demo", "--no-worker"], tmp_path / "log", tmp_path) as running:
        assert browser_at(running.address).get("/sign-in").status_code == 200


@pytest.mark.slow
@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGKILL])
def test_the_worker_of_the_console_ends_with_it(place: Workspace, tmp_path: Path, ending: signal.Signals) -> None:
    def worker_runs() -> bool:
        with place.database.connect() as connection:
            return has_worker(connection)

    def is_free() -> bool:
        with suppress(WorkspaceBusy), place.hold("worker", "test"):
            return True
        return False

    log = tmp_path / "log"
    with console_of(["--worker", "-w", place.folder], log) as running:
        wait_until(worker_runs, 60)
        wait_until(lambda: "waits for jobs" in log.read_text("utf-8"), 10)
        running.process.send_signal(ending)
        wait_until(lambda: not worker_runs() and is_free(), 60)


def test_every_answer_has_the_headers_and_hosts_are_checked(place: Workspace, browser_at: BrowserAt) -> None:
    with console_here(place) as address:
        browser = browser_at(address)
        browser.sign_in("ada")
        for path in ("/", "/sign-in", "/nothing", "/import", "/health/live"):
            found = browser.get(path).headers
            assert found["content-security-policy"] == CSP
            assert found["x-content-type-options"] == "nosniff"
            assert found["referrer-policy"] == "same-origin"
            assert found["cross-origin-opener-policy"] == "same-origin"
            assert found["cache-control"] == "no-store"
            assert re.fullmatch("[0-9a-f]{16}", found["x-request-id"])
            assert "server" not in found
        missing = browser.get("/nothing")
        assert missing.headers["x-request-id"] in missing.text
        static = re.findall(r'"(/static/[^"]+)"', browser.get("/").text)
        assert len(static) == 5
        for file in static:
            headers = browser.client.get(file).headers
            assert headers["content-security-policy"] == CSP
            assert "immutable" in headers["cache-control"]
        assert browser.client.head("/sign-in").status_code in (200, 303)
        rebound = browser.client.get("/sign-in", headers={"Host": "evil.example"})
        assert rebound.status_code == 421


def test_an_outsider_behind_a_proxy_keeps_nobody_out(place: Workspace, browser_at: BrowserAt) -> None:
    with console_here(place, proxies=["127.0.0.1"]) as address:
        outsider = browser_at(address, **{"X-Forwarded-For": "203.0.113.9"})
        for _ in range(5):
            assert outsider.sign_in("ada", "wrong password").status_code == 403
        assert outsider.sign_in("ada").status_code == 429
        owner = browser_at(address, **{"X-Forwarded-For": "192.0.2.1", "X-Forwarded-Proto": "https"})
        owner.get("/sign-in")
        entered = owner.client.post(
            "/sign-in",
            data={"csrf": owner.secret, "name": "ada", "password": PASSWORD},
            headers={"Cookie": f"__Host-firstline-form-8090={owner.secret}"},
        )
        assert entered.status_code == 303
        assert "; Secure" in entered.headers["set-cookie"]
    with console_here(place) as address:
        # Nobody's word about an address is taken but a proxy's.
        for number in range(5):
            forger = browser_at(address, **{"X-Forwarded-For": f"203.0.113.{number}"})
            forger.sign_in("lena", "wrong password")
        assert browser_at(address).sign_in("lena").status_code == 429


def test_it_speaks_tls(place: Workspace, tmp_path: Path) -> None:
    certificate, key = write_certificate(place.folder)
    environment = {
        "FIRSTLINE_SERVING__TLS_CERTIFICATE": certificate.name,
        "FIRSTLINE_SERVING__TLS_KEY": key.name,
    }
    trusting = ssl.create_default_context(cafile=str(certificate))
    with console_of(["-w", place.folder], tmp_path / "log", environment=environment) as running:
        assert running.address.startswith("https://")
        with httpx.Client(base_url=running.address, verify=trusting, headers={"Accept-Language": "en"}) as client:
            entered = Browser(client).sign_in("ada")
            assert entered.status_code == 303
            assert entered.headers["set-cookie"].startswith("__Host-firstline-session-")


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["--host", "0.0.0.0"], 2, "--plain-http"),
        (["--host", "0.0.0.0", "--demo"], 2, "stays on this machine"),
        (["--demo", "-w", "x"], 2, "exclude each other"),
        (["-w", "nowhere"], 1, "firstline init nowhere"),
        (["--host", "192.0.2.1"], 1, "Cannot listen on 192.0.2.1"),
    ],
)
def test_what_would_be_unsafe_is_refused(place: Workspace, options: list[str], code: int, said: str) -> None:
    done = run_here("console", "--port", "0", *options, cwd=place.folder)
    assert done.returncode == code
    assert said in done.stderr
    assert not (place.folder / "firstline-demo").exists()


def test_a_console_that_is_killed_leaves_an_upload_to_the_next_command(
    place: Workspace, tmp_path: Path, browser_at: BrowserAt
) -> None:
    with console_of(["-w", place.folder], tmp_path / "log") as running:
        browser = browser_at(running.address)
        browser.sign_in("lena")
        browser.upload("a.csv", b"text\ncall me at +7 916 123-45-67\n")
        assert left_in(place.temporary) == ["a.csv"]
        running.process.send_signal(signal.SIGKILL)
        running.process.wait(timeout=20)
    assert left_in(place.temporary) == ["a.csv"]
    assert "123-45-67" not in (tmp_path / "log").read_text("utf-8")
    file = tmp_path / "b.csv"
    file.write_text("text\nhello there\n", "utf-8")
    assert run_here("import", file, "-w", place.folder).returncode == 0
    assert left_in(place.temporary) == []


def test_a_console_that_ends_deletes_uploads_and_keeps_sessions(
    place: Workspace, tmp_path: Path, browser_at: BrowserAt
) -> None:
    with console_of(["-w", place.folder], tmp_path / "log") as running:
        browser = browser_at(running.address)
        browser.sign_in("nobody", "wrong password")
        browser.sign_in("lena")
        browser.upload("a.csv", b"text\nhello there\n")
        assert left_in(place.temporary) == ["a.csv"]
    assert left_in(place.temporary) == []
    log = (tmp_path / "log").read_text("utf-8")
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    posted = [line for line in lines if line.get("method") == "POST"]
    found = [(line["route"], line["status"], line.get("key", ""), line.get("client", "")) for line in posted]
    assert found == [
        ("/sign-in", 403, "", "127.0.0.1"),
        ("/sign-in", 303, "", ""),
        ("/import", 303, "user 2", ""),
    ]
    assert posted[0]["error"] == "sign_in"
    for text in ("lena", "nobody", "password"):
        assert text not in log


def users(*arguments: object, password: str = "") -> Done:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdin", io.StringIO(password))
        return run_here("users", *arguments)


def test_users_are_managed_by_commands(tmp_path: Path) -> None:
    folder = tmp_path / "bank"
    run_here("init", folder)
    assert "There are no users." in users("-w", folder).stdout
    add = ("add", "Анна", "--role", "admin", "--password-stdin", "-w", folder)
    short = users(*add, password="short\n")
    assert (short.returncode, "at least 10 characters" in short.stderr) == (2, True)
    assert users(*add, password="four random words\n").returncode == 0
    again = users(*add, password="four random words\n")
    assert (again.returncode, "already" in again.stderr) == (2, True)
    assert users("add", "bob", "--role", "root", "-w", folder).returncode == 2
    assert users("add", "bob", "--role", "lead", "--password-stdin", "-w", folder, password="x" * 12).returncode == 2
    bob = users(
        "add", "bob", "--role", "lead", "--password-stdin", "-w", folder, "--json", password="some long words\n"
    )
    assert json.loads(bob.stdout)["role"] == "lead"
    for lowered in (("role", "АННА", "lead"), ("remove", "анна")):
        done = users(*lowered, "-w", folder)
        assert (done.returncode, "is the only admin" in done.stderr) == (2, True)
    assert users("role", "bob", "admin", "-w", folder).returncode == 0
    assert users("remove", "анна", "-w", folder).returncode == 0
    assert users("reset", "bob", "--password-stdin", "-w", folder, password="other long words\n").returncode == 0
    assert users("reset", "nobody", "--password-stdin", "-w", folder).returncode == 2
    listed = json.loads(users("-w", folder, "--json").stdout)
    assert [(user["name"], user["role"], user["is_removed"]) for user in listed] == [
        ("bob", "admin", False),
        ("Анна", "admin", True),
    ]
    assert "password" not in users("-w", folder, "--json").stdout


def test_a_console_without_users_says_how_to_make_one(tmp_path: Path) -> None:
    run_here("init", tmp_path / "bank")
    with console_of(["-w", tmp_path / "bank"], tmp_path / "log"):
        assert "users add NAME --role admin" in (tmp_path / "log").read_text("utf-8")


@pytest.mark.slow
@pytest.mark.skipif(not CASES.is_dir(), reason="there are no cases beside the repository")
def test_no_case_breaks_the_page_that_imports(place: Workspace, browser_at: BrowserAt) -> None:
    endings = {".csv", ".tsv", ".txt", ".json", ".jsonl", ".xlsx", ".xls", ".parquet"}
    files = [path for path in sorted(CASES.rglob("*")) if path.suffix in endings and path.stat().st_size < 5_000_000]
    assert files
    with console_here(place) as address:
        browser = browser_at(address)
        browser.client.timeout = httpx.Timeout(60)
        browser.sign_in("lena")
        for file in files:
            assert browser.upload(file.name, file.read_bytes()).status_code == 303, file
            look = browser.get("/import/check")
            assert look.status_code in (200, 422), file
            assert str(place.temporary) not in look.text, file
            done = browser.post("/import/run")
            assert done.status_code == look.status_code, file
            assert str(place.temporary) not in done.text, file
    assert left_in(place.temporary) == []
