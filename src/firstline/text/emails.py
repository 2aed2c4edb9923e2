"""E-mails: what the writer wrote, without quoted answers, forwarded messages and signatures.

Applied to the raw text before masking, because masking joins the lines. One copy for import,
evaluation, classification and the service; a bundle names the version that its messages were read with.

The rules are our own. Of 55 mails in the forms of Russian mail programs, mail-parser-reply 1.36 read
5 right and quotequail 0.5.4 14: they know hardly any Russian headers and no Russian signatures,
and drop a question below the quotation. Both need more than 5 s for some texts of 100,000 characters.
"""

import html
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from firstline.text.email_lines import (
    LONGEST_LINE_CHARS,
    has_address,
    header_kind,
    is_attribution,
    is_bare_title,
    is_closing,
    is_device,
    is_disclaimer,
    is_forward_end,
    is_separator,
    is_speech,
    may_sign,
    opens_attribution,
)

EMAILS_VERSION = "emails.v1"

_MARKUP = re.compile(r"<(?:br|p|div|blockquote|html|body|table)\b", re.IGNORECASE)
_LINE_END = re.compile(r"\r\n?|\n|<br\b[^<>]{0,300}>|</(?:p|div|li|tr|h\d)>", re.IGNORECASE)
_BLOCKQUOTE = re.compile(r"<(/?)blockquote\b[^<>]{0,1000}>", re.IGNORECASE)
_TAG = re.compile(r"</?[a-z][a-z0-9]{0,20}(?:[\s/][^<>]{0,2000})?>", re.IGNORECASE)
_MAY_QUOTE = re.compile(r"[:>]|[-_=*–—#]{2}")
_HAS_WORD = re.compile(r"\w")
_MOST_WRAPPED_LINES = 3
_MOST_BLANK_LINES = 3
_MOST_HEADER_LINES = 16
_LONGEST_HEADER_CHARS = 1_000


class _Line(NamedTuple):
    raw: str
    """As the file holds it, with its line end: the kept lines are joined again."""
    plain: str
    """As a reader sees it: no tags, no white space at the ends."""
    is_quoted: bool
    """Begins with `>`, or is a whole <blockquote>."""


def own_words(text: str) -> str:
    """A raw text without the e-mails that it quotes or forwards, and without signatures.

    The same text if there is nothing to cut, and if nothing would be left. What the writer wrote
    between and below quoted lines stays.
    """
    if "\n" not in text and "\r" not in text and not ("<" in text and _MARKUP.search(text)):
        return text
    lines = _lines(text)
    runs = _own_runs(lines) if _MAY_QUOTE.search(text) else [lines]
    kept = [line for run in runs for line in _without_signature(run)]
    if len(kept) == len(lines) or not any(_HAS_WORD.search(line.plain) for line in kept):
        return text
    return "".join(line.raw for line in kept)


def _lines(text: str) -> list[_Line]:
    if "<" not in text or not _MARKUP.search(text):
        return [_line(raw) for raw in text.splitlines(keepends=True)]
    lines: list[_Line] = []
    place = 0
    for start, end in _blockquotes(text):
        lines += _markup_lines(text[place:start])
        lines.append(_Line(text[start:end], "", True))
        place = end
    return lines + _markup_lines(text[place:])


def _line(raw: str) -> _Line:
    plain = raw.strip()
    return _Line(raw, plain, plain[:1] == ">")


def _markup_lines(text: str) -> list[_Line]:
    ends = [found.end() for found in _LINE_END.finditer(text)]
    pieces = [text[start:end] for start, end in zip([0, *ends], [*ends, len(text)], strict=True) if end > start]
    seen = [html.unescape(_TAG.sub("", piece)).strip() for piece in pieces]
    return [_Line(piece, plain, plain[:1] == ">") for piece, plain in zip(pieces, seen, strict=True)]


def _blockquotes(text: str) -> Iterator[tuple[int, int]]:
    """Where the outermost blockquotes begin and end; one that is not closed ends with the text."""
    depth = start = 0
    for tag in _BLOCKQUOTE.finditer(text):
        if not tag[1]:
            start = start if depth else tag.start()
            depth += 1
        elif depth:
            depth -= 1
            if not depth:
                yield start, tag.end()
    if depth:
        yield start, len(text)


def _own_runs(lines: Sequence[_Line]) -> list[list[_Line]]:
    """The lines of the writer, parted where a quotation was."""
    runs: list[list[_Line]] = [[]]
    marks_quote = _marks_quote(lines)
    place = 0
    while place < len(lines):
        end = _quotation_end(lines, place, marks_quote)
        if end == place:
            runs[-1].append(lines[place])
            end += 1
        else:
            runs.append([])
        place = end
    return runs


def _marks_quote(lines: Sequence[_Line]) -> bool:
    """Whether `>` marks quotations here: a single one may be an arrow, and `> 5000` a comparison."""
    quoted = [line.plain for line in lines if line.is_quoted]
    if "" in quoted:
        return True
    said = [line.lstrip("> \t") for line in quoted]
    return sum((bool(line) and not line[0].isdigit()) or is_attribution(line, True) for line in said) >= 2


