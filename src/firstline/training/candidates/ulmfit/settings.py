"""The settings of `ulmfit.v1`; the defaults were chosen by experiment, see docs/EXPERIMENTS.md."""

from dataclasses import dataclass, replace
from typing import Literal

from firstline.language_models.reading import rows_and_epochs
from firstline.training.candidates.base import Context
from firstline.training.candidates.ranges import number, one_of, several, text, whole
from firstline.types import Direction

NAME = "ulmfit.v1"
LossName = Literal["focal", "smoothing"]
# No two trainings whose seeds are near each other share a member.
_SEED_STEP = 1_000_003
_LEAST_BATCHES, _ENOUGH_BATCHES = 120, 600


@dataclass(frozen=True)
class UlmfitSettings:
    """Those of the classifiers, of the language models below them, and of their teacher.

    `n_epochs` counts passes over labelled and unlabelled messages together; a labelled message comes
    `copies` times in each. `n_members` classifiers are trained for each direction, each with a seed of its own, and
    answer together (Lakshminarayanan et al. 2017).
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
    copies: int = 3
    max_rows: int = 128

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

    def seeds(self, seed: int) -> list[int]:
        """Those of the members, for a training with `seed`."""
        return [(seed + _SEED_STEP * place) % 2**32 for place in range(self.n_members)]

    def for_as_many(self, n_rows: int) -> "UlmfitSettings":
        """Few messages are read in smaller batches and more often, so that there is a number of steps at all."""
        n_batches = min(_ENOUGH_BATCHES, _LEAST_BATCHES + n_rows // 20)
        max_rows, n_epochs = rows_and_epochs(n_rows, self.max_rows, self.n_epochs, n_batches)
        return replace(self, max_rows=max_rows, n_epochs=n_epochs)


def settings_of(context: Context) -> UlmfitSettings:
    """What the workspace has chosen."""
    return UlmfitSettings(**context.chosen_for(NAME))
