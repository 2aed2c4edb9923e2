"""A PostgreSQL server of the tests' own, and databases of both kinds for the tests that need one."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Literal, Protocol

import pytest
from sqlalchemy import Engine, create_engine
from sqlalchemy.engine import URL

from firstline.store.database import open_database
from firstline.store.workspace import Workspace

LOCKED = "locked"
"""A role that has to give its password; every other role is trusted."""
PASSWORD = "correct-horse"
_DEBIAN = Path("/usr/lib/postgresql")
_ACCESS = f"host all {LOCKED} 127.0.0.1/32 scram-sha-256\nhost all all 127.0.0.1/32 trust\n"
_ADDRESS = {"listen_addresses": "127.0.0.1", "unix_socket_directories": ""}
_QUICK = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "32MB",
    "autovacuum": "off",
}


class NewDatabase(Protocol):
    """Makes a database without messages and returns its address; an `empty` one has no table either."""

    def __call__(self, template: Literal["prepared", "empty"] = "prepared") -> URL: ...


on_sqlite_alone = pytest.mark.parametrize("new_database", ["sqlite"], indirect=True)
"""Marks a test of what does not depend on the kind of database."""


@dataclass
class Server:
    """A server that runs; `engine` is on its database of administration."""

    engine: Engine
    _numbers: Iterator[int] = field(default_factory=count)

    @property
    def url(self) -> URL:
        return self.engine.url

    def new_database(self, template: Literal["prepared", "empty", "template0"], encoding: str = "UTF8") -> URL:
        """A database with the schema of today, or one without a table; `template0` has any encoding."""
        name = f"test{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template} ENCODING '{encoding}' STRATEGY file_copy")
        return self.url.set(database=name)

    def drop_databases(self, urls: list[URL]) -> None:
        for url in urls:
            self.execute(f"DROP DATABASE {url.database} WITH (FORCE)")

    def end_connections(self, url: URL) -> None:
        """End every connection to a database, as a server does that is restarted."""
        self.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{url.database}'")

    def execute(self, statement: str) -> None:
        with self.engine.connect() as connection:
            connection.exec_driver_sql(statement)


@contextmanager
def server(binaries: Path, settings: Mapping[str, str] = _QUICK) -> Iterator[Server]:
    """A new server on a free port of the loopback interface, without a password, and by default without fsync."""
    folder = Path(tempfile.mkdtemp(prefix="firstline-postgres-"))
    # PostgreSQL refuses to run as root.
    user = "postgres" if os.geteuid() == 0 else None
    if user:
        shutil.chown(folder, user)
    data, log = folder / "data", folder / "log"

    def run(program: str, *arguments: object) -> None:
        command = [str(binaries / program), "-D", str(data), *map(str, arguments)]
        done = subprocess.run(
            command, user=user, group=user, extra_groups=[] if user else None, cwd=folder, capture_output=True
        )
        if done.returncode:
            said = log.read_text("utf-8", "replace") if log.exists() else ""
            raise RuntimeError(f"{program}: {done.stderr.decode(errors='replace')}{said}")

    try:
        run("initdb", "--auth=trust", "--username=admin", "--encoding=UTF8", "--locale=C", "--no-sync")
        (data / "pg_hba.conf").write_text(_ACCESS, "utf-8")
        port = _free_port()
        chosen = {**settings, **_ADDRESS, "port": str(port)}
        options = " ".join(f"-c {name}='{value}'" for name, value in chosen.items())
        run("pg_ctl", "start", "--wait", "--silent", "--log", log, "--options", options)
        url = URL.create("postgresql+psycopg", "admin", host="127.0.0.1", port=port, database="postgres")
        engine = create_engine(url, isolation_level="AUTOCOMMIT")
        try:
            yield Server(engine)
        finally:
            engine.dispose()
            run("pg_ctl", "stop", "--mode=immediate", "--silent")
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A server that tests share. Skips where PostgreSQL is not installed, but fails in CI."""
    binaries = find_binaries()
    if binaries is None:
        (pytest.fail if "CI" in os.environ else pytest.skip)("PostgreSQL is not installed: apt-get install postgresql")
    with server(binaries) as started:
        for template in ("empty", "prepared"):
            started.execute(f"CREATE DATABASE {template} TEMPLATE template0 ENCODING 'UTF8'")
        started.execute(f"CREATE ROLE {LOCKED} LOGIN PASSWORD '{PASSWORD}'")
        open_database(started.url.set(database="prepared")).dispose()
        yield started


@pytest.fixture(scope="session")
def prepared_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite database with the schema of today and no message."""
    file = tmp_path_factory.mktemp("sqlite") / "prepared.db"
    open_database(URL.create("sqlite", database=str(file))).dispose()
    return file


@pytest.fixture(params=["sqlite", "postgresql"])
def new_database(request: pytest.FixtureRequest, prepared_file: Path, tmp_path: Path) -> Iterator[NewDatabase]:
    """What makes empty databases; a test that takes it runs on both kinds."""
    if request.param == "sqlite":
        numbers = count()

        def new_file(template: Literal["prepared", "empty"] = "prepared") -> URL:
            file = tmp_path / f"{next(numbers)}.db"
            if template == "prepared":
                shutil.copyfile(prepared_file, file)
            return URL.create("sqlite", database=str(file))

        yield new_file
        return
    started: Server = request.getfixturevalue("postgres")
    made: list[URL] = []

    def new(template: Literal["prepared", "empty"] = "prepared") -> URL:
        made.append(started.new_database(template))
        return made[-1]

    yield new
    started.drop_databases(made)


@pytest.fixture
def prepared(postgres: Server) -> Iterator[URL]:
    """A PostgreSQL database without messages, for what only a server does."""
    url = postgres.new_database("prepared")
    yield url
    postgres.drop_databases([url])


def workspace_on(url: URL, folder: Path) -> Workspace:
    """A new workspace whose settings name the database at `url`."""
    address = url.render_as_string(hide_password=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FIRSTLINE_DATABASE__URL", address)
        made = Workspace.create(folder, "ru")
    written = made.settings_file.read_text("utf-8")
    made.settings_file.write_text(f'{written}\n[database]\nurl = "{address}"\n', "utf-8")
    return Workspace.find(folder)


def find_binaries() -> Path | None:
    """Where initdb is: Debian keeps it off the path, a folder for each version."""
    debian = sorted(_DEBIAN.glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    found = debian[-1] if debian else shutil.which("initdb")
    return Path(found).parent if found else None


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
