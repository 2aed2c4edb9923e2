"""What a team's own mask patterns cost: python -m benchmarks.own_patterns

Masks the demo messages with no, one and five patterns of a team; they match almost nothing in these messages.
"""

import csv
import time
from importlib.resources import files

from benchmarks.table import print_rows
from firstline.text.masks import Masker

PATTERNS = (
    ("POLICY", r"ОСАГО-\d{6}"),
    ("LOGIN", r"\bлогин\s+\w+"),
    ("CONTRACT", r"(?i)договор\s*№?\s*\d+"),
    ("KEY", r"[A-Z]{3}-\d{4}"),
    ("CLIENT", r"(?i)\bклиент\w*\s+\d{5,9}\b"),
)
REPETITIONS = 5


def microseconds(mask: Masker, texts: list[str]) -> float:
    """Processor time for a message, the best of some rounds."""
    mask(texts[0])
    rounds = []
    for _ in range(REPETITIONS):
        started = time.process_time()
        for text in texts:
            mask(text)
        rounds.append(time.process_time() - started)
    return 1e6 * min(rounds) / len(texts)


def main() -> None:
    history = files("firstline.messages").joinpath("demo/history.csv").read_text("utf-8")
    texts = [row["text"] for row in csv.DictReader(history.splitlines())]
    rows = [(str(n), f"{microseconds(Masker(PATTERNS[:n]), texts):.1f}") for n in (0, 1, len(PATTERNS))]
    print_rows(f"Masking {len(texts):,} messages", ("own patterns", "µs a message"), rows)


if __name__ == "__main__":
    main()
