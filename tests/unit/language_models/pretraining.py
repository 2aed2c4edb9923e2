"""A corpus of a few words, and a network that learns it in seconds."""

import random
from collections.abc import Generator
from pathlib import Path

from firstline.language_models.card import Card, Shape
from firstline.language_models.corpus import Source
from firstline.language_models.model import LanguageModel
from firstline.language_models.network import LanguageNetwork
from firstline.language_models.pretrain import PretrainEvent, PretrainSettings, pretrain
from firstline.language_models.pretrain_rounds import PretrainRound
from firstline.language_models.tokenizer_training import train_tokenizer

SHAPE = Shape(n_embedding=6, n_hidden=8, n_layers=2)
# 8 rounds of 160 tokens: 6 of the trunk, 2 of the cool-down.
TINY = PretrainSettings(
    "ru", n_pieces=60, shape=SHAPE, n_tokens=8 * 160, device="cpu", n_rows=4, row_tokens=40, checkpoint_s=0
)
TOKENS_PER_ROUND = 160


def write_corpus(path: Path, n_lines: int = 400) -> Source:
    """Sentences of a bank's customers, the same in every call."""
    chance = random.Random(1)
    who, did = ("карта", "оплата", "заявка", "комиссия"), ("пришла", "ушла", "пропала", "вернулась")
    lines = (f"{chance.choice(who).capitalize()} {chance.choice(did)} {chance.choice(did)}." for _ in range(n_lines))
    path.write_text("\n".join(lines), encoding="utf-8")
    return Source(path, path.stem)


def run(
    settings: PretrainSettings, source: Source, folder: Path, stop_after: int | None = None
) -> tuple[list[PretrainRound], LanguageModel | None]:
    """The rounds, and the language model; it is stopped after so many rounds of this run."""
    rounds: list[PretrainRound] = []
    steps: Generator[PretrainEvent, None, LanguageModel] = pretrain(settings, [source], folder)
    while True:
        try:
            event = next(steps)
        except StopIteration as end:
            return rounds, end.value
        if isinstance(event, PretrainRound):
            rounds.append(event)
            if len(rounds) == stop_after:
                steps.close()
                return rounds, None


def small_language_model(text: str = "оплата ушла") -> LanguageModel:
    """With random weights, and a card that says so."""
    from firstline.language_models.card import FORMAT_VERSION
    from firstline.language_models.model import weights_of
    from firstline.language_models.network import Dropouts

    tokenizer = train_tokenizer(["карта пришла", text] * 9, 40)
    network = LanguageNetwork(SHAPE, tokenizer.n_tokens, Dropouts(0, 0, 0, 0, 0))
    card = Card(FORMAT_VERSION, "ru", "forward", SHAPE, (), (), 0, None, None, "none", "none", {})
    return LanguageModel(card, tokenizer, weights_of(network))
