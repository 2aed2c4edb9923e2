"""When a service answers: python -m benchmarks.normal_again URL [--within-ms N] [--key-file FILE]

Sends one message after the other and prints, once the first is answered in time, the second of the machine's monotonic
clock and how many milliseconds the answer took. For measuring a start, and the recovery from too many requests.
"""

import argparse
import http.client
import json
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

_BODY = json.dumps({"text": "Где мой перевод?"}).encode()
_PAUSE_S = 0.005


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--within-ms", type=float, default=5_000, help="a slower answer does not count")
    parser.add_argument("--most-s", type=float, default=60, help="when to stop trying")
    parser.add_argument("--key-file", type=Path)
    arguments = parser.parse_args()
    parts = urlsplit(arguments.url)
    headers = {"Content-Type": "application/json"}
    if arguments.key_file:
        headers["Authorization"] = f"Bearer {arguments.key_file.read_text('utf-8').strip()}"
    end = time.monotonic() + arguments.most_s
    while time.monotonic() < end:
        latency_ms = _asked(parts.hostname or "127.0.0.1", parts.port or 80, headers)
        if latency_ms is not None and latency_ms <= arguments.within_ms:
            print(json.dumps({"at": time.monotonic(), "latency_ms": latency_ms}))
            return
        time.sleep(_PAUSE_S)
    sys.exit(f"No answer in {arguments.within_ms:g} ms for {arguments.most_s:g} s.")


def _asked(host: str, port: int, headers: dict[str, str]) -> float | None:
    """How long an answer took, in milliseconds; None if there was none."""
    started = time.monotonic()
    connection = http.client.HTTPConnection(host, port, timeout=5)
    try:
        connection.request("POST", "/v1/classify", _BODY, headers)
        response = connection.getresponse()
        response.read()
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    return (time.monotonic() - started) * 1000 if response.status == http.client.OK else None


if __name__ == "__main__":
    main()