def _quotation_end(lines: Sequence[_Line], place: int, marks_quote: bool) -> int:
    """The place after the quotation that begins at `place`; `place` itself if none begins there."""
    if lines[place].is_quoted:
        return _marked_end(lines, place) if marks_quote else place
    below = _introduction_end(lines, place)
    if below == place:
        return place
    first = _skip_blank(lines, below)
    if first < len(lines) and lines[first].is_quoted:
        return _marked_end(lines, first)
    ends = (n for n in range(below, len(lines)) if is_forward_end(lines[n].plain))
    return next(ends, len(lines) - 1) + 1


def _marked_end(lines: Sequence[_Line], place: int) -> int:
    """The place after the lines with `>`; blank lines between them are part of the quotation."""
    end = place
    for n in range(place, len(lines)):
        if lines[n].is_quoted:
            end = n + 1
        elif lines[n].plain:
            break
    return end


def _skip_blank(lines: Sequence[_Line], place: int) -> int:
    end = min(place + _MOST_BLANK_LINES, len(lines))
    while place < end and not lines[place].plain and not lines[place].is_quoted:
        place += 1
    return place


def _introduction_end(lines: Sequence[_Line], place: int) -> int:
    """The place after the lines that introduce a quotation; `place` itself if they do not."""
    line = lines[place].plain
    if not line or len(line) > LONGEST_LINE_CHARS:
        return place
    if is_separator(line):
        first = _skip_blank(lines, place + 1)
        return max(place + 1, _headers_end(lines, first, {"from"}))
    first = _skip_blank(lines, place + 1)
    if first < len(lines) and (lines[first].is_quoted or ":" in lines[first].plain) and is_bare_title(line):
        if lines[first].is_quoted and line[0] != "_":
            return first
        end = _headers_end(lines, first, {"from", "subject"})
        return end if end > first else place
    if ":" in line and header_kind(line) == "from":
        return _headers_end(lines, place, {"from", "date", "subject"})
    return _attribution_end(lines, place)


def _headers_end(lines: Sequence[_Line], place: int, needed: set[str]) -> int:
    """The place after a block of mail headers; `place` itself if it lacks a needed kind.

    A recipient beside an address counts as a subject: the details of a transfer name a sender and a
    recipient too, but no address. A header's value may go over to a second line.
    """
    kinds: set[str] = set()
    end = place
    is_addressed = is_wrapped = False
    for n in range(place, min(place + _MOST_HEADER_LINES, len(lines))):
        line = lines[n].plain
        kind = header_kind(line) if len(line) <= _LONGEST_HEADER_CHARS else None
        if kind is not None:
            kinds.add(kind)
            is_addressed = is_addressed or has_address(line)
            end, is_wrapped = n + 1, False
        elif line and (is_wrapped or not kinds):
            break
        elif line:
            is_wrapped = True
    if "to" in kinds and is_addressed:
        kinds.add("subject")
    return end if needed <= kinds else place


def _attribution_end(lines: Sequence[_Line], place: int) -> int:
    """The place after a line such as `On …, NAME wrote:`, which may go over three; `place` itself if it is none."""
    for n in range(place, min(place + _MOST_WRAPPED_LINES, len(lines))):
        line = lines[n].plain
        if not line or lines[n].is_quoted:
            return place
        if line[-1] in ":>":
            joined = _joined(lines[place : n + 1])
            first = _skip_blank(lines, n + 1)
            is_marked = first < len(lines) and lines[first].is_quoted
            if (n == place or opens_attribution(joined)) and is_attribution(joined, is_marked):
                return n + 1
            if line[-1] == ":":
                return place
    return place


def _without_signature(run: Sequence[_Line]) -> list[_Line]:
    """The lines of a run without its signature, and without the legal notice below it."""
    kept: list[_Line] = []
    device: int | None = None
    for place, line in enumerate(run):
        if len(line.plain) <= LONGEST_LINE_CHARS and may_sign(line.plain):
            if line.plain == "--" or is_closing(line.plain):
                below = _paragraphs(run[place + 1 :])
                return kept + [piece for part in below if is_speech([piece.plain for piece in part]) for piece in part]
            if is_device(line.plain):
                device = len(kept) if device is None else device
                continue
        kept.append(line)
    if device is None:
        return kept
    below = _paragraphs(kept[device:])
    return kept[:device] + [piece for part in below if not is_disclaimer(_joined(part)) for piece in part]


def _joined(lines: Sequence[_Line]) -> str:
    return " ".join(line.plain for line in lines)


def _paragraphs(lines: Sequence[_Line]) -> list[list[_Line]]:
    """Lines parted at blank ones; those are dropped."""
    parts: list[list[_Line]] = [[]]
    for line in lines:
        if line.plain:
            parts[-1].append(line)
        elif parts[-1]:
            parts.append([])
    return [part for part in parts if part]
