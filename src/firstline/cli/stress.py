"""`firstline stress`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from firstline.cli.options import JsonOption, TextOption
from firstline.cli.output import counted, note, print_json, say

if TYPE_CHECKING:
    from firstline.stress.outcomes import Outcomes

_LONGEST_S = 86_400
_MOST_CONNECTIONS = 10_000
_INTERRUPTED = 130


def stress(
    seconds: Annotated[float, typer.Option(min=0.1, max=_LONGEST_S, help="How long to send.")] = 60,
    connections: Annotated[
        int, typer.Option(min=1, max=_MOST_CONNECTIONS, help="How many requests may be under way at a time.")
    ] = 32,
    rate: Annotated[
        float | None,
        typer.Option(
            min=0.1,
            help="Send so many requests a second, even if the service cannot keep up; a latency then starts when its"
            " request was due. Default: each connection sends the next request once the last one is answered.",
        ),
    ] = None,
    url: Annotated[str, typer.Option(help="The address of the service.")] = "http://127.0.0.1:8080",
    messages: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Send the first 10,000 messages of a file, in any format that import reads. Default: demo messages.",
        ),
    ] = None,
    text: TextOption = None,
    key_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A file with the key to send, if the service asks for one.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Send messages to a running service and measure throughput, latency and errors.

    Refusals (429, 503) are counted apart from errors; if there were errors, the exit code is 1. Ctrl-C ends it early.
    """
    from importlib.util import find_spec

    from firstline.errors import ExtraMissing

    if not find_spec("aiohttp"):
        raise ExtraMissing("firstline stress", "stress")
    from firstline.stress.load import Load, send
    from firstline.stress.outcomes import Outcomes
    from firstline.stress.texts import bodies_of

    address = _address(url)
    load = Load(f"{address}/v1/classify", bodies_of(messages, text), seconds, connections, rate, _key(key_file))
    outcomes, is_stopped = Outcomes(), False
    note(f"Sending to {load.url} for {seconds:g} s. Ctrl-C ends it early.")
    try:
        send(load, outcomes)
    except KeyboardInterrupt:
        is_stopped = True
    if as_json:
        print_json({"url": address, "connections": connections, "rate": rate, **_as_json(outcomes)})
    else:
        _print(outcomes)
    if is_stopped or outcomes.n_errors:
        raise typer.Exit(_INTERRUPTED if is_stopped else 1)


def _address(url: str) -> str:
    """Without the slash at its end. Raises `UsageError`."""
    from urllib.parse import urlsplit

    from firstline.errors import UsageError

    try:
        parts = urlsplit(url)
        is_valid = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        is_valid = False
    if not is_valid:
        raise UsageError(f"'{url}' is not the address of a service.", "For example: --url http://127.0.0.1:8080")
    return url.rstrip("/")


def _key(file: Path | None) -> str | None:
    """The key in a file. Raises `UsageError`."""
    from firstline.errors import UsageError

    if file is None:
        return None
    key = file.read_text("utf-8", errors="replace").strip()
    if not (key.isascii() and key.isprintable() and key):
        raise UsageError(f"{file} does not hold a key.", "Write the key into it, and nothing else.")
    return key


def _print(outcomes: "Outcomes") -> None:
    latency = "   ".join(f"{name} {value:.2f}" for name, value in outcomes.latency_ms().items())
    say(f"{outcomes.model or 'The service'}, {outcomes.elapsed_s:.1f} s")
    say(f"  answered    {outcomes.n_answered:,} ({outcomes.requests_per_s:,.0f} a second)")
    say(f"  latency ms  {latency or 'nothing was answered'}")
    say(f"  refused     {_listed({f'status {status}': n for status, n in outcomes.refused.items()})}")
    say(f"  errors      {_listed(outcomes.errors)}")
    if outcomes.n_unsent:
        say(f"{counted(outcomes.n_unsent, 'request')} could not be sent: every connection was waiting for an answer.")


def _listed(counts: "dict[str, int]") -> str:
    return ", ".join(f"{count:,} ({kind})" for kind, count in sorted(counts.items())) or "0"


def _as_json(outcomes: "Outcomes") -> dict[str, object]:
    return {
        "model": outcomes.model,
        "seconds": outcomes.elapsed_s,
        "answered": outcomes.n_answered,
        "requests_per_s": outcomes.requests_per_s,
        "latency_ms": outcomes.latency_ms(),
        "refused": {str(status): count for status, count in outcomes.refused.items()},
        "errors": dict(outcomes.errors),
        "unsent": outcomes.n_unsent,
    }
