"""What can be set of each candidate, and in which range: read by `[candidates]` and `firstline search`.

Beside the candidates rather than in them, so that settings are checked without loading what trains.
"""

from collections.abc import Mapping
from types import MappingProxyType

from firstline.errors import SettingsInvalid
from firstline.training.candidates.ranges import Choice, Decimal, Integer, Space, Value, problems_of

_LINEAR: Space = {
    "words_to": Integer(1, 3, 2),
    "chars_from": Integer(1, 3, 2),
    "chars_to": Integer(3, 6, 4),
    "case_tokens": Choice((True, False), True),
    "C": Decimal(0.1, 1_000.0, 30.0, is_log=True),
}

SPACES: Mapping[str, Space] = MappingProxyType(
    {
        "linear.v1": _LINEAR,
        "lsa.v1": {
            **_LINEAR,
            "n_components": Integer(20, 500, 300),
            "share": Decimal(0.1, 5.0, 1.0, is_log=True),
        },
        "forest.v1": {
            "words_to": Integer(1, 3, 1),
            "chars_from": Integer(1, 3, 2),
            "chars_to": Integer(3, 6, 5),
            "case_tokens": Choice((True, False), False),
            "n_trees": Integer(50, 600, 300),
            "min_df": Integer(1, 6, 3),
            "max_features": Choice(("sqrt", "log2"), "sqrt"),
        },
        "embedding.v1": {"C": Decimal(0.1, 1_000.0, 10.0, is_log=True)},
        "encoder.v1": {
            "n_epochs": Integer(2, 15, 6),
            "rate": Decimal(1e-5, 5e-4, 1e-4, is_log=True),
            "decay": Decimal(0.6, 1.0, 0.9),
            "dropout": Decimal(0.0, 0.5, 0.1),
            "smoothing": Decimal(0.0, 0.3, 0.1),
            "contrastive": Decimal(0.0, 1.0, 0.1),
            "n_unlabelled": Integer(0, 50_000, 5_000),
            "unlabelled_epochs": Integer(1, 5, 2),
            "sharpness": Decimal(0.5, 4.0, 2.0),
        },
        "ulmfit.v1": {
            "n_members": Integer(1, 4, 2),
            "n_epochs": Integer(2, 20, 3),
            "rate": Decimal(5e-4, 2e-2, 4e-3, is_log=True),
            "decay": Decimal(1.0, 4.0, 1.0),
            "dropout_factor": Decimal(0.0, 1.0, 0.2),
            "smoothing": Decimal(0.0, 0.3, 0.1),
            "sharpness": Decimal(0.5, 4.0, 2.0),
        },
        "tpot.v1": {
            "over": Choice(("components", "vectors"), "components"),
            "n_components": Integer(20, 500, 150),
            "population": Integer(4, 200, 16),
            "generations": Integer(1, 200, 4),
            "minutes": Decimal(0.5, 600.0, 3.0, is_log=True),
        },
        "blend.v1": {},
    }
)
"""By candidate. A candidate without anything to set has an empty space."""


def checked(candidates: Mapping[str, Mapping[str, Value]]) -> Mapping[str, Mapping[str, Value]]:
    """What `[candidates]` sets, as it is. Raises `SettingsInvalid`, naming the setting and what is expected."""
    for name, values in candidates.items():
        where = f'candidates."{name}"'
        if name not in SPACES:
            raise SettingsInvalid(f"'{where}': there is no candidate '{name}'.", f"Known: {', '.join(SPACES)}")
        for setting, problem in problems_of(values, SPACES[name]).items():
            raise SettingsInvalid(
                f"'{where}.{setting}' {problem}.", "Mend it in firstline.toml, or remove it to have the default."
            )
    return candidates
