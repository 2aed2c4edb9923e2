import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from firstline.errors import FileUnreadable, UsageError
from firstline.messages import bounded
from firstline.messages.bounded import BoundedReader, OpenTable
from firstline.messages.records import ReadingOptions, Record

HERE = Path("a.dat")


class Numbers:
    """A table of a hundred rows, ten at a time."""

    described = "numbers"
    n_rows = 100

    def __init__(self, path: Path, options: ReadingOptions) -> None:
        self.columns = ["n", "square"]

    def parts(self, columns: Sequence[str]) -> Iterator[list[tuple[int, Sequence[object]]]]:
        assert columns == ["square"]
        for start in range(0, 100, 10):
            yield [(n + 1, (n * n,)) for n in range(start, start + 10)]


class FailsLater(Numbers):
    def parts(self, columns: Sequence[str]) -> Iterator[list[tuple[int, Sequence[object]]]]:
        yield [(1, (0,))]
        raise ValueError("+7 916 555-01-02")


def fills_memory(path: Path, options: ReadingOptions) -> Numbers:
    os.write(2, b"4111 1111 1111 1111")
    bytearray(2 << 30)
    return Numbers(path, options)


def never_ends(path: Path, options: ReadingOptions) -> Numbers:
    while True:
        pass


def refuses(path: Path, options: ReadingOptions) -> Numbers:
    raise UsageError("There is no sheet.", "Name another.")


def opened(open_table: OpenTable) -> BoundedReader:
    return BoundedReader(HERE, ReadingOptions(memory_gb=0.5), open_table, "numbers", 1)


def test_the_rows_of_the_other_process_come_in_order() -> None:
    reader = opened(Numbers)
    assert (reader.columns, reader.described, reader.done()) == (["n", "square"], "numbers", 0.0)
    assert list(reader.records(["square", "square"])) == [Record(n + 1, [n * n, n * n]) for n in range(100)]
    assert reader.done() == 1.0


def test_a_reading_that_is_left_can_begin_again() -> None:
    reader = opened(Numbers)
    next(iter(reader.records(["square"])))
    assert len(list(reader.records(["square"]))) == 100


def test_too_much_memory_is_an_error_and_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(FileUnreadable, match=r"a\.dat cannot be read as numbers in 0\.5 GB of memory"):
        opened(fills_memory)
    assert capfd.readouterr().err == ""


def test_work_without_an_end_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded, "_SECONDS", 2.0)
    with pytest.raises(FileUnreadable, match="within 2 s of work"):
        opened(never_ends)


def test_an_error_of_ours_is_raised_here() -> None:
    with pytest.raises(UsageError, match="There is no sheet") as caught:
        opened(refuses)
    assert caught.value.next_step == "Name another."


def test_another_error_is_told_without_its_text() -> None:
    rows = opened(FailsLater).records(["square"])
    assert next(rows) == Record(1, [0])
    with pytest.raises(FileUnreadable, match=r"it is damaged \(ValueError\)") as caught:
        next(rows)
    assert "916" not in caught.value.message
