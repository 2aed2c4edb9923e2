"""Which reports quote a message."""

import re
from collections.abc import Collection
from pathlib import Path

_KEY = re.compile(rb'data-key="([0-9a-f]{32})"')


def reports_that_quote(reports: Path, keys: Collection[bytes]) -> list[Path]:
    """The pages in `reports` that quote a message with one of these keys, sorted; none if there is no such folder.

    The template writes the key of every message that it quotes, see `data.Example`. Raises `OSError`.
    """
    wanted = {key.hex().encode() for key in keys}
    pages = sorted(reports.glob("*.html")) if wanted and reports.is_dir() else []
    return [page for page in pages if not wanted.isdisjoint(_KEY.findall(page.read_bytes()))]
