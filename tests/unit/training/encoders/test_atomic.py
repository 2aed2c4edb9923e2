import os
from pathlib import Path

from firstline.training.encoders.atomic import write_folder


def test_what_a_killed_process_left_goes_after_an_hour(tmp_path: Path) -> None:
    for name in (".one.x.unfinished", ".two.x.unfinished", ".mine"):
        (tmp_path / name).mkdir()
        os.utime(tmp_path / name, (1e9, 1e9))
    (tmp_path / ".two.x.unfinished").touch()
    with write_folder(tmp_path / "three") as unfinished:
        (unfinished / "file").touch()
    assert {place.name for place in tmp_path.iterdir()} == {".two.x.unfinished", ".mine", "three"}
