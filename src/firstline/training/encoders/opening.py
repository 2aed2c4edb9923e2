"""Opening a sentence-transformers folder: offline, silent, on the processor."""

import re
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from firstline.errors import EncoderUnusable, ExtraMissing
from firstline.training.quiet import quiet

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

MODULES_FILE = "modules.json"
_NOT_READ = ("pooler.",)
"""Weights that no sentence vector comes from, so many folders leave them out."""

_OF_A_LAYER = re.compile(r"\b(?:layers?|block)\.\d+\.")


def open_folder(folder: Path) -> "SentenceTransformer":
    """The model in a sentence-transformers folder, in float32, ready to encode.

    Raises `EncoderUnusable`, also if weights or the tokenizer are missing, which the libraries make up;
    `ExtraMissing` where sentence-transformers is not installed.
    """
    require_folder(folder)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            _go_offline()
            hide_torchvision()
            from sentence_transformers import SentenceTransformer
            from transformers.utils.logging import disable_progress_bar
        except ModuleNotFoundError as error:
            raise ExtraMissing(f"The encoder in {folder}", "encoders") from error
        disable_progress_bar()
        # What goes wrong with a folder has no class in common.
        try:
            with quiet("transformers", "sentence_transformers", "huggingface_hub"):
                model = SentenceTransformer(str(folder), device="cpu", local_files_only=True).float().eval()
                problem = _missing_weights(model) or _wrong_tokenizer(model)
        except Exception as error:
            raise _unusable(folder, str(error)) from error
    if problem:
        raise _unusable(folder, problem)
    return model


def _missing_weights(model: "SentenceTransformer") -> str:
    """Which weights were not in the folder, in words; empty where none is missing."""
    from transformers import PreTrainedModel

    found = next((part for part in model[0].modules() if isinstance(part, PreTrainedModel)), None)
    if found is None:
        return ""
    # By its own class: of some families sentence-transformers opens the encoder alone.
    own_class: Any = type(found)
    _, loaded = own_class.from_pretrained(
        found.config._name_or_path, local_files_only=True, output_loading_info=True, trust_remote_code=False
    )
    wrong = {str(name) for kind in ("missing_keys", "mismatched_keys") for name in loaded[kind]}
    missing = sorted(name for name in wrong if not name.startswith(_NOT_READ))
    more = f" and {len(missing) - 1:,} more" if len(missing) > 1 else ""
    if missing:
        return f"the weights {missing[0]}{more} are missing or of another shape"
    left = sorted(str(name) for name in loaded["unexpected_keys"] if _OF_A_LAYER.search(str(name)))
    return f"its config.json has no place for the weights {left[0]}" if left else ""


def _wrong_tokenizer(model: "SentenceTransformer") -> str:
    """Why the tokenizer is not the network's, in words; empty where it may be."""
    from torch.nn import Embedding

    tokenizer = model.tokenizer
    if not hasattr(tokenizer, "get_vocab") or not hasattr(tokenizer, "all_special_tokens"):
        return ""
    vocabulary = tokenizer.get_vocab()
    if len(vocabulary) <= len(set(tokenizer.all_special_tokens)):
        return "it has no tokenizer"
    embedding = next((part for part in model[0].modules() if isinstance(part, Embedding)), None)
    if embedding is not None and max(vocabulary.values()) >= embedding.num_embeddings:
        return (
            f"its tokenizer has ids up to {max(vocabulary.values()):,}, its network knows {embedding.num_embeddings:,}"
        )
    return ""


def _unusable(folder: Path, why: str) -> EncoderUnusable:
    return EncoderUnusable(
        f"The encoder in {folder} cannot be opened: {why.strip().rstrip('.')}.",
        "Copy the folder again, or name another in [encoder] name.",
    )


def require_folder(folder: Path) -> None:
    """Raises `EncoderUnusable` if `folder` is not a sentence-transformers folder."""
    if not (folder / MODULES_FILE).is_file():
        raise EncoderUnusable(
            f"{folder} is not a sentence-transformers folder: it has no {MODULES_FILE}.",
            "Name a folder that sentence-transformers has saved in [encoder] name.",
        )


def _go_offline() -> None:
    """For as long as this process lives."""
    from huggingface_hub import constants

    constants.HF_HUB_OFFLINE = constants.HF_HUB_DISABLE_TELEMETRY = True


def hide_torchvision() -> None:
    """Transformers imports torchvision where it finds it, and breaks on one of another build than torch.

    It looks once and remembers, so torchvision is hidden for that moment alone.
    """
    before = sys.modules.get("torchvision")
    sys.modules["torchvision"] = None  # type: ignore[assignment]
    from transformers.utils.import_utils import is_torchvision_available

    is_torchvision_available()
    del sys.modules["torchvision"]
    if before is not None:
        sys.modules["torchvision"] = before
