from collections import Counter
from collections.abc import Generator
from pathlib import Path

from firstline.language_models.corpus import Source
from firstline.language_models.sampling import sample_lines
from tests.unit.language_models.corpora import RULES


def source(folder: Path, name: str, n_lines: int, weight: float = 1.0) -> Source:
    path = folder / f"{name}.txt"
    path.write_text("".join(f"{name} {place:04}\n" for place in range(n_lines)), encoding="utf-8")
    return Source(path, name, weight)


def finished(sampling: Generator[str, None, list[str]]) -> tuple[list[str], list[str]]:
    told: list[str] = []
    while True:
        try:
            told.append(next(sampling))
        except StopIteration as end:
            return told, end.value


def shares(lines: list[str]) -> Counter[str]:
    return Counter(line.split()[0] for line in lines)


def test_a_small_corpus_is_taken_whole_and_ruled(tmp_path: Path) -> None:
    told, lines = finished(sample_lines([source(tmp_path, "ё", 3)], RULES, 0))
    assert told == ["ё"]
    assert lines == ["е xxnum4"] * 3


def test_sources_have_their_share_of_size_times_weight(tmp_path: Path) -> None:
    sources = [source(tmp_path, "а", 4_000), source(tmp_path, "б", 1_000, 3.0), source(tmp_path, "в", 3_000)]
    _, lines = finished(sample_lines(sources, RULES, 0, most_lines=1_000))
    assert shares(lines) == {"а": 400, "б": 300, "в": 300}


def test_a_source_that_is_too_short_for_its_share_is_taken_whole(tmp_path: Path) -> None:
    sources = [source(tmp_path, "а", 4_000), source(tmp_path, "б", 10, 400.0)]
    _, lines = finished(sample_lines(sources, RULES, 0, most_lines=1_000))
    assert shares(lines) == {"а": 500, "б": 10}


def test_the_characters_are_bounded(tmp_path: Path) -> None:
    _, lines = finished(sample_lines([source(tmp_path, "а", 4_000)], RULES, 0, most_chars=600))
    assert len(lines) == 100


def test_the_whole_of_a_source_is_sampled(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("".join(f"{'абвг'[place // 250]}\n" for place in range(1_000)), encoding="utf-8")
    _, lines = finished(sample_lines([Source(path, "a")], RULES, 0, most_lines=100))
    assert len(lines) == 100
    assert all(24 <= count <= 26 for count in Counter(lines).values())
