"""Encoders for tests: a small one, made here, and one that counts."""

import atexit
import json
import re
import shutil
import string
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
from numpy.typing import NDArray

from firstline.bundle.parts.head import Head
from firstline.training.encoders.base import ServedPart
from tests.examples import examples

N_LAYERS, N_DIMENSIONS = 2, 256
_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_CYRILLIC = "абвгдежзийклмнопрстуфхцчшщъыьэюя"


@cache
def small_encoder() -> Path:
    """A sentence-transformers folder: BERT over letters and the words of `examples`, its weights random.

    All that training and serving do with a real one they do with it, in a hundredth of the time. Do not change it.
    """
    import torch

    from firstline.training.encoders.opening import hide_torchvision

    hide_torchvision()
    from tokenizers import BertWordPieceTokenizer
    from transformers import BertConfig, BertModel

    folder = Path(mkdtemp(prefix="small-encoder-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    signs = [*string.ascii_lowercase, *_CYRILLIC, *string.digits]
    words = sorted({word for message in examples().messages for word in re.findall(r"[а-я]{2,}", message.text.lower())})
    pieces = [*_SPECIAL, *string.punctuation, *signs, *(f"##{sign}" for sign in signs), *words]
    config = BertConfig(
        vocab_size=len(pieces),
        hidden_size=N_DIMENSIONS,
        num_hidden_layers=N_LAYERS,
        num_attention_heads=2,
        intermediate_size=2 * N_DIMENSIONS,
        max_position_embeddings=256,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = BertModel(config)
        # As in a trained one, what a piece is tells more than where it stands.
        model.embeddings.word_embeddings.weight.data *= 20
        model.save_pretrained(folder)
    BertWordPieceTokenizer({piece: place for place, piece in enumerate(pieces)}).save(str(folder / "tokenizer.json"))
    kinds = ("Transformer", "Pooling", "Normalize")
    paths = ("", "1_Pooling", "2_Normalize")
    written = {
        "modules.json": [
            {"idx": place, "name": str(place), "path": path, "type": f"sentence_transformers.models.{kind}"}
            for place, (kind, path) in enumerate(zip(kinds, paths, strict=True))
        ],
        "sentence_bert_config.json": {"max_seq_length": 256, "do_lower_case": False},
        "tokenizer_config.json": {"tokenizer_class": "BertTokenizer", "do_lower_case": True, "model_max_length": 256},
        "1_Pooling/config.json": {"word_embedding_dimension": N_DIMENSIONS, "pooling_mode_mean_tokens": True},
    }
    (folder / "1_Pooling").mkdir()
    for name, content in written.items():
        (folder / name).write_text(json.dumps(content), encoding="utf-8")
    return folder


class CountingEncoder:
    """Counts characters, letters and digits, and remembers what it was asked."""

    name = "fake"
    id = "fake-1"

    def __init__(self) -> None:
        self.asked: list[str] = []

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.asked += texts
        counts = [[len(text), text.count("о"), sum(map(int, filter(str.isdigit, text)))] for text in texts]
        return np.array(counts, np.float32)

    def part(self, head: Head, texts: Sequence[str]) -> ServedPart:
        raise NotImplementedError
