"""Many people label at once: python -m benchmarks.console_load [--minutes 5] [--kill]

A PostgreSQL server of its own holds a million messages. Each client acts once a second, as the labelling page does:
it labels the next message, sometimes skips one, takes a label back, asks for more, or loads the page again. What was
not answered is sent again. At the end each acknowledged label has to be there, once. With `--kill` the console is
killed in the middle and started again. Exits with 1 if a label was lost or doubled. Without a worker: all messages are
drawn at random, which is more work for the console than a queue.
"""

import argparse
import asyncio
import socket
import statistics
import sys
import time
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import aiohttp
from sqlalchemy import select

from benchmarks.console_client import Client, Ledger
from benchmarks.console_data import fill
from benchmarks.table import machine, print_rows
from firstline.store.labelling import SOURCE
from firstline.store.schema import in_force, labels
from firstline.store.workspace import Workspace
from tests.postgres import Server, find_binaries, server, workspace_on
from tests.service import served

_DURABLE = {"shared_buffers": "256MB"}
"""As a server is installed, with fsync: what was acknowledged has to survive."""
_DOWN_S = 2.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--clients", type=int, default=20)
    parser.add_argument("--kill", action="store_true", help="kill the console in the middle, and start it again")
    arguments = parser.parse_args()
    binaries = find_binaries()
    if binaries is None:
        sys.exit("PostgreSQL is not installed: apt-get install postgresql")
    names = [f"person{number}" for number in range(arguments.clients)]
    with TemporaryDirectory() as folder, server(binaries, _DURABLE) as database:
        began = time.perf_counter()
        place = _workspace(database, Path(folder) / "bank", arguments.messages, names)
        print(f"{arguments.messages:,} messages are in place after {time.perf_counter() - began:.0f} s.")
        ledger = Ledger()
        asyncio.run(_load(place, Path(folder), ledger, names, 60 * arguments.minutes, is_killed=arguments.kill))
        title = f"{arguments.clients} clients, {arguments.minutes:g} min, {arguments.messages:,} messages, {machine()}"
        is_whole = _report(place, ledger, title)
        place.database.dispose()
    sys.exit(not is_whole)


def _workspace(database: Server, folder: Path, n_messages: int, names: list[str]) -> Workspace:
    database.execute("CREATE DATABASE load TEMPLATE template0 ENCODING 'UTF8'")
    place = workspace_on(database.url.set(database="load"), folder)
    fill(place, n_messages, names)
    return place


async def _load(
    place: Workspace, folder: Path, ledger: Ledger, names: list[str], seconds: float, *, is_killed: bool
) -> None:
    """Run the console and the clients."""
    port = _free_port()
    async with AsyncExitStack() as stack:
        clients = []
        for number, name in enumerate(names):
            jar = aiohttp.CookieJar(unsafe=True)
            session = aiohttp.ClientSession(f"http://127.0.0.1:{port}", cookie_jar=jar)
            clients.append(Client(name, await stack.enter_async_context(session), ledger, number))
        with served(place.folder, folder / "log", "--port", str(port), command="console") as running:
            for client in clients:
                await client.sign_in()
            ledger.times_ms.clear()
            until = asyncio.get_running_loop().time() + seconds
            work = asyncio.gather(*(client.work(until) for client in clients))
            if not is_killed:
                await work
                return
            await asyncio.sleep(seconds / 2)
            running.process.kill()
            await asyncio.to_thread(running.process.wait)
        await asyncio.sleep(_DOWN_S)
        again = served(place.folder, folder / "log-2", "--port", str(port), command="console")
        await asyncio.to_thread(again.__enter__)
        try:
            await work
        finally:
            again.__exit__(None, None, None)


def _report(place: Workspace, ledger: Ledger, title: str) -> bool:
    """Print what came of it; returns whether each acknowledged label is there once, and no other."""
    with place.database.connect() as connection:
        given = select(labels.c.by, labels.c.message_id, labels.c.class_id).where(labels.c.source == SOURCE, in_force)
        found = [(str(by), int(message), int(of_class)) for by, message, of_class in connection.execute(given)]
    held = {(name, message, one) for name, classes in ledger.held.items() for message, one in classes.items()}
    unsure = ledger.unsure
    lost = [one for one in held - set(found) if one[1] not in unsure]
    unknown = [one for one in set(found) - held if one[1] not in unsure]
    doubled = [message for message, n in Counter(message for _, message, _ in found).items() if n > 1]
    rows = []
    for name, times in sorted(ledger.times_ms.items()):
        cuts = statistics.quantiles(times, n=100) if len(times) > 1 else times * 99
        rows.append((name, f"{len(times):,}", *(f"{one:.0f}" for one in (cuts[49], cuts[94], cuts[98], max(times)))))
    print_rows(title, ("request", "answers", "p50 ms", "p95 ms", "p99 ms", "longest ms"), rows)
    print("\nAnswers: " + ", ".join(f"{name}: {n:,}" for name, n in sorted(ledger.statuses.items())))
    print(f"Without a message to label: {ledger.n_empty:,} times")
    print(
        f"Labels acknowledged: {len(held):,}; lost: {len(lost)}; doubled: {len(doubled)}; saved but"
        f" not acknowledged: {len(unknown)}; taken back without an answer: {len(unsure)}"
    )
    return not (lost or doubled or unknown)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


if __name__ == "__main__":
    main()
