"""Plain text for pretraining: a source is a text file, or the `text` of JSON Lines, either packed with xz."""

import lzma
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TextIO

import msgspec

from firstline.errors import CorpusUnusable, UsageError
from firstline.text.rules import LONGEST_READ_CHARS
from firstline.text.scripts import letters_by_script

_SUFFIXES = (".txt", ".txt.xz", ".jsonl", ".jsonl.xz")
_SAMPLE_TEXTS = 2_000
_WRITTEN_IN = {
    "CYRILLIC": {"be", "bg", "kk", "ky", "mk", "mn", "ru", "sr", "tg", "tt", "uk"},
    "LATIN": {
        "cs", "da", "de", "en", "es", "et", "fi", "fr", "hr", "hu", "id", "it", "lt", "lv", "nb", "nl", "no", "pl",
        "pt", "ro", "sk", "sl", "sr", "sv", "tr", "vi",
    },
}  # fmt: skip
"""Scripts, as Unicode names their letters, and the languages (ISO 639) written in them: Serbian in both."""


@dataclass(frozen=True)
class Source:
    """One file of text. Its share of the tokens that are trained on is its size times `weight`."""

    path: Path
    name: str
    weight: float = 1.0


def parse_sources(paths: Sequence[Path], weights: Mapping[str, float]) -> list[Source]:
    """The sources in files and folders, in the order given, those of a folder by name; weight 0 leaves one out.

    Raises `CorpusUnusable` for a path that holds no text, `UsageError` for names that are not unique
    and for weights that are negative or name no source.
    """
    files = [file for path in paths for file in _files_at(path)]
    names = [_source_name(file) for file in files]
    _check_names(names, weights)
    sources = [Source(file, name, weights.get(name, 1.0)) for file, name in zip(files, names, strict=True)]
    kept = [source for source in sources if source.weight > 0]
    if not kept:
        raise UsageError("No source of text is left to train on.", "Name a file, or give one a weight above 0.")
    return kept


def read_lines(source: Source) -> Iterator[str]:
    """The paragraphs of a source, streamed, none blank, in parts of at most 10,000 characters.

    Raises `CorpusUnusable`, naming file and line, for what is not UTF-8, not xz or not JSON Lines.
    """
    is_jsonl = source.path.name.removesuffix(".xz").endswith(".jsonl")
    number = 1
    try:
        with _opened(source.path) as file:
            while line := file.readline(-1 if is_jsonl else LONGEST_READ_CHARS):
                where = f"{source.path}, line {number:,}"
                _check_encoding(line, where)
                yield from _paragraphs(_text_field(line, where) if is_jsonl else line)
                number += line.endswith("\n")
    except (OSError, EOFError, lzma.LZMAError) as error:
        raise CorpusUnusable(
            f"{source.path}, line {number:,}: it cannot be read: {reason(error)}.",
            "Check the path and its permissions; if it is a broken .xz, copy it again.",
        ) from None


def check_language(texts: Iterable[str], language: str, where: str) -> None:
    """Raise `CorpusUnusable` if less than half of the letters of the first 2,000 texts are of the language's script.

    It tells Russian from English, not from Ukrainian. `where` says in the error whose texts they are.
    """
    scripts = [script for script, languages in _WRITTEN_IN.items() if language in languages]
    if not scripts:
        return
    expected = f"expected {' or '.join(script.capitalize() for script in scripts)} for '{language}'"
    next_step = "Check that it is the right file, and its language."
    found = letters_by_script(islice(texts, _SAMPLE_TEXTS))
    n_letters = found.total()
    if not n_letters:
        raise CorpusUnusable(f"There are no letters in {where}, {expected}.", next_step)
    if sum(found.pop(script, 0) for script in scripts) / n_letters < 0.5:
        script, count = found.most_common(1)[0]
        share = f"{100 * count / n_letters:.0f} %"
        raise CorpusUnusable(f"{share} of the letters in {where} are {script.capitalize()}, {expected}.", next_step)


def _files_at(path: Path) -> list[Path]:
    expected = f"expected {', '.join(f'*{suffix}' for suffix in _SUFFIXES)}"
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if file.name.endswith(_SUFFIXES) and file.is_file())
        if not files:
            raise CorpusUnusable(
                f"There is no text in the folder {path}, {expected}.", "Name another folder, or files."
            )
        return files
    if not path.is_file():
        raise CorpusUnusable(f"There is no file {path}.", "Check the path.")
    if not path.name.endswith(_SUFFIXES):
        raise CorpusUnusable(f"{path} is not known to be text, {expected}.", "Name it by its format.")
    return [path]


def _source_name(file: Path) -> str:
    return Path(file.name.removesuffix(".xz")).stem


def _check_names(names: Sequence[str], weights: Mapping[str, float]) -> None:
    files = Counter(file for name in names for file in (name, f"{name}.valid"))
    for name in names:
        if files[name] > 1:
            raise UsageError(f"The tokens of two sources would both be called '{name}'.", "Rename one of the files.")
    for name, weight in weights.items():
        if name not in names:
            raise UsageError(
                f"A weight is given for '{name}', and no source has that name.", f"The sources: {', '.join(names)}"
            )
        if not (weight >= 0 and math.isfinite(weight)):
            raise UsageError(f"The weight of '{name}' is {weight}, expected 0 or more.", "0 leaves a source out.")


def _opened(path: Path) -> TextIO:
    """As text, broken bytes as lone surrogates, so that they are found in the line that has them."""
    if path.suffix == ".xz":
        return lzma.open(path, "rt", encoding="utf-8-sig", errors="surrogateescape")
    return path.open(encoding="utf-8-sig", errors="surrogateescape")


def _check_encoding(line: str, where: str) -> None:
    try:
        line.encode()
    except UnicodeEncodeError:
        raise CorpusUnusable(f"{where}: it is not UTF-8.", "Convert it: iconv -f CP1251 -t UTF-8") from None


class _Document(msgspec.Struct):
    text: str


def _text_field(line: str, where: str) -> str:
    if not line.strip():
        return ""
    try:
        return msgspec.json.decode(line, type=_Document).text
    except (msgspec.DecodeError, RecursionError):
        raise CorpusUnusable(
            f"{where}: it is not a JSON object with a text.", 'Each line is an object: {"text": "..."}.'
        ) from None


def _paragraphs(text: str) -> Iterator[str]:
    for line in text.split("\n"):
        for start in range(0, len(line), LONGEST_READ_CHARS):
            if part := line[start : start + LONGEST_READ_CHARS].strip():
                yield part


def reason(error: Exception) -> str:
    """Why the system refused, in its words."""
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
