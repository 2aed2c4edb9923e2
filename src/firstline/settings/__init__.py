"""The settings of a workspace: what they are (`model`) and the file that holds them (`file`)."""

from firstline.settings.file import FILE_NAME, read_settings, remember_candidate, remember_columns, settings_text
from firstline.settings.model import ClassesSettings, ColumnsSettings, MaskPattern, Settings, UlmfitSettings

__all__ = [
    "FILE_NAME",
    "ClassesSettings",
    "ColumnsSettings",
    "MaskPattern",
    "Settings",
    "UlmfitSettings",
    "read_settings",
    "remember_candidate",
    "remember_columns",
    "settings_text",
]
