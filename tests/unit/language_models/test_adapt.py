import copy
import itertools
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch

from firstline.errors import CheckpointUnusable, LanguageModelUnusable, PoolTooSmall
from firstline.language_models import adapt as module
from firstline.language_models.adapt import (
    AdaptProgress,
    AdaptSettings,
    adapt,
    require_pool,
)
from firstline.language_models.model import LanguageModel, weights_of
from firstline.language_models.network import LanguageNetwork
from firstline.neural import loop
from firstline.text.tokenizer import Tokenizer
from firstline.types import Direction
from tests.unit.language_models.corpora import RULES
from tests.unit.language_models.messages import meanings, patterned, pretrained

TEXTS = patterned(120)
QUICK = AdaptSettings(n_epochs=2, rate=2e-2, n_negatives=50, held_out_share=0.1)

pytestmark = pytest.mark.usefixtures("small_shape")


def run(
    texts: Sequence[str] = TEXTS,
    settings: AdaptSettings = QUICK,
    base: LanguageModel | None = None,
    work: Path | None = None,
    stop_after: int | None = None,
    direction: Direction = "forward",
    tokenizer: Tokenizer | None = None,
) -> tuple[list[AdaptProgress], LanguageModel | None]:
    """The rounds, and the model; it is stopped after so many rounds."""
    done: list[AdaptProgress] = []
    steps = adapt(base, texts, meanings(list(texts)), "ru", RULES, direction, settings, work, tokenizer)
    while True:
        try:
            done.append(next(steps))
        except StopIteration as end:
            return done, end.value
        if len(done) == stop_after:
            steps.close()
            return done, None


def adapted(**arguments: object) -> LanguageModel:
    model = run(**arguments)[1]  # type: ignore[arg-type]
    assert model is not None
    return model


def assert_same(one: LanguageModel, two: LanguageModel) -> None:
    assert one.card == two.card
    assert one.tokenizer.is_same_as(two.tokenizer)
    assert all(torch.equal(one.weights[name], two.weights[name]) for name in one.weights)


def test_perplexity_falls_on_texts_with_a_pattern() -> None:
    done, model = run(patterned(1_200), replace(QUICK, n_epochs=8, rounds_per_epoch=1))
    found = [step.perplexity for step in done if step.perplexity is not None]
    assert model is not None
    assert len(found) == 8
    assert found[-1] < found[0] < model.tokenizer.n_tokens
    assert found[-1] < model.tokenizer.n_tokens / 3
    assert model.card.perplexity_per_token == round(found[-1], 2)


@pytest.mark.skipif(not torch.cpu._is_avx512_bf16_supported(), reason="no LSTM in bfloat16 on this processor")
def test_it_learns_in_bfloat16_nearly_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for is_fast in (False, True):
        monkeypatch.setattr(loop, "has_fast_bfloat16", lambda device, is_fast=is_fast: is_fast)
        found.append(run()[0][-1].perplexity)
    assert found[0] != found[1]
    assert found[1] == pytest.approx(found[0], rel=0.1)


def test_few_messages_are_read_more_often_in_smaller_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LEAST_BATCHES", 40)
    falling = itertools.count(100, -1)
    monkeypatch.setattr(module, "perplexity_of", lambda *_: next(falling))
    done, model = run()
    assert model is not None
    # 108 messages are learned from, 16 a batch, 7 batches an epoch.
    assert sum(step.perplexity is not None for step in done) == 6
    assert model.card.settings["n_epochs"] == QUICK.n_epochs


def test_long_messages_make_more_batches_and_so_fewer_epochs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LEAST_BATCHES", 600)
    short, long = np.full(500, 20), np.full(500, 120)
    assert module.batches_of(10_000, short, AdaptSettings()) == (128, 8)
    assert module.batches_of(10_000, long, AdaptSettings()) == (128, 3)
    assert module.batches_of(10_000, long, AdaptSettings(n_epochs=5)) == (128, 5)


def test_the_card_says_what_was_done() -> None:
    card = adapted().card
    assert (card.language, card.direction, card.text_rules, card.base) == ("ru", "forward", RULES.names, {})
    assert card.command == "firstline adapt"
    assert card.settings["n_epochs"] == 2
    assert card.tokens_seen > 2 * 108 * 5


def test_a_backward_model_shares_the_tokenizer_of_the_forward_one() -> None:
    forward = adapted()
    backward = adapted(texts=patterned(60, first=500), direction="backward", tokenizer=forward.tokenizer)
    assert backward.tokenizer.is_same_as(forward.tokenizer)
    assert backward.card.direction == "backward"


def test_same_texts_and_seed_give_the_same_weights() -> None:
    assert_same(adapted(), adapted())
    other = adapted(settings=replace(QUICK, seed=1))
    assert not torch.equal(other.weights["bias"], adapted().weights["bias"])


@pytest.mark.parametrize("stop_after", [1, 2, 3])
def test_a_stopped_adaptation_goes_on_and_ends_as_an_undisturbed_one(tmp_path: Path, stop_after: int) -> None:
    settings = replace(QUICK, n_epochs=4, rounds_per_epoch=1)
    run(settings=settings, work=tmp_path, stop_after=stop_after)
    done, model = run(settings=settings, work=tmp_path)
    assert model is not None
    # What was done after the last checkpoint is done again.
    assert done[0].done == stop_after
    assert_same(model, adapted(settings=settings))


