"""Writes docs/settings.md from the settings themselves: make docs."""

from pathlib import Path

from firstline.settings.file import settings_sections
from firstline.settings.model import Settings
from firstline.training.candidates import CLASSES, find_candidate
from firstline.training.candidates.ranges import declared

TARGET = Path(__file__).parent.parent / "docs" / "settings.md"


def settings_page() -> str:
    """Every setting, its default and what it does, in Markdown."""
    lines = [
        "# Settings",
        "",
        "Everything that `firstline.toml` can set. `make docs` writes this page from the code.",
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
        'Set them in the table of the candidate: `C = 12.5` below `[candidates."linear.v1"]`.',
        "",
        "| setting | default | allowed | what it is |",
        "|---|---|---|---|",
        *(
            f'| `candidates."{candidate}".{name}` | `{_plain(one.default)}` | {one.allowed} | {one.about} |'
            for candidate in CLASSES
            for name, one in declared(find_candidate(candidate).settings_type).items()
        ),
    ]
    return "\n".join(lines) + "\n"


def _plain(value: object) -> str:
    return str(list(value) if isinstance(value, tuple) else value).lower()


def _row(name: str, default: object, description: str | None) -> str:
    plain = list(default) if isinstance(default, tuple) else default
    return f"| `{name}` | `{plain!r}` | {(description or '').replace('|', '/')} |"


if __name__ == "__main__":
    TARGET.write_text(settings_page(), encoding="utf-8")
