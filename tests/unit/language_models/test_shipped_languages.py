"""The language models that lie in `languages/`: whole, said where they come from, and of some use."""

from pathlib import Path

import pytest

from firstline.language_models.adapt import perplexity_of
from firstline.language_models.model import LanguageModel
from firstline.language_models.network import Dropouts
from firstline.language_models.reading import encode
from firstline.text.rules import TextRules

LANGUAGES = Path(__file__).parents[3] / "languages"
LEAST_TOKENS = {"ru": 8_000_000, "en": 5_000_000}
SAID = {
    "ru": "я вчера перевёл деньги, но они до сих пор не пришли. когда придёт ответ на мой вопрос?",
    "en": "the first book was published in the year after the war, and it was one of the most popular in the country.",
}
FOLDERS = sorted(path.parent for path in LANGUAGES.glob("firstline-*/src/*/*/card.json"))


def test_russian_and_english_are_there_in_both_directions() -> None:
    there = {(folder.parent.name, folder.name) for folder in FOLDERS}
    assert there == {(f"firstline_{code}", way) for code in LEAST_TOKENS for way in ("forward", "backward")}


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: f"{folder.parent.name}-{folder.name}")
def test_a_shipped_model_is_whole_and_says_where_it_comes_from(folder: Path) -> None:
    model = LanguageModel.load(folder)
    card = model.card
    assert card.tokens_seen >= LEAST_TOKENS[card.language]
    assert card.direction == folder.name
    assert all(source.licence not in ("", "not stated") for source in card.sources)
    readme = (folder.parents[2] / "README.md").read_text("utf-8")
    assert not [word for word in f"{card.command} {readme}".split() if word.startswith(("/", "`/"))]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: f"{folder.parent.name}-{folder.name}")
def test_a_shipped_model_expects_a_sentence_more_than_its_words_at_random(folder: Path) -> None:
    model = LanguageModel.load(folder)
    network = model.network(Dropouts(0, 0, 0, 0, 0))
    ruled = TextRules.of_language(model.card.language)(SAID[model.card.language])
    (row,) = encode(model.tokenizer, [ruled], model.card.direction)
    mixed = row[[0, *range(1, len(row), 2), *range(2, len(row), 2)]]
    assert perplexity_of(network, [row]) < 0.5 * perplexity_of(network, [mixed]) < 0.1 * model.tokenizer.n_tokens


def test_both_directions_of_a_language_read_the_same_tokens() -> None:
    for package in {folder.parent for folder in FOLDERS}:
        forward, backward = (LanguageModel.load(package / way).tokenizer for way in ("forward", "backward"))
        assert forward.is_same_as(backward)
