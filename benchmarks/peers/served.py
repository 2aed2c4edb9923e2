"""How each service of benchmarks.served_peers runs, in its own environment: needs uvicorn, httptools and uvloop."""

import csv
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import uvicorn


def serve(app: Any) -> None:
    """Run an ASGI application on a free port of loopback, set up as Firstline sets up uvicorn."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(f"Serving at http://127.0.0.1:{listener.getsockname()[1]}", file=sys.stderr, flush=True)
        config = uvicorn.Config(
            app,
            http="httptools",
            loop="uvloop",
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
        )
        uvicorn.Server(config).run(sockets=[listener])


def labelled() -> tuple[Sequence[str], Sequence[str]]:
    """Texts and labels of the CSV file that is the first argument."""
    with Path(sys.argv[1]).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [row["text"] for row in rows], [row["label"] for row in rows]
