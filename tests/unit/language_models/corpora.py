"""Small corpora for the tests of pretraining."""

import lzma
from pathlib import Path

from firstline.text.rules import TextRules

RULES = TextRules.of_language("ru")
RUSSIAN = "Вчера перевёл деньги, а они так и не пришли."


def written(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    content = content if isinstance(content, bytes) else content.encode()
    path.write_bytes(lzma.compress(content) if path.suffix == ".xz" else content)
    return path
