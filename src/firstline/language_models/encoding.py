"""A source as token ids on disk.

Encoded, a source is two files of little-endian 16-bit token ids, `NAME.u16` to train on and
`NAME.valid.u16` held out of it, and `NAME.json`, written last: where it stands, the others are whole.
"""

import hashlib
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import msgspec
import numpy as np

from firstline.errors import CorpusUnusable, FileUnwritable
from firstline.files import whole_file
from firstline.language_models.corpus import Source, read_lines, reason
from firstline.text.rules import TextRules
from firstline.text.tokenizer import Tokenizer

EVERY_NTH_IS_VALIDATION = 200
_PARAGRAPHS_BETWEEN_REPORTS = 1_000


@dataclass(frozen=True)
class Tokens:
    """A file of token ids, and the characters of ruled text that they stand for."""

    path: Path
    n_tokens: int
    n_chars: int


@dataclass(frozen=True)
class EncodedSource:
    """A source as token ids; `validation`, every 200th paragraph, may be empty."""

    name: str
    weight: float
    training: Tokens
    validation: Tokens


def encode_source(
    source: Source, rules: TextRules, tokenizer: Tokenizer, folder: Path
) -> Generator[int, None, EncodedSource]:
    """Write a source into `folder` as token ids: BOS, then its tokens, for every paragraph; return what was written.

    Yields the bytes of the paragraphs read so far, now and then. What is there from an earlier run is
    taken if tokenizer, rules and the size of the source are the same. Raises `CorpusUnusable` for a
    source without text, `FileUnwritable`, for example when the disk is full.
    """
    origin = _origin(source, rules, tokenizer)
    record = _read_record(source, folder)
    if record is not None and record.origin == origin:
        return record.encoded(source, folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _record_path(source, folder).unlink(missing_ok=True)  # it must not vouch for files that are about to change
        training, validation = yield from _write_tokens(source, rules, tokenizer, folder)
        record = _Record(training.n_tokens, training.n_chars, validation, origin)
        with whole_file(_record_path(source, folder)) as unfinished:
            unfinished.write_bytes(msgspec.json.format(msgspec.json.encode(record), indent=1) + b"\n")
    except OSError as error:
        raise FileUnwritable(
            f"The tokens of {source.path} could not be written to {folder}: {reason(error)}.",
            "Check the free space and the permissions, then start again.",
        ) from error
    return record.encoded(source, folder)


class _Origin(msgspec.Struct):
    """What token ids are made from; if it is the same, so are they."""

    tokenizer_sha256: str
    rules: tuple[str, ...]
    source_size_bytes: int


def digest_of(tokenizer: Tokenizer) -> str:
    """SHA-256, hexadecimal, of its pieces and special tokens."""
    return hashlib.sha256(tokenizer.model + msgspec.json.encode(tokenizer.special_tokens)).hexdigest()


def _origin(source: Source, rules: TextRules, tokenizer: Tokenizer) -> _Origin:
    try:
        size_bytes = source.path.stat().st_size
    except OSError as error:
        raise CorpusUnusable(f"{source.path} cannot be read: {reason(error)}.", "Check the path.") from None
    return _Origin(digest_of(tokenizer), rules.names, size_bytes)


class _Counts(msgspec.Struct):
    n_tokens: int = 0
    n_chars: int = 0


class _Record(msgspec.Struct):
    """`NAME.json`."""

    n_tokens: int
    n_chars: int
    valid: _Counts
    origin: _Origin

    def encoded(self, source: Source, folder: Path) -> EncodedSource:
        training, valid = _token_paths(source, folder)
        return EncodedSource(
            source.name,
            source.weight,
            Tokens(training, self.n_tokens, self.n_chars),
            Tokens(valid, self.valid.n_tokens, self.valid.n_chars),
        )


def _token_paths(source: Source, folder: Path) -> tuple[Path, Path]:
    return folder / f"{source.name}.u16", folder / f"{source.name}.valid.u16"


def _record_path(source: Source, folder: Path) -> Path:
    return folder / f"{source.name}.json"


def _read_record(source: Source, folder: Path) -> _Record | None:
    """The record of an encoding that is there as a whole; None where anything is missing or damaged."""
    try:
        record = msgspec.json.decode(_record_path(source, folder).read_bytes(), type=_Record)
        sizes = [path.stat().st_size for path in _token_paths(source, folder)]
    except (OSError, msgspec.DecodeError, UnicodeError):
        return None
    return record if sizes == [2 * record.n_tokens, 2 * record.valid.n_tokens] else None


class _TokenFile:
    """An open file that token ids are added to."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.counts = _Counts()

    def add(self, ids: Sequence[int], n_chars: int) -> None:
        self._file.write(np.array(ids, dtype="<u2").tobytes())
        self.counts.n_tokens += len(ids)
        self.counts.n_chars += n_chars


@contextmanager
def _token_file(path: Path) -> Iterator[_TokenFile]:
    with whole_file(path) as unfinished, unfinished.open("wb") as file:
        yield _TokenFile(file)


def _write_tokens(
    source: Source, rules: TextRules, tokenizer: Tokenizer, folder: Path
) -> Generator[int, None, tuple[_Counts, _Counts]]:
    """Write both files of token ids; what went into training and into validation."""
    training_path, validation_path = _token_paths(source, folder)
    n_bytes = 0
    with _token_file(training_path) as training, _token_file(validation_path) as validation:
        for number, paragraph in enumerate(read_lines(source), start=1):
            n_bytes += len(paragraph.encode())
            if ruled := rules(paragraph):
                file = training if number % EVERY_NTH_IS_VALIDATION else validation
                file.add([tokenizer.bos_id, *tokenizer.encode(ruled)], len(ruled))
            if number % _PARAGRAPHS_BETWEEN_REPORTS == 0:
                yield n_bytes
        if not training.counts.n_tokens:
            raise CorpusUnusable(f"There is no text in {source.path}.", "Leave it out, or check what it should hold.")
        yield n_bytes
    return training.counts, validation.counts
