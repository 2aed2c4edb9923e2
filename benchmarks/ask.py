"""What a service answers: python -m benchmarks.ask URL [--key-file FILE] < TEXTS

Reads a JSON list of messages and prints a JSON list: the model and the label of each answer. For a service whose
network only another process can enter.
"""

import argparse
import http.client
import json
import sys
from pathlib import Path
from urllib.parse import urlsplit


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--key-file", type=Path)
    arguments = parser.parse_args()
    parts = urlsplit(arguments.url)
    headers = {"Content-Type": "application/json"}
    if arguments.key_file:
        headers["Authorization"] = f"Bearer {arguments.key_file.read_text('utf-8').strip()}"
    body = {"messages": [{"id": place, "text": text} for place, text in enumerate(json.load(sys.stdin))]}
    connection = http.client.HTTPConnection(parts.hostname or "127.0.0.1", parts.port or 80, timeout=10)
    try:
        connection.request("POST", "/v1/classify/batch", json.dumps(body).encode(), headers)
        response = connection.getresponse()
        content = json.load(response)
    except (OSError, http.client.HTTPException) as error:
        sys.exit(f"No answer: {error}")
    if response.status != http.client.OK:
        sys.exit(f"{response.status}: {content}")
    print(json.dumps([(content["model"], answer["label"]) for answer in content["results"]]))


if __name__ == "__main__":
    main()