@pytest.mark.parametrize("change", ["texts", "settings", "base"])
def test_a_checkpoint_of_another_adaptation_is_left(tmp_path: Path, change: str) -> None:
    base = pretrained()
    other = copy.copy(base)
    other.card = msgspec.structs.replace(base.card, files={"weights.safetensors": "2"})
    run(base=base, work=tmp_path, stop_after=2, settings=replace(QUICK, rounds_per_epoch=1))
    changed = {"texts": patterned(121), "settings": replace(QUICK, rounds_per_epoch=1, rate=1e-2), "base": other}
    arguments = {"base": base, "settings": replace(QUICK, rounds_per_epoch=1), "texts": TEXTS, change: changed[change]}
    done, _ = run(work=tmp_path, **arguments)  # type: ignore[arg-type]
    assert done[0].done == 1


def test_a_damaged_checkpoint_is_left(tmp_path: Path) -> None:
    (tmp_path / "checkpoint.pt").write_bytes(b"damaged")
    assert_same(adapted(work=tmp_path), adapted())


def test_a_checkpoint_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CheckpointUnusable, match="cannot be written"):
        run(work=tmp_path / "file")


def test_what_messages_mean_goes_into_a_pretrained_embedding_and_nowhere_else() -> None:
    base = pretrained()
    model = adapted(base=base, settings=replace(QUICK, rate=0.0))
    before, after = (found.weights["encoder.encoder.weight"] for found in (base, model))
    is_changed = (after[:-1] != before).any(dim=1)
    assert 0 < int(is_changed.sum()) < len(before)
    others = [name for name in base.weights if name not in ("encoder.encoder.weight", "bias")]
    assert all(torch.equal(model.weights[name], base.weights[name]) for name in others)


def test_special_tokens_of_the_workspace_join_a_pretrained_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "with_meaning", lambda model, *_: model)
    base = pretrained()
    # A rate of 0 leaves all as it is at the start.
    model = adapted(base=base, settings=replace(QUICK, rate=0.0))
    assert model.tokenizer.special_tokens == (*base.tokenizer.special_tokens, "xxseg_lead")
    before, after = (found.weights["encoder.encoder.weight"] for found in (base, model))
    assert torch.equal(after[:-1], before)
    torch.testing.assert_close(after[-1], before.mean(dim=0))
    assert torch.equal(model.weights["bias"][:-1], base.weights["bias"])


def test_a_pretrained_model_is_named_and_left_as_it_was() -> None:
    base = pretrained()
    before = {name: tensor.clone() for name, tensor in base.weights.items()}
    model = adapted(base=base)
    assert model.card.base == base.card.files
    assert model.shape == base.shape
    assert all(torch.equal(base.weights[name], tensor) for name, tensor in before.items())
    assert not torch.equal(model.weights["encoder.rnns.0.weight_hh_l0_raw"], before["encoder.rnns.0.weight_hh_l0_raw"])


def test_a_pretrained_model_by_other_rules_is_refused() -> None:
    base = pretrained()
    base.card = msgspec.structs.replace(base.card, text_rules=RULES.names[:-1])
    with pytest.raises(LanguageModelUnusable, match=r"the workspace reads by white_space\.v1"):
        run(base=base)


def test_a_pretrained_model_with_another_tokenizer_than_the_other_direction_is_refused() -> None:
    with pytest.raises(LanguageModelUnusable, match="has another tokenizer"):
        run(base=pretrained("backward"), tokenizer=adapted().tokenizer, direction="backward")


@pytest.mark.parametrize("texts", [[], TEXTS[:9], [*TEXTS[:9], *[""] * 20]])
def test_too_few_messages_are_refused(texts: list[str]) -> None:
    with pytest.raises(PoolTooSmall, match=f"needs 10 messages to adapt to, got {min(len(texts), 9)}"):
        require_pool(texts)
    with pytest.raises(PoolTooSmall):
        run(texts)


def test_ten_messages_are_enough() -> None:
    assert adapted(texts=TEXTS[:10]).card.perplexity_per_token


def test_empty_messages_are_left_out() -> None:
    with_empty = [text for n, text in enumerate(TEXTS) for text in ([text, ""] if n % 10 == 0 else [text])]
    assert_same(adapted(texts=with_empty), adapted())


def test_messages_with_more_letters_than_pieces_are_learned_from() -> None:
    random = np.random.default_rng(0)
    texts = ["".join(map(chr, random.integers(0x4E00, 0x5200, 60))) for _ in range(12)]
    assert len(set("".join(texts))) > 300
    assert adapted(texts=texts).tokenizer.n_pieces > 300


def test_masks_alone_and_a_text_without_end_are_learned_from() -> None:
    assert adapted(texts=[*TEXTS[:20], *["xxmask_phone"] * 5, "карта " * 2_000, "...", "☃"])


def test_without_any_epoch_the_model_is_as_it_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LEAST_BATCHES", 40)
    done, model = run(base=pretrained(), settings=replace(QUICK, n_epochs=0))
    assert done == []
    assert model is not None
    assert model.card.perplexity_per_token is None


def test_it_stops_once_held_out_text_gets_no_likelier_and_keeps_the_best(monkeypatch: pytest.MonkeyPatch) -> None:
    found, weights = iter([9.0, 5.0, 6.0, 9.0]), []

    def fake(network: LanguageNetwork, _: object) -> float:
        weights.append(weights_of(network))
        return next(found)

    monkeypatch.setattr(module, "perplexity_of", fake)
    done, model = run(settings=replace(QUICK, n_epochs=9, rounds_per_epoch=1))
    assert model is not None
    assert [step.perplexity for step in done] == [9.0, 5.0, 6.0]
    assert model.card.perplexity_per_token == 5.0
    assert model.card.tokens_seen == 2 * adapted(settings=replace(QUICK, n_epochs=1)).card.tokens_seen
    assert torch.equal(model.weights["bias"], weights[1]["bias"])
    assert not torch.equal(model.weights["bias"], weights[2]["bias"])
