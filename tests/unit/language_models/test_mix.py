from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from firstline.errors import CorpusUnusable
from firstline.language_models.encoding import EncodedSource, Tokens
from firstline.language_models.mix import Mix


def numbered(
    folder: Path, n_tokens: int, name: str = "a", first: int = 0, weight: float = 1, n_valid: int = 0
) -> EncodedSource:
    """A source whose ids count up from `first`, those held out from 0, two characters a token."""
    folder.mkdir(exist_ok=True)
    parts = []
    for suffix, start, size in (("u16", first, n_tokens), ("valid.u16", 0, n_valid)):
        path = folder / f"{name}.{suffix}"
        np.arange(start, start + size).astype("<u2").tofile(path)
        parts.append(Tokens(path, size, 2 * size))
    return EncodedSource(name, weight, *parts)


def test_rows_are_contiguous_segments(tmp_path: Path) -> None:
    rows = Mix([numbered(tmp_path, 1_000)], seed=1, n_rows=3, row_tokens=10).chunk(0)
    assert rows.shape == (3, 10)
    assert rows.dtype == np.int32
    assert (np.diff(rows) == 1).all()


def test_a_pass_hands_out_every_segment_once(tmp_path: Path) -> None:
    mix = Mix([numbered(tmp_path, 107)], seed=1, n_rows=5, row_tokens=10)
    for number in (0, 2):
        tokens = np.concatenate([mix.chunk(number), mix.chunk(number + 1)]).ravel()
        assert sorted(tokens) == list(range(tokens.min(), tokens.min() + 100))


def test_each_pass_has_an_order_of_its_own(tmp_path: Path) -> None:
    mix = Mix([numbered(tmp_path, 1_000)], seed=1, n_rows=100, row_tokens=10)
    first, second = mix.chunk(0)[:, 0], mix.chunk(1)[:, 0]
    assert first.tolist() != sorted(first)
    assert first.tolist() != second.tolist()


def test_the_end_of_a_source_is_read_in_some_pass(tmp_path: Path) -> None:
    mix = Mix([numbered(tmp_path, 19)], seed=1, n_rows=100, row_tokens=10)
    assert set(mix.chunk(0).ravel()) == set(range(19))


def test_a_chunk_depends_on_seed_and_number_alone(tmp_path: Path) -> None:
    sources = [numbered(tmp_path, 500), numbered(tmp_path, 90, "b", first=1_000, weight=2)]
    used = Mix(sources, seed=1, n_rows=8, row_tokens=10)
    chunks = [used.chunk(number) for number in range(40)]
    for number in (39, 0, 17):
        fresh = Mix(sources, seed=1, n_rows=8, row_tokens=10)
        np.testing.assert_array_equal(fresh.chunk(number), chunks[number])
        np.testing.assert_array_equal(used.chunk(number), chunks[number])


def test_another_seed_gives_another_order(tmp_path: Path) -> None:
    source = numbered(tmp_path, 1_000)
    one, other = (Mix([source], seed, n_rows=20, row_tokens=10).chunk(0) for seed in (1, 2))
    assert (one != other).any()


def test_sources_have_their_share_of_size_times_weight_at_every_time(tmp_path: Path) -> None:
    a = numbered(tmp_path, 6_000, "a", first=0)
    b = numbered(tmp_path, 1_000, "b", first=10_000, weight=3)
    c = numbered(tmp_path, 1_000, "c", first=20_000)
    mix = Mix([a, b, c], seed=1, n_rows=10, row_tokens=10)
    counts: Counter[int] = Counter()
    for number in range(60):
        counts.update((mix.chunk(number)[:, 0] // 10_000).tolist())
        shares = np.array([0.6, 0.3, 0.1]) * 10 * (number + 1)
        assert np.abs(shares - [counts[source] for source in range(3)]).max() <= 1


def test_a_pass_goes_on_where_the_mix_repeats(tmp_path: Path) -> None:
    sources = [numbered(tmp_path, 10), numbered(tmp_path, 10, "b", first=10)]
    chunk = Mix(sources, seed=1, n_rows=20, row_tokens=1).chunk(65_536 // 20)
    assert sorted(chunk.ravel()) == list(range(20))


def test_a_tiny_source_is_heard_once_in_65_536_rows(tmp_path: Path) -> None:
    sources = [numbered(tmp_path, 60_000), numbered(tmp_path, 1, "b", first=65_000, weight=0.001)]
    assert 65_000 in Mix(sources, seed=1, n_rows=1_000, row_tokens=1).chunk(32)


def test_a_source_shorter_than_a_row_is_repeated(tmp_path: Path) -> None:
    rows = Mix([numbered(tmp_path, 3)], seed=1, n_rows=2, row_tokens=7).chunk(5)
    assert rows.tolist() == [[0, 1, 2, 0, 1, 2, 0]] * 2


def test_a_source_keeps_its_order_beside_others(tmp_path: Path) -> None:
    a, b = numbered(tmp_path, 100), numbered(tmp_path, 100, "b", first=1_000)
    alone = Mix([b], seed=1, n_rows=10, row_tokens=10).chunk(0)
    beside = Mix([a, b], seed=1, n_rows=20, row_tokens=10).chunk(0)
    np.testing.assert_array_equal(beside[beside[:, 0] >= 1_000], alone)


def test_a_late_chunk_is_given_without_those_before(tmp_path: Path) -> None:
    rows = Mix([numbered(tmp_path, 1_000)], seed=1, n_rows=64, row_tokens=10).chunk(10**12)
    assert (np.diff(rows) == 1).all()


def test_validation_is_taken_evenly_from_all_that_is_held_out(tmp_path: Path) -> None:
    sources = [numbered(tmp_path, 1, "a", n_valid=50), numbered(tmp_path, 1, "b", n_valid=50)]
    rows, n_chars = Mix(sources, seed=1, row_tokens=10).validation(39)
    assert rows[:, 0].tolist() == [0, 45, 40]
    assert rows.shape == (3, 10)
    assert rows.dtype == np.int32
    assert n_chars == 60


def test_validation_is_at_most_all_that_is_held_out(tmp_path: Path) -> None:
    rows, n_chars = Mix([numbered(tmp_path, 1, n_valid=57)], seed=1, row_tokens=10).validation(10**9)
    assert rows.shape == (5, 10)
    assert len(set(rows.ravel().tolist())) == 50
    assert n_chars == 100


def test_little_that_is_held_out_is_repeated_to_one_row(tmp_path: Path) -> None:
    rows, n_chars = Mix([numbered(tmp_path, 1, n_valid=3)], seed=1, row_tokens=9).validation(9)
    assert rows.tolist() == [[0, 1, 2] * 3]
    assert n_chars == 18


def test_nothing_held_out_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CorpusUnusable, match="no source has 200 paragraphs"):
        Mix([numbered(tmp_path, 5)], seed=1).validation(100)


def test_frequencies_count_what_is_trained_on_by_weight(tmp_path: Path) -> None:
    sources = [numbered(tmp_path, 3, "a", first=0), numbered(tmp_path, 2, "b", first=2, weight=2)]
    assert Mix(sources, seed=1).frequencies(6).tolist() == [1 / 7, 1 / 7, 3 / 7, 2 / 7, 0, 0]
