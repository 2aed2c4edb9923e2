"""What the masks find, by kind and form: python -m benchmarks.masks [FILE]

FILE has one JSON object a line: `kind`, `form`, `text`, and `secret`, the part of the text that must be
gone. Texts of the kind `keep` hold nothing personal and must stay as they are.
"""

import argparse
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from benchmarks.table import print_rows
from firstline.text.masks import MASKS_VERSION, Masker

DEFAULT_FILE = Path(__file__).parents[2] / "shared" / "cases" / "masking" / "forms.jsonl"
KEEP = "keep"
PROMISED = (
    "card",
    "phone_ru",
    "phone_foreign",
    "email",
    "passport",
    "snils",
    "inn",
    "oms",
    "driver",
    "account",
    "birth",
    "handle",
    "plate",
    "secret",
)
"""The kinds that docs/privacy.md promises."""


class Form(msgspec.Struct, frozen=True):
    """A text, and what of it must be gone."""

    kind: str
    form: str
    text: str
    secret: str = ""


@dataclass(frozen=True)
class Masked:
    """A form and its text after masking."""

    form: Form
    text: str

    @property
    def is_right(self) -> bool:
        """Whether the secret is gone, or, of the kind `keep`, nothing has changed but white space."""
        written = " ".join(self.form.text.split())
        if self.form.kind == KEEP:
            return self.text == written
        return self.text != written and " ".join(self.form.secret.split()) not in self.text


def read_forms(file: Path) -> list[Form]:
    """The forms of a file. Raises `OSError` and `msgspec.DecodeError`."""
    return msgspec.json.decode(b"[" + b",".join(file.read_bytes().splitlines()) + b"]", type=list[Form])


def mask_forms(forms: Iterable[Form]) -> list[Masked]:
    """Every text as `firstline import` stores it."""
    mask = Masker()
    return [Masked(form, mask(form.text)) for form in forms]


def share_right(masked: Sequence[Masked]) -> float:
    """The share of texts that are masked as they should be, 0 to 1."""
    return sum(item.is_right for item in masked) / len(masked)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, nargs="?", default=DEFAULT_FILE)
    file = parser.parse_args().file
    if not file.is_file():
        sys.exit(f"{file} does not exist. Name a file of masking forms: python -m benchmarks.masks FILE")
    masked = mask_forms(read_forms(file))
    print_rows(f"Recall of {MASKS_VERSION} by kind", ("kind", "promised", "gone", "forms left"), _rows(masked))
    promised = [item for item in masked if item.form.kind in PROMISED]
    if promised:
        print(f"\nPromised kinds: {share_right(promised):.1%} of {len(promised)} gone")
    kept = [item for item in masked if item.form.kind == KEEP]
    if kept:
        print(f"Kind keep: {1 - share_right(kept):.1%} of {len(kept)} changed")
        for item in kept:
            if not item.is_right:
                print(f"  {item.form.text} -> {item.text}")


def _rows(masked: Sequence[Masked]) -> list[tuple[str, str, str, str]]:
    kinds = dict.fromkeys(item.form.kind for item in masked if item.form.kind != KEEP)
    rows = []
    for kind in kinds:
        of_kind = [item for item in masked if item.form.kind == kind]
        left = [item.form.form for item in of_kind if not item.is_right]
        gone = f"{len(of_kind) - len(left)} of {len(of_kind)}"
        rows.append((kind, "yes" if kind in PROMISED else "no", gone, ", ".join(left)))
    return rows


if __name__ == "__main__":
    main()
