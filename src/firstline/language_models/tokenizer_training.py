"""Training the tokenizer: a SentencePiece unigram model (Kudo 2018, arXiv:1804.10959) on ruled texts."""

import io
import re
from collections.abc import Iterable, Iterator

import sentencepiece

from firstline.errors import CorpusUnusable, UsageError
from firstline.text.tokenizer import BEGIN, END, MOST_TOKENS, PAD, UNKNOWN, Tokenizer
from firstline.text.tokens import CAPITALISED, NUMBER, REPEATED, SHOUTED, SPECIAL_TOKEN

BUILT_IN_TOKENS = (SHOUTED, CAPITALISED, REPEATED, *(f"{NUMBER}{n_digits}" for n_digits in range(3, 10)))
"""What the text rules write by themselves; a workspace adds its masks and segments."""

_MOST_TEXTS = 500_000
_MOST_CHARS = 50_000_000
"""SentencePiece needs about 20 bytes for each character, its suffix array most of them."""
_CHARACTER_COVERAGE = 0.9998
_LONGEST_LINE_BYTES = 1 << 30  # SentencePiece leaves out what is longer, and says so only in its log
_TOO_SMALL = re.compile(r"Vocabulary size is smaller than required_chars\. \d+ vs (\d+)")


def train_tokenizer(texts: Iterable[str], n_pieces: int, seed: int = 0) -> Tokenizer:
    """A tokenizer of at most `n_pieces` pieces for ruled texts, and the built-in special tokens after them.

    Texts with little in them give fewer pieces than asked for. At most 500,000 texts and 50 million
    characters are learned from, taken evenly; `seed` decides which. The same texts give the same model.
    Raises `CorpusUnusable` if no text has a word, `UsageError` if `n_pieces` is out of range or
    too small for the letters of the texts.
    """
    most = MOST_TOKENS - len(BUILT_IN_TOKENS)
    if not 0 < n_pieces <= most:
        raise UsageError(f"A tokenizer has 1 to {most:,} pieces, got {n_pieces:,}.", "30,000 suit most languages.")
    lines = take_evenly(_without_special_tokens(texts), _MOST_TEXTS, _MOST_CHARS, seed)
    if not lines:
        raise CorpusUnusable("The texts for the tokenizer have no words in them.", "Check the files of the corpus.")
    return Tokenizer(_train(lines, n_pieces), BUILT_IN_TOKENS)


def take_evenly(texts: Iterable[str], n_most: int, most_chars: int, seed: int) -> list[str]:
    """Every n-th text, the smallest n (a power of two) that stays within both bounds; one text is always kept.

    Which of the n is the first depends on `seed`. Texts are read once, and no more than the bounds are held.
    """
    kept: list[str] = []
    n_chars, stride = 0, 1
    for place, text in enumerate(texts):
        if (place - seed) % stride:
            continue
        kept.append(text)
        n_chars += len(text)
        while len(kept) > 1 and (len(kept) > n_most or n_chars > most_chars):
            is_odd = seed % (2 * stride) != seed % stride
            kept = kept[is_odd::2]
            n_chars = sum(map(len, kept))
            stride *= 2
    return kept


def _without_special_tokens(texts: Iterable[str]) -> Iterator[str]:
    for text in texts:
        if line := SPECIAL_TOKEN.sub(" ", text).strip():
            yield line


def _train(lines: list[str], n_pieces: int) -> bytes:
    """A serialised model, the same for the same lines: one thread, no sampling of its own, no normalisation."""
    model = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(lines),
            model_writer=model,
            model_type="unigram",
            vocab_size=n_pieces,
            hard_vocab_limit=False,
            character_coverage=_CHARACTER_COVERAGE,
            split_digits=True,
            normalization_rule_name="identity",  # the text rules have done it
            max_sentence_length=_LONGEST_LINE_BYTES,
            num_threads=1,
            unk_id=UNKNOWN,
            bos_id=BEGIN,
            eos_id=END,
            pad_id=PAD,
            minloglevel=2,
        )
    except RuntimeError as error:
        raise _refused(str(error), n_pieces) from None
    return model.getvalue()


def _refused(why: str, n_pieces: int) -> UsageError | CorpusUnusable:
    if match := _TOO_SMALL.search(why):
        return UsageError(
            f"{n_pieces:,} pieces are too few for the letters of these texts, expected {int(match[1]):,} at least.",
            "Ask for more pieces; 30,000 suit most languages.",
        )
    return CorpusUnusable(
        f"SentencePiece cannot learn from these texts: {why.strip()}.", "Check the files of the corpus."
    )
