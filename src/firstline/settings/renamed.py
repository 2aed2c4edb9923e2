"""Settings that were renamed or removed. The old ones are read for one more release, with a warning."""

import json
import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from firstline.errors import OldSetting, SettingsInvalid

_OLD, _NEW, _VARIABLE = "ulmfit", "ulmfit.v1", "FIRSTLINE_ULMFIT__"
_OLD_DEFAULTS: Mapping[str, object] = {
    "directions": ["forward", "backward"],
    "language_model": "auto",
    "encoder": "auto",
    "tuned_encoder": True,
    "adaptation_epochs": 1,
    "loss": "smoothing",
    "unfreezing": "one_cycle",
}
"""What `firstline init` wrote into each file of 0.1, so nobody chose it."""

_GONE = (("unfreezing", "gradual"), ("loss", "cross_entropy"))
"""What was measured to gain nothing, see docs/EXPERIMENTS.md."""


def with_new_names(values: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """Moves `[ulmfit]` of a settings file, and its environment variables, to `[candidates."ulmfit.v1"]`.

    A value under the new name wins. Raises `SettingsInvalid` if `ulmfit` is not a table.
    """
    values = _without_gone(values, path)
    old = values.get(_OLD, {})
    if not isinstance(old, dict):
        raise SettingsInvalid(f"{path}: '{_OLD}' is not a table.", f'Use the table [candidates."{_NEW}"].')
    variables = _from_environment()
    if not variables and _OLD not in values:
        return dict(values)
    if _OLD in values:
        _warn(f'{path}: [{_OLD}] is now called [candidates."{_NEW}"]; {_what_to_do(old)}.')
    for name in variables:
        _warn(f"{_VARIABLE}{name.upper()} is read for one more release. Set it as FIRSTLINE_CANDIDATES, a JSON object.")
    chosen = _chosen({**old, **variables})
    new = {name: value for name, value in values.items() if name != _OLD}
    candidates = new.get("candidates", {})
    if chosen and isinstance(candidates, dict):
        new["candidates"] = {**candidates, _NEW: {**chosen, **candidates.get(_NEW, {})}}
    return new


def _chosen(found: Mapping[str, Any]) -> dict[str, Any]:
    """What a team chose, and today's Firstline can do."""
    chosen = {name: value for name, value in found.items() if value != _OLD_DEFAULTS.get(name, ...)}
    return {name: value for name, value in chosen.items() if name != "unfreezing" and (name, value) not in _GONE}


def _without_gone(values: Mapping[str, Any], path: Path) -> Mapping[str, Any]:
    """Without `decay` of `ulmfit.v1`: rates that differ by layer never answered better."""
    candidates = values.get("candidates", {})
    table = candidates.get(_NEW, {}) if isinstance(candidates, dict) else {}
    if not isinstance(table, dict) or "decay" not in table:
        return values
    _warn(f"{path}: 'decay' of {_NEW} is ignored: it never answered better than the default.")
    left = {name: value for name, value in table.items() if name != "decay"}
    return {**values, "candidates": {**candidates, _NEW: left}}


def _what_to_do(old: Mapping[str, Any]) -> str:
    chosen = _chosen(old)
    ignored = [name for name, value in old.items() if (name, value) in _GONE]
    parts = [f"move {', '.join(chosen)} there"] if chosen else []
    if ignored:
        parts.append(f"delete {', '.join(ignored)}, which is ignored: it never answered better")
    return " and ".join(parts) or "delete it: it holds only defaults"


def _from_environment() -> dict[str, Any]:
    """`FIRSTLINE_ULMFIT__DIRECTIONS=["forward"]` and the like: JSON, or a text."""
    names = [name for name in os.environ if name.upper().startswith(_VARIABLE)]
    return {name[len(_VARIABLE) :].lower(): _value(os.environ[name]) for name in names}


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _warn(text: str) -> None:
    warnings.warn(text, OldSetting, stacklevel=4)
