"""Ruled text -> token ids: subwords of SentencePiece, and every special token whole.

Special tokens stand outside the SentencePiece model, after its pieces, so a workspace's masks and
segments can be added to a language model that was trained elsewhere.
"""

import json
from collections.abc import Sequence
from pathlib import Path

import sentencepiece

from firstline.errors import BundleDamaged
from firstline.text.tokens import SPECIAL_TOKEN

MODEL_FILE = "tokenizer.model"
TOKENS_FILE = "tokens.json"
UNKNOWN, BEGIN, END, PAD = range(4)
MOST_TOKENS = 65_535
"""Ids fit into 16 bits."""


class Tokenizer:
    """`model` is a serialised SentencePiece model; `special_tokens[i]` has the id `n_pieces + i`."""

    bos_id = BEGIN
    pad_id = PAD

    def __init__(self, model: bytes, special_tokens: Sequence[str]) -> None:
        self.model = model
        self.special_tokens = tuple(special_tokens)
        self._pieces = sentencepiece.SentencePieceProcessor(model_proto=model)
        self.n_pieces: int = self._pieces.get_piece_size()
        self._special = {token: self.n_pieces + place for place, token in enumerate(self.special_tokens)}

    @property
    def n_tokens(self) -> int:
        """Pieces and special tokens: ids are below this."""
        return self.n_pieces + len(self.special_tokens)

    def encode(self, text: str) -> list[int]:
        """The ids of one ruled text; a special token that is not known is left out."""
        ids: list[int] = []
        start = 0
        for match in SPECIAL_TOKEN.finditer(text):
            ids += self._pieces.encode(text[start : match.start()])
            if (place := self._special.get(match[0])) is not None:
                ids.append(place)
            start = match.end()
        return [*ids, *self._pieces.encode(text[start:])]

    def pieces(self, text: str) -> list[str]:
        """The tokens as they are read, for people: `▁карт`, `а`, `xxmask_phone`."""
        return [
            self._pieces.id_to_piece(place) if place < self.n_pieces else self.special_tokens[place - self.n_pieces]
            for place in self.encode(text)
        ]

    def with_special_tokens(self, tokens: Sequence[str]) -> "Tokenizer":
        """The same tokenizer, knowing also these; the ids of the others stay."""
        new = [token for token in dict.fromkeys(tokens) if token not in self._special]
        return Tokenizer(self.model, (*self.special_tokens, *new))

    def is_same_as(self, other: "Tokenizer") -> bool:
        """Whether both give every text the same ids."""
        return self.model == other.model and self.special_tokens == other.special_tokens

    def save(self, folder: Path) -> None:
        """Write `tokenizer.model` and `tokens.json`."""
        (folder / MODEL_FILE).write_bytes(self.model)
        (folder / TOKENS_FILE).write_text(
            json.dumps(self.special_tokens, ensure_ascii=False, indent=1), encoding="utf-8", newline="\n"
        )

    @classmethod
    def load(cls, folder: Path) -> "Tokenizer":
        """Read what `save` wrote. Raises `BundleDamaged`, naming the file."""
        try:
            model, tokens = (folder / MODEL_FILE).read_bytes(), (folder / TOKENS_FILE).read_bytes()
        except OSError as error:
            raise _damaged(Path(error.filename), error) from None
        return cls.of(folder, model, tokens)

    @classmethod
    def of(cls, folder: Path, model: bytes, special_tokens: bytes) -> "Tokenizer":
        """The tokenizer that `save` wrote into these two files of a folder. Raises `BundleDamaged`, naming the file."""
        try:
            tokens = json.loads(special_tokens)
            if not isinstance(tokens, list) or not all(isinstance(token, str) for token in tokens):
                raise ValueError("expected a list of tokens")
        except (ValueError, RecursionError) as error:
            raise _damaged(folder / TOKENS_FILE, error) from None
        try:
            return cls(model, tokens)
        except RuntimeError as error:
            raise _damaged(folder / MODEL_FILE, error) from None


def _damaged(path: Path, why: Exception) -> BundleDamaged:
    return BundleDamaged(f"{path} is damaged: {why}.", "Copy it again, or train it again.")
