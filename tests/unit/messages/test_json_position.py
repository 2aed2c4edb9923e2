from pathlib import Path

import pytest

from firstline.errors import FileUnreadable
from firstline.messages.formats import open_reader
from firstline.messages.records import ReadingOptions


def test_half_a_character_at_the_end_is_where_the_file_breaks_off(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes('\ufeff[\n{"text": "раз"'.encode("utf-16-be") + b"\x00")
    with pytest.raises(FileUnreadable, match="it breaks off at"):
        open_reader(tmp_path / "a.json", ReadingOptions())
