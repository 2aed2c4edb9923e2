from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine
from sqlalchemy.engine import URL

from firstline.errors import StoreUnusable
from firstline.store.database import open_database, writing
from firstline.store.messages import count_messages
from tests.postgres import LOCKED, PASSWORD, Server


@pytest.mark.parametrize(
    "url",
    [
        "nonsense",
        "mysql://user@host/name",
        "oracle+x://",
        "postgresql+asyncpg://user@host/name",
        "postgresql://user:secret@host:port/name",
        "postgresql://user:sec@ret@host/name",
        "postgresql://user:sec@ret/secret@host/name",
    ],
)
def test_an_address_that_is_none_is_an_error(url: str) -> None:
    with pytest.raises(StoreUnusable, match=r"'database\.url'") as caught:
        open_database(url)
    assert "ret" not in caught.value.message


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_a_server_that_is_gone_is_an_error(scheme: str) -> None:
    with pytest.raises(StoreUnusable, match=r"Connection refused\.$") as caught:
        open_database(f"{scheme}://user:secret@127.0.0.1:1/name?password=secret")
    assert "secret" not in caught.value.message + caught.value.next_step


def test_a_wrong_password_is_an_error_that_does_not_show_it(postgres: Server) -> None:
    with pytest.raises(StoreUnusable, match="password authentication failed") as caught:
        open_database(postgres.url.set(username=LOCKED, password="wrong-secret"))
    assert "secret" not in caught.value.message + caught.value.next_step


def test_a_password_opens(postgres: Server) -> None:
    url = postgres.url.set(username=LOCKED, password=PASSWORD, database="absent")
    with pytest.raises(StoreUnusable, match='database "absent" does not exist'):
        open_database(url)


def test_a_database_that_may_not_be_read_is_an_error(postgres: Server, prepared: URL) -> None:
    with pytest.raises(StoreUnusable, match="permission denied"):
        open_database(prepared.set(username=LOCKED, password=PASSWORD))


def test_a_database_of_another_encoding_is_refused(postgres: Server) -> None:
    url = postgres.new_database("template0", "LATIN1")
    with pytest.raises(StoreUnusable, match="encoding LATIN1; Firstline needs UTF8"):
        open_database(url)
    postgres.drop_databases([url])


def test_a_client_of_another_encoding_reads_and_writes_utf8(prepared: URL, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGCLIENTENCODING", "LATIN1")
    engine = open_database(prepared)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT 'карта'").scalar() == "карта"


def test_a_connection_that_is_lost_is_an_error_and_the_next_one_is_not(postgres: Server, prepared: URL) -> None:
    engine = open_database(prepared)
    with pytest.raises(StoreUnusable, match="terminating connection"), writing(engine) as connection:
        postgres.end_connections(prepared)
        count_messages(connection)
    with engine.connect() as connection:
        assert count_messages(connection) == 0


def test_a_database_between_two_blocks_has_no_connection(postgres: Server, prepared: URL) -> None:
    engine = open_database(prepared)
    with engine.connect() as connection:
        count_messages(connection)
    postgres.execute(f"ALTER DATABASE {prepared.database} RENAME TO renamed")
    postgres.execute(f"ALTER DATABASE renamed RENAME TO {prepared.database}")
    with engine.connect() as connection:
        assert count_messages(connection) == 0


def test_connections_that_are_kept_are_used_again_and_replaced_if_the_server_ends_them(
    postgres: Server, prepared: URL
) -> None:
    def process(engine: Engine) -> int:
        with engine.connect() as connection:
            return int(connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one())

    engine = open_database(prepared, keeps_connections=True)
    first = process(engine)
    assert process(engine) == first
    postgres.end_connections(prepared)
    assert process(engine) != first
    with writing(engine) as connection:
        assert count_messages(connection) == 0
    engine.dispose()
    brief = open_database(prepared)
    assert process(brief) != process(brief)


def test_commands_that_open_a_new_database_at_once_make_it_once(postgres: Server) -> None:
    url = postgres.new_database("empty")
    with ThreadPoolExecutor(4) as pool:
        for engine in pool.map(open_database, [url] * 4):
            with engine.connect() as connection:
                assert count_messages(connection) == 0
    postgres.drop_databases([url])
