"""Writes docs/settings.md from the settings themselves: make docs."""

from pathlib import Path

from firstline.settings.file import settings_sections
from firstline.settings.model import Settings
from firstline.training.candidates.spaces import SPACES
from firstline.training.candidates.ranges import Choice, Decimal, Dimension, Integer

TARGET = Path(__file__).parent.parent / "docs" / "settings.md"


def settings_page() -> str:
    """Every setting, its default and what it does, in Markdown."""
    lines = [
        "# Settings",
        "",
        "What `firstline.toml` holds. Made from `src/firstline/settings/model.py` by `make docs`.",
        "",
        "| setting | default | what it does |",
        "|---|---|---|",
        _row("language", Settings.model_fields["language"].default, Settings.model_fields["language"].description),
    ]
    for name, section, _ in settings_sections():
        lines += [
            _row(f"{name}.{field}", info.default, info.description) for field, info in section.model_fields.items()
        ]
    candidates = Settings.model_fields["candidates"]
    lines += [
        _row("candidates", {}, candidates.description),
        "",
        "## Settings of candidates",
        "",
        "| setting | default | from | to |",
        "|---|---|---|---|",
        *(
            f'| `candidates."{candidate}".{name}` | `{_plain(dimension.default)}` | {_ends(dimension)} |'
            for candidate, space in SPACES.items()
            for name, dimension in space.items()
        ),
    ]
    return "\n".join(lines) + "\n"


def _ends(dimension: Dimension) -> str:
    if isinstance(dimension, Choice):
        return " or ".join(f"`{_plain(option)}`" for option in dimension.options) + " |"
    assert isinstance(dimension, Integer | Decimal)
    return f"{dimension.low:g} | {dimension.high:g}"


def _plain(value: object) -> str:
    return str(value).lower()


def _row(name: str, default: object, description: str | None) -> str:
    plain = list(default) if isinstance(default, tuple) else default
    return f"| `{name}` | `{plain!r}` | {(description or '').replace('|', '/')} |"


if __name__ == "__main__":
    TARGET.write_text(settings_page(), encoding="utf-8")
