"""The settings of a workspace: what they are (`model`), and the file that holds them (`file`, `fresh`, `renamed`)."""

from firstline.settings.file import (
    FILE_NAME,
    read_settings,
    remember_candidate,
    remember_columns,
    remember_none,
    settings_of_environment,
)
from firstline.settings.fresh import settings_text
from firstline.settings.model import ClassesSettings, ColumnsSettings, ConsoleSettings, MaskPattern, Settings

__all__ = [
    "FILE_NAME",
    "ClassesSettings",
    "ColumnsSettings",
    "ConsoleSettings",
    "MaskPattern",
    "Settings",
    "read_settings",
    "remember_candidate",
    "remember_columns",
    "remember_none",
    "settings_of_environment",
    "settings_text",
]
