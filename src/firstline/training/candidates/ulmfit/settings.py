"""The settings of `ulmfit.v1`; the defaults are what won, see docs/EXPERIMENTS.md."""

from dataclasses import dataclass
from typing import Literal

from firstline.training.candidates.base import Context
from firstline.training.candidates.ranges import number, one_of, several, text, whole
from firstline.types import Direction

NAME = "ulmfit.v1"
LossName = Literal["focal", "smoothing"]
# No two trainings whose seeds are near each other share a member.
_SEED_STEP = 1_000_003


@dataclass(frozen=True)
class ClassifierSettings:
    """How the classifier is trained.

    `n_epochs` counts passes over labelled and unlabelled messages together; a labelled message comes
    `copies` times in each. `class_weight_power` 1 weighs all classes the same, 0 all messages. `decay` is how many
    times lower the rate of each layer is than that of the layer above it. `n_members` classifiers are trained for each
    direction, each with a seed of its own, and answer together (Lakshminarayanan et al. 2017).
    """

    n_members: int = whole(2, 1, 4, "classifiers per direction, whose answers are averaged")
    n_epochs: int = whole(3, 2, 20, "how often all messages are read")
    rate: float = number(4e-3, 5e-4, 2e-2, "learning rate of the top layer", is_log=True)
    dropout_factor: float = number(0.2, 0.0, 1.0, "factor for the dropouts in the article (Howard and Ruder 2018)")
    smoothing: float = number(0.1, 0.0, 0.3, "label smoothing: what the true class gives up to all classes")
    sharpness: float = number(2.0, 0.5, 4.0, "power that sharpens the teacher's probabilities for unlabelled messages")
    loss: LossName = one_of(  # noqa: RUF009 (a field)
        "smoothing",
        ("smoothing", "focal"),
        "loss for labelled messages; focal is the one in the article",
        is_searched=False,
    )
    decay: float = 1.0
    copies: int = 3
    focal_gamma: float = 2.0
    class_weight_power: float = 0.0
    weight_decay: float = 0.01
    max_rows: int = 128
    n_head: int = 0

    def seeds(self, seed: int) -> list[int]:
        """Those of the members, for a training with `seed`."""
        return [(seed + _SEED_STEP * place) % 2**32 for place in range(self.n_members)]


@dataclass(frozen=True)
class UlmfitSettings(ClassifierSettings):
    """Those of the classifier, of the language models below it, and of its teacher."""

    directions: tuple[Direction, ...] = several(
        ("forward", "backward"),
        ("forward", "backward"),
        "language models that read the messages; two are more accurate than one and take twice the time",
    )
    language_model: str = text(
        "auto",
        "pretrained language model to start from, as `firstline languages` names it; 'auto' takes the installed one for"
        " the workspace's language, and 'none' learns from the messages alone; after a change, run"
        " `firstline adapt --force`",
    )
    encoder: str = text(
        "auto",
        "sentence encoder for the teacher of unlabelled messages, named as in [encoder]; 'auto' takes an installed one,"
        " and 'none' takes none; serving does not need it",
    )
    tuned_encoder: bool = one_of(
        True,
        (True, False),
        "whether to fine-tune that encoder on the labels before it teaches: more accurate, and minutes longer",
        is_searched=False,
    )
    adaptation_epochs: int = whole(
        1,
        0,
        1_000,
        "how often the language model reads all messages before it learns classes; fewer than about 60,000 messages are"
        " read more often, and 0 switches adaptation off",
        is_searched=False,
    )


def settings_of(context: Context) -> UlmfitSettings:
    """What the workspace has chosen."""
    return UlmfitSettings(**context.chosen_for(NAME))
