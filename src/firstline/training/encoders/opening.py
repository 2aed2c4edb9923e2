"""Opening a sentence-transformers folder: offline, silent, on the processor."""

import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from firstline.errors import EncoderUnusable, ExtraMissing

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

MODULES_FILE = "modules.json"
_OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}


def open_folder(folder: Path) -> "SentenceTransformer":
    """The model in a sentence-transformers folder, in float32, ready to encode.

    Raises `EncoderUnusable`, or `ExtraMissing` where sentence-transformers is not installed.
    """
    require_folder(folder)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with offline(), without_torchvision():
                from sentence_transformers import SentenceTransformer
                from transformers.utils.logging import disable_progress_bar
        except ModuleNotFoundError as error:
            raise ExtraMissing(f"The encoder in {folder}", "encoders") from error
        disable_progress_bar()  # type: ignore[no-untyped-call]
        # What goes wrong with a folder has no class in common.
        try:
            with _silence():
                return SentenceTransformer(str(folder), device="cpu", local_files_only=True).float().eval()
        except Exception as error:
            raise EncoderUnusable(
                f"The encoder in {folder} cannot be opened: {str(error).strip().rstrip('.')}.",
                "Copy the folder again, or name another in [encoder] name.",
            ) from error


def require_folder(folder: Path) -> None:
    """Raises `EncoderUnusable` where `folder` is no sentence-transformers folder."""
    if not (folder / MODULES_FILE).is_file():
        raise EncoderUnusable(
            f"{folder} is no sentence-transformers folder: it holds no {MODULES_FILE}.",
            "Name a folder that sentence-transformers has saved in [encoder] name.",
        )


@contextmanager
def offline() -> Iterator[None]:
    """Hugging Face's libraries read these as they are imported; afterwards the environment is as it was."""
    before = {name: os.environ.get(name) for name in _OFFLINE}
    os.environ.update(_OFFLINE)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def without_torchvision() -> Iterator[None]:
    """Transformers imports torchvision where it finds it, and breaks on one of another build than torch.

    It looks once and remembers, so it is enough to hide it for that moment.
    """
    absent = "torchvision" not in sys.modules
    before = sys.modules.get("torchvision")
    sys.modules["torchvision"] = None  # type: ignore[assignment]
    try:
        from transformers.utils.import_utils import is_torchvision_available

        is_torchvision_available()
        yield
    finally:
        if absent:
            del sys.modules["torchvision"]
        else:
            sys.modules["torchvision"] = before  # type: ignore[assignment]


@contextmanager
def _silence() -> Iterator[None]:
    """No log lines of these libraries, which set their levels as they are imported: what is wrong is raised."""
    loggers = [logging.getLogger(name) for name in ("transformers", "sentence_transformers", "huggingface_hub")]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.CRITICAL)
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
