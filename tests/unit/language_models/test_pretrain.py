import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from firstline.errors import CheckpointUnusable, CorpusUnusable, LanguageModelUnusable, TrainingError, UsageError
from firstline.language_models.card import read_card
from firstline.language_models.corpus import Source
from firstline.language_models.encoding import EncodedSource, Tokens
from firstline.language_models.mix import Mix
from firstline.language_models.model import LanguageModel
from firstline.language_models.pretrain import pretrain
from firstline.language_models.pretrain_rounds import Chunks
from firstline.neural.loop import TrainingLoop
from tests.unit.language_models.pretraining import TINY, TOKENS_PER_ROUND, run, write_corpus

RESUMED = replace(TINY, is_resumed=True)
FILES = ("weights.safetensors", "tokenizer.model", "tokens.json")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Source:
    return write_corpus(tmp_path_factory.mktemp("corpus") / "bank.txt")


@pytest.fixture(scope="module")
def undisturbed(source: Source, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Do not change it: other tests compare with it."""
    folder = tmp_path_factory.mktemp("lm") / "lm"
    run(TINY, source, folder)
    return folder


def content(folder: Path) -> list[bytes]:
    return [(folder / name).read_bytes() for name in FILES]


def tensors_of(path: Path) -> dict[str, Any]:
    state: dict[str, Any] = torch.load(path, weights_only=True)["state"]
    return state


def test_the_card_says_what_was_done(source: Source, undisturbed: Path) -> None:
    card = read_card(undisturbed)
    assert (card.language, card.direction, card.tokens_seen) == ("ru", "forward", 8 * TOKENS_PER_ROUND)
    assert [(text.name, text.licence) for text in card.sources] == [("bank", "not stated")]
    assert card.sources[0].n_tokens > 1_000
    assert 1 < (card.perplexity_per_character or 0) < (card.perplexity_per_token or 0)
    assert (card.settings["trunk_rounds"], card.settings["rounds"]) == (6, 8)
    assert "core" in card.hardware


def test_licences_are_on_the_card(source: Source, tmp_path: Path) -> None:
    run(replace(TINY, licences={"bank": "CC0"}), source, tmp_path / "lm")
    assert read_card(tmp_path / "lm").sources[0].licence == "CC0"


def test_training_lowers_the_perplexity(source: Source, tmp_path: Path) -> None:
    rounds, model = run(replace(TINY, n_tokens=60 * TOKENS_PER_ROUND, rate=2e-2), source, tmp_path / "lm")
    assert model is not None
    measured = [event.perplexity for event in rounds if event.perplexity is not None]
    assert len(measured) == 6
    assert (model.card.perplexity_per_token or 99) < 0.9 * measured[0]


def test_rounds_are_told(source: Source, tmp_path: Path) -> None:
    rounds, _ = run(TINY, source, tmp_path / "lm")
    assert [event.is_cool_down for event in rounds] == [False] * 6 + [True] * 2
    assert [(event.done, event.total) for event in rounds] == [(place, 8) for place in range(1, 9)]
    assert [event.n_tokens for event in rounds] == [place * TOKENS_PER_ROUND for place in range(1, 9)]
    assert rounds[-1].seconds_left == 0


def test_the_same_seed_gives_the_same_bytes(source: Source, undisturbed: Path, tmp_path: Path) -> None:
    run(TINY, source, tmp_path / "lm")
    assert content(tmp_path / "lm") == content(undisturbed)


@pytest.mark.parametrize("stops", [(1,), (6,), (7,), (8,), (2, 3, 2)])
def test_a_stopped_training_ends_as_an_undisturbed_one(
    source: Source, undisturbed: Path, tmp_path: Path, stops: tuple[int, ...]
) -> None:
    folder = tmp_path / "lm"
    run(replace(TINY, is_resumed=False), source, folder, stops[0])
    for stop in stops[1:]:
        run(RESUMED, source, folder, stop)
    rounds, _ = run(RESUMED, source, folder)
    assert len(rounds) == 8 - sum(stops)
    assert content(folder) == content(undisturbed)


def test_a_training_that_is_stopped_long_after_its_checkpoint_ends_as_an_undisturbed_one(
    source: Source, undisturbed: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "lm"
    run(replace(TINY, checkpoint_s=1e9), source, folder, 7)
    rounds, _ = run(RESUMED, source, folder)
    assert [event.done for event in rounds] == [7, 8]
    assert content(folder) == content(undisturbed)


def test_a_killed_training_ends_as_an_undisturbed_one(source: Source, undisturbed: Path, tmp_path: Path) -> None:
    folder = tmp_path / "lm"
    code = (
        "import sys, time; from pathlib import Path\n"
        "from firstline.language_models.pretrain import PretrainRound, pretrain\n"
        "from firstline.language_models.corpus import Source\n"
        "from tests.unit.language_models.pretraining import TINY\n"
        "events = pretrain(TINY, [Source(Path(sys.argv[1]), 'bank')], Path(sys.argv[2]))\n"
        "rounds = (event for event in events if isinstance(event, PretrainRound))\n"
        "for _ in range(3): next(rounds)\n"
        "print('reached', flush=True); time.sleep(600)"
    )
    command = [sys.executable, "-c", code, str(source.path), str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"reached\n"
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert not (folder / "card.json").exists()
    rounds, _ = run(RESUMED, source, folder)
    assert len(rounds) == 5
    assert content(folder) == content(undisturbed)


def test_a_finished_language_model_is_trained_on_from_its_trunk(
    source: Source, undisturbed: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "lm"
    run(TINY, source, folder)
    trunk = tensors_of(folder / ".work" / "trunk.ckpt")
    assert trunk["n_rounds"] == 6
    rounds, model = run(RESUMED, source, folder)
    assert model is not None
    assert [event.n_tokens for event in rounds] == [n * TOKENS_PER_ROUND for n in range(7, 15)]
    assert model.card.tokens_seen == 14 * TOKENS_PER_ROUND
    assert content(folder) != content(undisturbed)


def test_two_stretches_have_the_trunk_of_one(source: Source, tmp_path: Path) -> None:
    run(TINY, source, tmp_path / "two")
    run(replace(RESUMED, n_tokens=5 * TOKENS_PER_ROUND), source, tmp_path / "two")
    run(replace(TINY, n_tokens=12 * TOKENS_PER_ROUND), source, tmp_path / "one")
    two, one = (tensors_of(tmp_path / name / ".work" / "trunk.ckpt") for name in ("two", "one"))
    assert (two["n_rounds"], one["n_rounds"]) == (10, 10)
    for name, tensor in one["training"]["network"].items():
        assert torch.equal(tensor, two["training"]["network"][name]), name


def test_more_tokens_than_before_lengthen_a_stopped_training(source: Source, tmp_path: Path) -> None:
    run(TINY, source, tmp_path / "stopped", 7)
    longer = replace(RESUMED, n_tokens=12 * TOKENS_PER_ROUND)
    run(longer, source, tmp_path / "stopped")
    run(replace(longer, is_resumed=False), source, tmp_path / "straight")
    assert content(tmp_path / "stopped") == content(tmp_path / "straight")


def test_a_training_bounded_by_time_cools_down_for_a_quarter_of_its_trunk(source: Source, tmp_path: Path) -> None:
    rounds, _ = run(replace(TINY, n_tokens=None, minutes=0.01), source, tmp_path / "lm")
    n_cool_down = sum(event.is_cool_down for event in rounds)
    assert n_cool_down == max(1, round((len(rounds) - n_cool_down) / 4))


def test_a_backward_model_shares_the_tokenizer_of_the_forward_one(
    source: Source, undisturbed: Path, tmp_path: Path
) -> None:
    settings = replace(TINY, direction="backward", n_pieces=None, tokenizer=undisturbed)
    run(settings, source, tmp_path / "lm")
    assert read_card(tmp_path / "lm").direction == "backward"
    assert content(tmp_path / "lm")[1:] == content(undisturbed)[1:]
    assert content(tmp_path / "lm")[0] != content(undisturbed)[0]


def test_a_backward_network_reads_each_row_from_its_end(tmp_path: Path) -> None:
    parts = []
    for name, n_tokens in (("a.u16", 131), ("a.valid.u16", 131)):
        np.arange(n_tokens).astype("<u2").tofile(tmp_path / name)
        parts.append(Tokens(tmp_path / name, n_tokens, n_tokens))
    mix = Mix([EncodedSource("a", 1.0, *parts)], 0, n_rows=1, row_tokens=131)
    for direction, step in (("forward", 1), ("backward", -1)):
        chunks = Chunks(mix, direction)  # type: ignore[arg-type]
        batches = chunks.batches(0)
        assert [ids.shape[1] for ids, _ in batches] == [64, 64, 2]
        assert len(batches) == chunks.n_batches
        read = torch.cat([ids for ids, _ in batches], dim=1)[0].tolist()
        assert read == list(range(131))[::step][:130]
        assert torch.cat([targets for _, targets in batches], dim=1)[0].tolist() == list(range(131))[::step][1:]
        assert chunks.validation(131)[0][0].tolist() == list(range(131))[::step]


def test_a_folder_with_a_training_is_refused(source: Source, undisturbed: Path, tmp_path: Path) -> None:
    run(TINY, source, tmp_path / "lm", 1)
    for folder in (tmp_path / "lm", undisturbed):
        with pytest.raises(TrainingError, match="already contains a training") as error:
            run(TINY, source, folder)
        assert "--resume" in error.value.next_step


@pytest.mark.parametrize("is_resumed", [False, True])
def test_a_folder_of_something_else_is_refused(source: Source, tmp_path: Path, is_resumed: bool) -> None:
    (tmp_path / "notes.txt").write_text("")
    with pytest.raises(TrainingError, match="is not empty"):
        run(replace(TINY, is_resumed=is_resumed), source, tmp_path)


def test_a_language_model_without_its_checkpoints_cannot_be_trained_on(
    source: Source, undisturbed: Path, tmp_path: Path
) -> None:
    LanguageModel.load(undisturbed).save(tmp_path / "lm")
    with pytest.raises(CheckpointUnusable, match=r"the checkpoints in \.work are missing"):
        run(RESUMED, source, tmp_path / "lm")


def test_resuming_where_nothing_is_begins(source: Source, undisturbed: Path, tmp_path: Path) -> None:
    run(RESUMED, source, tmp_path / "lm")
    assert content(tmp_path / "lm") == content(undisturbed)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"size": "base", "shape": None}, r"its size is small \(6/8 x 2\), expected base \(400/1152 x 3\)"),
        ({"n_pieces": 70}, "its tokenizer is its own, of 60 pieces, expected its own, of 70 pieces"),
        ({"direction": "backward"}, "its direction is forward, expected backward"),
        ({"n_rows": 8}, "its number of rows is 4, expected 8"),
        ({"seed": 2}, "its seed is 0, expected 2"),
    ],
)
def test_another_training_does_not_go_on(
    source: Source, undisturbed: Path, changed: dict[str, Any], message: str
) -> None:
    with pytest.raises(CheckpointUnusable, match=message):
        run(replace(RESUMED, **changed), source, undisturbed)


def test_a_checkpoint_of_another_tokenizer_does_not_go_on(source: Source, undisturbed: Path, tmp_path: Path) -> None:
    folder = tmp_path / "lm"
    run(replace(TINY, n_pieces=50), source, folder, 1)
    (folder / ".work" / "trunk.ckpt").write_bytes((undisturbed / ".work" / "trunk.ckpt").read_bytes())
    with pytest.raises(CheckpointUnusable, match="its tokenizer is its own, of 60 pieces"):
        run(replace(RESUMED, n_pieces=50), source, folder)


def test_another_text_does_not_go_on(undisturbed: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointUnusable, match="its text is bank"):
        run(RESUMED, write_corpus(tmp_path / "bank.txt", 300), undisturbed)


def test_another_language_is_an_error_that_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "bank.txt"
    path.write_text("my card\n" * 300)
    with pytest.raises(CorpusUnusable, match="are Latin, expected Cyrillic"):
        run(TINY, Source(path, "bank"), tmp_path / "lm")
    assert not (tmp_path / "lm").exists()


def test_too_little_text_is_told_before_the_training(tmp_path: Path) -> None:
    with pytest.raises(CorpusUnusable, match="No text is held out"):
        run(TINY, write_corpus(tmp_path / "bank.txt", 100), tmp_path / "lm")


def test_a_failed_beginning_is_no_work_to_go_on_with(source: Source, undisturbed: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="too few"):
        run(replace(TINY, n_pieces=10), source, tmp_path / "lm")
    run(TINY, source, tmp_path / "lm")
    assert content(tmp_path / "lm") == content(undisturbed)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"size": "huge"}, "no size 'huge'"),
        ({"n_tokens": 0}, "The number of tokens is 0"),
        ({"licences": {"wiki": "CC0"}}, "no source has that name"),
        ({"tokenizer": Path("lm")}, "has its own pieces"),
    ],
)
def test_settings_that_make_no_sense_are_errors(
    source: Source, tmp_path: Path, changed: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        run(replace(TINY, **changed), source, tmp_path / "lm")


def test_a_tokenizer_for_another_language_is_an_error(tmp_path: Path, undisturbed: Path) -> None:
    path = tmp_path / "bank.txt"
    path.write_text("my card\n" * 300)
    settings = replace(TINY, language="en", n_pieces=None, tokenizer=undisturbed)
    with pytest.raises(LanguageModelUnusable, match="is for the language 'ru', but --language is 'en'"):
        run(settings, Source(path, "bank"), tmp_path / "lm")


def test_a_folder_is_trained_in_by_one_command(source: Source, tmp_path: Path) -> None:
    first = pretrain(TINY, [source], tmp_path / "lm")
    while not (tmp_path / "lm").exists():
        next(first)
    with pytest.raises(TrainingError, match="Another command is training in"):
        run(TINY, source, tmp_path / "lm")
    first.close()


@pytest.mark.parametrize(
    "error", [MemoryError(), torch.OutOfMemoryError("CUDA out of memory."), RuntimeError("can't allocate memory")]
)
def test_too_little_memory_is_said(
    source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(TrainingLoop, "run", fail)
    with pytest.raises(TrainingError, match="memory is not enough") as raised:
        run(TINY, source, tmp_path / "lm")
    assert "--rows" in raised.value.next_step


def test_another_error_stays_what_it_is(source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    monkeypatch.setattr(TrainingLoop, "run", fail)
    with pytest.raises(RuntimeError, match="mat1"):
        run(TINY, source, tmp_path / "lm")
