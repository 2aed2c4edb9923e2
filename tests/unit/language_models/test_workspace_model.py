import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
import torch

from firstline.errors import FileUnwritable, LanguageModelUnusable
from firstline.language_models.adapt import AdaptSettings
from firstline.language_models.model import LanguageModel
from firstline.language_models.workspace_model import adapted_model, kept_model, tokenizer_for
from firstline.steps import Stage
from firstline.text.rules import TextRules
from firstline.text.tokenizer import Tokenizer
from tests.unit.language_models.corpora import RULES
from tests.unit.language_models.messages import meanings, patterned, pretrained

TEXTS = patterned(40)
QUICK = AdaptSettings(n_epochs=1, n_negatives=50, rounds_per_epoch=1)

pytestmark = pytest.mark.usefixtures("small_shape")


def run(
    folder: Path | None,
    texts: list[str] = TEXTS,
    base: LanguageModel | None = None,
    is_forced: bool = False,
    rules: TextRules = RULES,
    tokenizer: Tokenizer | None = None,
    settings: AdaptSettings = QUICK,
) -> tuple[list[Stage], LanguageModel]:
    """What was told on the way, nothing where a model was kept; and the model."""
    told: list[Stage] = []
    steps = adapted_model(
        folder,
        texts,
        meanings(texts),
        "ru",
        rules,
        "forward",
        settings,
        base=base,
        is_forced=is_forced,
        tokenizer=tokenizer,
    )
    while True:
        try:
            told.append(next(steps))
        except StopIteration as end:
            return told, end.value


