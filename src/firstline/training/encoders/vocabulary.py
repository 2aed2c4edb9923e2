"""A tokenizer without the pieces that a team's messages do not need.

A multilingual vocabulary holds 250,000 pieces of a hundred scripts, and their embedding is most of a
model. What is left out here cannot come up in the messages at hand, so their ids stay the same but
for their numbers; a word that was never seen still splits into pieces of its own script.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firstline.bundle.parts.transformer import open_tokenizer
from firstline.text.scripts import letters_by_script, script_of

_MAIN_SHARE = 0.1
_SHORT = 2
_LONGEST = 1_000_000
_CONTINUED = ("▁", "##")


def pruned(
    tokenizer: bytes, texts: Sequence[str], n_first: int = 1, prefix: str = ""
) -> tuple[bytes, NDArray[np.int64] | None]:
    """A tokenizer.json without the pieces that `texts` and texts like them do not need.

    Returns the new one and `kept`, (n_kept,), the old id of each new one, ascending. Kept are special
    pieces, those that occur in the texts, all of a script that has 10 % of their letters, those of one
    or two characters of any script that occurs, and all without letters. The first `n_first` ids stay
    as they are; `prefix` stands in front of every text. Where the kind of tokenizer is not known, or it
    would read a text differently, nothing is left out, and `kept` is None.
    """
    description: dict[str, Any] = json.loads(tokenizer)
    pieces = _pieces(description["model"])
    unknown = unknown_id(description["model"])
    if not pieces or unknown is None:
        return tokenizer, None
    # Pieces that are added are numbered after the others, or are some of them.
    n_ids = max([*pieces.values(), *(token["id"] for token in description["added_tokens"])]) + 1
    read = [prefix + text for text in texts]
    before = _ids(tokenizer, read)
    letters = letters_by_script(texts)
    main = {script for script, count in letters.items() if count >= _MAIN_SHARE * letters.total()}
    keeps = np.zeros(n_ids, np.bool_)
    keeps[:n_first] = True
    keeps[[token["id"] for token in description["added_tokens"]]] = True
    for ids in before:
        keeps[ids] = True
    for piece, place in pieces.items():
        keeps[place] |= _is_needed(piece, set(letters), main)
    keeps[unknown] = True
    kept = np.flatnonzero(keeps)
    new_id = {int(old): new for new, old in enumerate(kept)}
    try:
        _renumber(description, new_id)
    except KeyError:
        return tokenizer, None
    result = json.dumps(description, ensure_ascii=False, separators=(",", ":")).encode()
    after = _ids(result, read)
    if any(not np.array_equal(old, kept[new]) for old, new in zip(before, after, strict=True)):
        return tokenizer, None
    return result, kept


def unknown_id(model: dict[str, Any]) -> int | None:
    """The id of whatever a tokenizer.json's `model` does not know; None where it has none."""
    found: int | None = (
        model.get("unk_id") if model["type"] == "Unigram" else model["vocab"].get(model.get("unk_token"))
    )
    return found


def _pieces(model: dict[str, Any]) -> dict[str, int]:
    """The pieces by their ids; none for a kind of tokenizer that cannot be pruned: pieces of BPE need each other."""
    if model["type"] == "Unigram":
        # A piece that comes twice counts once, as the first.
        return {piece: place for place, (piece, _) in reversed(list(enumerate(model["vocab"])))}
    return dict(model["vocab"]) if model["type"] == "WordPiece" else {}


def _ids(tokenizer: bytes, texts: Iterable[str]) -> list[NDArray[np.int64]]:
    opened = open_tokenizer(tokenizer, _LONGEST)
    return [np.array(opened.encode(text).ids, np.int64) for text in texts]


def _renumber(description: dict[str, Any], new_id: dict[int, int]) -> None:
    """Raises `KeyError` if an id that is not kept is named."""
    model = description["model"]
    if model["type"] == "Unigram":
        model["vocab"] = [item for place, item in enumerate(model["vocab"]) if place in new_id]
        model["unk_id"] = new_id[model["unk_id"]]
    else:
        model["vocab"] = {piece: new_id[place] for piece, place in model["vocab"].items() if place in new_id}
    for token in description["added_tokens"]:
        token["id"] = new_id[token["id"]]
    _renumber_processor(description.get("post_processor") or {}, new_id)
    description["padding"] = description["truncation"] = None


def _renumber_processor(processor: dict[str, Any], new_id: dict[int, int]) -> None:
    for part in processor.get("processors", ()):
        _renumber_processor(part, new_id)
    for name in ("cls", "sep"):
        if name in processor:
            processor[name][1] = new_id[processor[name][1]]
    for token in processor.get("special_tokens", {}).values():
        token["ids"] = [new_id[place] for place in token["ids"]]


def _is_needed(piece: str, scripts: set[str], main: set[str]) -> bool:
    for mark in _CONTINUED:
        piece = piece.removeprefix(mark)
    of_piece = {script_of(char) for char in piece if char.isalpha()}
    return of_piece <= (scripts if len(piece) <= _SHORT else main)
