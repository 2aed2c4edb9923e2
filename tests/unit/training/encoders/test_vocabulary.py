from collections.abc import Callable

import numpy as np
import pytest
from tokenizers import AddedToken, Tokenizer, pre_tokenizers, processors
from tokenizers.models import BPE, Unigram, WordPiece

from firstline.training.encoders import vocabulary
from firstline.training.encoders.vocabulary import pruned

TEXTS = ["карта пропала", "Card 5, перевод"]


def unigram() -> Tokenizer:
    pieces = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("漢字", -3.0), ("▁", -2.0)]
    pieces += [(f"▁{word}", -4.0) for word in ("карта", "перевод", "банкомат", "card", "αβγδ", "bankomat")]
    pieces += [(char, -6.0) for char in "абвгдекнопрстлиC5,漢αβ"] + [("ard", -5.0), ("αβγ", -5.0)]
    tokenizer = Tokenizer(Unigram(pieces, 3, False))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.add_special_tokens([AddedToken(name, normalized=False) for name in ("<s>", "<pad>", "</s>", "<mask>")])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return tokenizer


def word_piece() -> Tokenizer:
    pieces = ["[PAD]", "[unused]", "[UNK]", "[CLS]", "[SEP]", "漢", "карта", "##рта", "пропала", "перевод", "card", "5"]
    tokenizer = Tokenizer(WordPiece({piece: place for place, piece in enumerate(pieces)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 4), ("[CLS]", 3))
    tokenizer.add_special_tokens(["[PAD]", "[UNK]", "[CLS]", "[SEP]"])
    return tokenizer


def content(tokenizer: Tokenizer) -> bytes:
    return tokenizer.to_str().encode()


@pytest.mark.parametrize("make", [unigram, word_piece])
def test_texts_split_as_before_under_new_numbers(make: Callable[[], Tokenizer]) -> None:
    tokenizer = make()
    small, kept = pruned(content(tokenizer), TEXTS)
    assert kept is not None
    again = Tokenizer.from_str(small.decode())
    assert len(kept) < tokenizer.get_vocab_size()
    for text in TEXTS:
        old, new = tokenizer.encode(text), again.encode(text)
        assert new.tokens == old.tokens
        assert kept[new.ids].tolist() == old.ids


def test_all_of_a_main_script_stays_and_other_scripts_go() -> None:
    small, _ = pruned(content(unigram()), TEXTS)
    left = set(Tokenizer.from_str(small.decode()).get_vocab())
    assert {"▁банкомат", "▁bankomat", "<mask>", "<unk>", ",", "▁"} <= left
    assert not {"漢字", "漢", "▁αβγδ", "α"} & left


def test_of_a_script_that_is_rare_its_short_pieces_stay() -> None:
    texts = [*TEXTS * 20, "αβγ"]
    small, _ = pruned(content(unigram()), texts)
    left = set(Tokenizer.from_str(small.decode()).get_vocab())
    assert {"αβγ", "α", "β"} <= left
    assert "▁αβγδ" not in left


def test_the_prefix_is_kept_and_makes_no_script_a_main_one() -> None:
    small, _ = pruned(content(unigram()), ["карта пропала"], prefix="card card card ")
    left = set(Tokenizer.from_str(small.decode()).get_vocab())
    assert "▁card" in left
    assert "▁bankomat" not in left


def test_an_unseen_word_of_a_main_script_splits_as_before() -> None:
    small, _ = pruned(content(unigram()), TEXTS)
    assert Tokenizer.from_str(small.decode()).encode("банкомат").tokens == unigram().encode("банкомат").tokens


def test_the_first_ids_stay_as_they_are() -> None:
    _, kept = pruned(content(word_piece()), TEXTS, n_first=2)
    assert kept is not None
    assert kept[:2].tolist() == [0, 1]


def test_pieces_of_bpe_all_stay() -> None:
    tokenizer = Tokenizer(BPE({"a": 0, "b": 1, "ab": 2, "漢": 3}, [("a", "b")]))
    assert pruned(content(tokenizer), ["ab"]) == (content(tokenizer), None)


def test_all_stay_where_a_text_would_split_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    found = iter([[np.array([3, 6])], [np.array([3, 7])]])
    monkeypatch.setattr(vocabulary, "_ids", lambda tokenizer, texts: next(found))
    assert pruned(content(word_piece()), ["карта"]) == (content(word_piece()), None)


def test_a_tokenizer_without_an_unknown_piece_stays_whole() -> None:
    none = Tokenizer(Unigram([("a", -1.0), ("b", -2.0)]))
    elsewhere = Tokenizer(WordPiece({"a": 0, "b": 1}, unk_token="[UNK]"))
    for tokenizer in (none, elsewhere):
        assert pruned(content(tokenizer), ["ab"]) == (content(tokenizer), None)