def another_base() -> LanguageModel:
    base = pretrained()
    base.card = msgspec.structs.replace(base.card, files={"weights.safetensors": "2"})
    return base


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Holds a model of `TEXTS`."""
    run(tmp_path / "forward")
    return tmp_path / "forward"


def test_progress_is_told(tmp_path: Path) -> None:
    told, _ = run(tmp_path / "forward")
    assert [(stage.what, stage.done, stage.total) for stage in told] == [("forward language model", 1, 1)]
    assert "held-out perplexity" in told[0].detail


def test_what_is_kept_is_what_is_used_at_once(tmp_path: Path) -> None:
    _, at_once = run(tmp_path / "forward")
    told, later = run(tmp_path / "forward")
    assert told == []
    assert at_once.card == later.card
    assert all(torch.equal(weights, later.weights[name]) for name, weights in at_once.weights.items())


def test_it_is_kept_for_the_next_time(folder: Path) -> None:
    told, model = run(folder)
    assert told == []
    assert model.card == LanguageModel.load(folder).card
    assert [path.name for path in folder.parent.iterdir()] == ["forward"]


def test_without_a_folder_nothing_is_kept() -> None:
    told, model = run(None)
    assert told
    assert model.card.tokens_seen > 0


def test_it_is_kept_while_the_messages_have_hardly_changed(folder: Path) -> None:
    # 4 of 44 are new; messages that went do not count.
    assert run(folder, patterned(44))[0] == []
    assert run(folder, TEXTS[:10])[0] == []


def test_it_is_made_again_once_more_than_a_tenth_is_new(folder: Path) -> None:
    assert run(folder, patterned(45))[0]
    assert run(folder, patterned(45))[0] == []


def test_it_is_made_again_where_that_is_asked_for(folder: Path) -> None:
    assert run(folder, is_forced=True)[0]


@pytest.mark.parametrize("name", ["weights.safetensors", "card.json", "seen.npy", "tokens.json", "tokenizer.model"])
def test_a_damaged_one_is_made_again(folder: Path, name: str) -> None:
    (folder / name).write_bytes(b"damaged")
    assert run(folder)[0]
    assert run(folder)[0] == []


def test_one_that_does_not_say_what_it_has_seen_is_made_again(tmp_path: Path) -> None:
    run(None)[1].save(tmp_path / "forward")
    assert run(tmp_path / "forward")[0]


def test_one_that_reads_by_other_rules_is_made_again(folder: Path) -> None:
    assert run(folder, rules=TextRules(RULES.names[:-1]))[0]


def test_one_with_another_tokenizer_than_the_other_direction_is_made_again(folder: Path) -> None:
    told, model = run(folder, tokenizer=pretrained().tokenizer)
    assert told
    assert model.tokenizer.is_same_as(pretrained().tokenizer)


def test_one_from_another_pretrained_model_is_made_again(folder: Path) -> None:
    assert run(folder, base=pretrained())[0]
    assert run(folder, base=pretrained())[0] == []
    assert run(folder, base=another_base())[0]


def test_one_from_a_pretrained_model_is_kept_where_none_is_named(folder: Path) -> None:
    run(folder, base=pretrained())
    told, model = run(folder)
    assert told == []
    assert model.card.base == pretrained().card.files


def test_one_from_a_pretrained_model_is_adapted_on_where_none_is_named(folder: Path) -> None:
    run(folder, base=pretrained())
    told, model = run(folder, patterned(60), settings=replace(QUICK, rate=0.0))
    assert told
    assert model.card.base == pretrained().card.files
    assert model.shape == pretrained().shape
    assert run(folder, patterned(60), base=pretrained())[0] == []


def test_one_from_a_pretrained_model_is_adapted_on_though_there_are_new_special_tokens(folder: Path) -> None:
    run(folder, base=pretrained())
    texts = [f"xxseg_vip {text}" for text in TEXTS]
    told, model = run(folder, texts, tokenizer=tokenizer_for(folder, texts, "ru", RULES, QUICK, None, is_forced=False))
    assert told
    assert model.shape == pretrained().shape
    assert "xxseg_vip" in model.tokenizer.special_tokens


@contextmanager
def full_disk() -> Iterator[None]:
    """No language model can be written; checkpoints can."""

    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Tokenizer, "save", fail)
        with pytest.raises(LanguageModelUnusable, match="No space left on device"):
            yield


def test_a_full_disk_leaves_nothing_half_written(tmp_path: Path) -> None:
    with full_disk():
        run(tmp_path / "forward")
    assert [path.name for path in tmp_path.iterdir()] == ["forward.work"]


def test_a_full_disk_leaves_the_one_before(folder: Path) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with full_disk():
        run(folder, is_forced=True)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_after_a_full_disk_nothing_is_learned_again(tmp_path: Path) -> None:
    with full_disk():
        run(tmp_path / "forward")
    told, model = run(tmp_path / "forward")
    assert told == []
    assert model.card.perplexity_per_token
    assert [path.name for path in tmp_path.iterdir()] == ["forward"]


def test_what_a_killed_process_left_does_not_disturb(tmp_path: Path) -> None:
    (tmp_path / "forward.work").mkdir()
    (tmp_path / "forward.work" / ".checkpoint.pt.0.unfinished").write_bytes(b"half")
    unfinished = tmp_path / "forward" / f".new-{os.getpid()}"
    unfinished.mkdir(parents=True)
    (unfinished / "weights.safetensors").write_bytes(b"half")
    run(tmp_path / "forward")
    assert [path.name for path in tmp_path.iterdir()] == ["forward"]
    assert not unfinished.exists()
    assert torch.isfinite(LanguageModel.load(tmp_path / "forward").weights["bias"]).all()


def test_a_file_in_place_of_the_folder_is_said_before_anything_is_learned(tmp_path: Path) -> None:
    (tmp_path / "forward").write_text("")
    with pytest.raises(FileUnwritable, match="is a file, not a folder"):
        run(tmp_path / "forward")
    assert [path.name for path in tmp_path.iterdir()] == ["forward"]


def test_a_place_where_no_folder_can_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FileUnwritable, match="cannot be made"):
        run(tmp_path / "file" / "forward")


def test_a_kept_model_of_another_language_does_not_count(folder: Path) -> None:
    run(folder)
    assert kept_model(folder, "ru", RULES)
    assert kept_model(folder, "uk", RULES) is None
