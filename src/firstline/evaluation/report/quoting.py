"""Which reports quote a message. An executed notebook may quote any."""

import re
from collections.abc import Collection
from pathlib import Path

_KEY = re.compile(rb'data-key="([0-9a-f]{32})"')


def reports_that_quote(reports: Path, keys: Collection[bytes]) -> list[Path]:
    """The files in `reports` that quote a message with one of these keys, sorted; none if there is no such folder.

    The template of pages writes the key of every message that it quotes, see `data.Example`. A page that cannot be
    read counts as one that quotes, and so does every notebook; what is not a file does not. Raises `OSError` if the
    folder cannot be read.
    """
    wanted = {key.hex().encode() for key in keys}
    here = wanted and reports.is_dir()
    # A page that a killed process was writing is one too.
    pages = [*reports.glob("*.html"), *reports.glob(".*.html.*")] if here else []
    notebooks = [*reports.glob("*.ipynb"), *reports.glob(".*.ipynb.*")] if here else []
    quoting = [page for page in pages if page.is_file() and _may_quote(page, wanted)]
    return sorted([*quoting, *(notebook for notebook in notebooks if notebook.is_file())])


def _may_quote(page: Path, keys: Collection[bytes]) -> bool:
    try:
        return any(key in keys for key in _KEY.findall(page.read_bytes()))
    except OSError:
        return True
