"""The language models of a workspace, one for each direction of reading: what they start from, and their adaptation."""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from firstline.language_models.adapt import AdaptSettings
from firstline.language_models.card import read_card
from firstline.language_models.installed import Language, find_language
from firstline.language_models.model import LanguageModel
from firstline.language_models.workspace_model import adapted_model, kept_model, tokenizer_for
from firstline.neural.side_by_side import Report, run_side_by_side
from firstline.steps import Stage, run_to_end
from firstline.text.rules import TextRules
from firstline.text.tokenizer import MODEL_FILE
from firstline.types import Direction


@dataclass(frozen=True)
class Adaptation:
    """What models are adapted with; `folder` keeps them, and `language_model` names what to start from.

    `is_forced`: from the start, whatever is kept.
    """

    folder: Path | None
    language: str
    rules: TextRules
    directions: tuple[Direction, ...]
    language_model: str
    n_epochs: int
    seed: int = 0
    is_forced: bool = False

    def kept_in(self, direction: Direction) -> Path | None:
        return self.folder / direction if self.folder else None


def adapted_models(
    how: Adaptation,
    texts: Sequence[str],
    meaning: NDArray[np.float32],
    vectors: str,
    bases: Mapping[str, LanguageModel],
    report: Report,
) -> list[LanguageModel]:
    """One for each direction, side by side; all have the tokenizer of the first. `vectors` names what `meaning` is.

    Raises what `adapted_model` raises.
    """
    first = how.directions[0]
    settings = AdaptSettings(n_epochs=how.n_epochs, vectors=vectors, seed=how.seed)
    where = how.language, how.rules
    tokenizer = tokenizer_for(how.kept_in(first), texts, *where, settings, bases.get(first), how.is_forced)

    def start(direction: Direction) -> Callable[[], Generator[Stage, None, LanguageModel]]:
        return partial(
            adapted_model,
            how.kept_in(direction),
            texts,
            meaning,
            *where,
            direction,
            settings,
            base=bases.get(direction),
            is_forced=how.is_forced,
            tokenizer=tokenizer,
        )

    return run_side_by_side([partial(_run, start(direction)) for direction in how.directions], report)


def _run(start: Callable[[], Generator[Stage, None, LanguageModel]], report: Report) -> LanguageModel:
    return run_to_end(start(), report)


def installed_models(how: Adaptation) -> dict[str, LanguageModel]:
    """What to start from: none where kept models are good to go on from, whichever pretrained ones they came from.

    Raises what `find_language` raises.
    """
    language = find_language(how.language_model, how.language, how.directions)
    if language is None or (not how.is_forced and _can_go_on(how, language)):
        return {}
    return {direction: LanguageModel.load(language.folders[direction]) for direction in how.directions}


def _can_go_on(how: Adaptation, installed: Language) -> bool:
    """Whether each direction has a complete adapted model, and all started from pretrained models of one package.

    A model that started from an installed one must have read the messages as many times as the settings now say, so
    that the same settings always give the same model. Any other model has nothing else to start from.
    """
    if how.folder is None:
        return False
    kept = [kept_model(how.folder / direction, how.language, how.rules) for direction in how.directions]
    cards = [model.card for model in kept if model and model.card.base]
    if len(cards) < len(kept) or len({card.base.get(MODEL_FILE) for card in cards}) > 1:
        return False
    if all(card.settings.get("n_epochs") == how.n_epochs for card in cards):
        return True
    return any(card.base != read_card(installed.folders[card.direction]).files for card in cards)
