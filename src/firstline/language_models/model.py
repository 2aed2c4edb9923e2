"""A language model on disk: weights, tokenizer, and a card that says where it comes from.

Weights are float16, or int8 with a float16 scale for each row, which halves the file.
"""

import hashlib
import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import msgspec
import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor

from firstline.errors import LanguageModelUnusable
from firstline.files import sync
from firstline.language_models.card import CARD_FILE, REPAIR, Card, Shape, read_card
from firstline.language_models.network import Dropouts, LanguageNetwork
from firstline.text.tokenizer import MODEL_FILE, TOKENS_FILE, Tokenizer

WEIGHTS_FILE = "weights.safetensors"
_FILES = (MODEL_FILE, TOKENS_FILE, WEIGHTS_FILE)
_SCALE = ".scale"


class LanguageModel:
    """Tokenizer, weights and card. `weights`: those of a `LanguageNetwork` of the card's shape, on the CPU."""

    def __init__(self, card: Card, tokenizer: Tokenizer, weights: dict[str, Tensor]) -> None:
        self.card = card
        self.tokenizer = tokenizer
        self.weights = weights

    @property
    def shape(self) -> Shape:
        return self.card.shape

    def network(self, dropouts: Dropouts) -> LanguageNetwork:
        """A network with these weights."""
        network = LanguageNetwork(self.shape, self.tokenizer.n_tokens, dropouts)
        load_weights(network, self.weights)
        return network

    def save(self, folder: Path, others: Mapping[str, bytes] | None = None, *, in_int8: bool = False) -> None:
        """Write it into `folder`, in place of the one that is there; the files get their names once all are written.

        `others` are files that belong to it, by name; what else the folder holds stays. Matrices are
        rounded to float16, or to int8. Raises `LanguageModelUnusable` if it cannot be written;
        the language model that was there is left as it was.
        """
        unfinished = folder / f".new-{os.getpid()}"
        # A killed process of the same number may have left one: in a container it always has the same.
        shutil.rmtree(unfinished, ignore_errors=True)
        try:
            unfinished.mkdir(parents=True)
            self.tokenizer.save(unfinished)
            (unfinished / WEIGHTS_FILE).write_bytes(save_tensors(_rounded(self.weights, in_int8=in_int8)))
            for name, content in (others or {}).items():
                (unfinished / name).write_bytes(content)
            names = (*_FILES, *(others or {}))
            hashes = {name: _sha256((unfinished / name).read_bytes()) for name in names}
            card = msgspec.structs.replace(self.card, files=hashes)
            (unfinished / CARD_FILE).write_bytes(msgspec.json.format(msgspec.json.encode(card), indent=1) + b"\n")
            for path in unfinished.iterdir():
                sync(path)
            for name in (*names, CARD_FILE):
                (unfinished / name).replace(folder / name)
        except OSError as error:
            raise LanguageModelUnusable(
                f"The language model cannot be written to {folder}: {error.strerror or error}.",
                "Check the free space and the permissions.",
            ) from None
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
            with suppress(OSError):
                folder.rmdir()  # if there is nothing in it

    @classmethod
    def load(cls, folder: Path) -> "LanguageModel":
        """Read what `save` wrote, every file checked against its hash.

        Raises `LanguageModelUnusable`, naming the file.
        """
        card = read_card(folder)
        for name in _FILES:
            if name not in card.files:
                raise LanguageModelUnusable(f"{folder / CARD_FILE} has no hash of {name}.", REPAIR)
        contents = {name: _checked(folder, name, expected) for name, expected in card.files.items()}
        try:
            weights = _as_float(load_tensors(contents[WEIGHTS_FILE]))
            model = cls(card, Tokenizer.load(folder), weights)
            _check_size(model)
            model.network(Dropouts(0, 0, 0, 0, 0))
        except (SafetensorError, KeyError, RuntimeError, ValueError) as error:
            first = str(error).splitlines()[0]
            raise LanguageModelUnusable(f"{folder / WEIGHTS_FILE} is not what its card says: {first}", REPAIR) from None
        return model


def weights_of(network: LanguageNetwork) -> dict[str, Tensor]:
    """The weights of a network, on the CPU."""
    return {name: parameter.detach().cpu().clone() for name, parameter in network.named_parameters()}


def load_weights(network: LanguageNetwork, weights: dict[str, Tensor]) -> None:
    """Put weights into a network. Raises `RuntimeError` if names or shapes differ."""
    # fastai's embedding dropout names the embedding a second time.
    network.load_state_dict({**weights, "encoder.encoder_dp.emb.weight": weights["encoder.encoder.weight"]})
    with torch.no_grad():
        network.reset()


def _check_size(model: LanguageModel) -> None:
    """Raise `ValueError` for weights that are no numbers, or too few or many, before memory is taken for a network."""
    expected = model.shape.n_parameters(model.tokenizer.n_tokens)
    found = sum(tensor.numel() for tensor in model.weights.values())
    if found != expected:
        raise ValueError(f"it has {found:,} numbers, expected {expected:,}.")
    if not all(bool(torch.isfinite(tensor).all()) for tensor in model.weights.values()):
        raise ValueError("not all of its weights are numbers.")


def _rounded(weights: Mapping[str, Tensor], *, in_int8: bool) -> dict[str, Tensor]:
    rounded = {}
    for name, tensor in sorted(weights.items()):
        exact = tensor.detach().float()
        if not in_int8 or exact.ndim < 2:
            rounded[name] = exact.half().contiguous()
            continue
        scale = (exact.abs().amax(dim=1, keepdim=True) / 127).half()
        # A row of zeros has no scale, and a tiny one vanishes in float16.
        scale = torch.where(scale > 0, scale, torch.ones_like(scale))
        rounded[name] = (exact / scale.float()).round().clamp(-127, 127).to(torch.int8).contiguous()
        rounded[name + _SCALE] = scale.contiguous()
    return rounded


def _as_float(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    if odd := {tensor.dtype for tensor in tensors.values()} - {torch.float16, torch.float32, torch.int8}:
        raise ValueError(f"it has values of type {', '.join(map(str, odd))}.")
    return {
        name: tensor.float() * tensors[name + _SCALE].float() if tensor.dtype == torch.int8 else tensor.float()
        for name, tensor in tensors.items()
        if not name.endswith(_SCALE)
    }


def _checked(folder: Path, name: str, expected: str) -> bytes:
    path = folder / name
    if Path(name).name != name:
        raise LanguageModelUnusable(f"{folder / CARD_FILE} names a file outside its folder: {name}.", REPAIR)
    try:
        content = path.read_bytes()
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise LanguageModelUnusable(f"{path} cannot be read: {why}.", REPAIR) from None
    if (got := _sha256(content)) != expected:
        raise LanguageModelUnusable(
            f"{path} is damaged: its hash is {got[:12]}, the card says {expected[:12]}.", REPAIR
        )
    return content


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
