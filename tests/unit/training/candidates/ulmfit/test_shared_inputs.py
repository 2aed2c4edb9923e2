from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from firstline.errors import LanguageModelUnusable, PoolTooSmall
from firstline.language_models import adaptation
from firstline.language_models.card import DIRECTIONS, read_card
from firstline.language_models.installed import Language
from firstline.steps import Stage, run_to_end
from firstline.training import encoders
from firstline.training.candidates.base import Context
from firstline.training.candidates.ulmfit.shared_inputs import SharedInputs, gather
from firstline.types import Direction, Message
from tests.encoders import CountingEncoder
from tests.examples import examples
from tests.unit.language_models.corpora import RULES
from tests.unit.language_models.messages import pretrained

MESSAGES = [*examples().messages, *examples().unlabelled]


def chosen(**settings: object) -> dict[str, dict[str, object]]:
    """Settings of `ulmfit.v1`, with no pretrained language model and no encoder if not told otherwise."""
    return {"ulmfit.v1": {"language_model": "none", "encoder": "none", **settings}}


ALONE = Context(RULES, chosen=chosen(directions=("forward",)))
BOTH = replace(ALONE, chosen=chosen())

pytestmark = pytest.mark.usefixtures("small_shape")


def gathered(context: Context = ALONE, messages: Sequence[Message] = MESSAGES) -> tuple[list[Stage], SharedInputs]:
    told: list[Stage] = []
    return told, run_to_end(gather(replace(context, report=told.append), messages), told.append)


def test_features_have_a_row_for_each_message() -> None:
    _, found = gathered()
    assert set(found.pool_features.features) == {"tfidf", "lsa"}
    assert {values.shape[0] for values in found.pool_features.features.values()} == {len(MESSAGES)}
    assert found.pool_features.places_of(MESSAGES[3:5]).tolist() == [3, 4]


def test_a_message_that_comes_twice_has_one_row_and_one_of_another_segment_its_own() -> None:
    one, other = Message("карта пропала", "lead"), Message("карта пропала", "customer")
    _, found = gathered(messages=[*MESSAGES, one, other, one])
    assert len(found.pool_features.place) == len(MESSAGES) + 2
    assert found.pool_features.place[one] != found.pool_features.place[other]


def test_it_covers_what_it_was_gathered_from() -> None:
    _, found = gathered()
    assert found.pool_features.covers(MESSAGES)
    assert not found.pool_features.covers([*MESSAGES, Message("новое")])


def test_a_backward_model_reads_with_the_tokenizer_of_the_forward_one() -> None:
    _, found = gathered(BOTH)
    assert [model.card.direction for model in found.language_models] == ["forward", "backward"]
    assert found.language_models[0].tokenizer.is_same_as(found.language_models[1].tokenizer)


def test_a_direction_that_is_added_later_shares_the_tokenizer(tmp_path: Path) -> None:
    gathered(replace(ALONE, folder=tmp_path))
    more = [*MESSAGES, Message("ипотека под процент"), Message("вклад", "vip")]
    told, found = gathered(replace(BOTH, folder=tmp_path), more)
    assert {stage.what for stage in told} == {"reading for the teacher", "backward language model"}
    assert found.language_models[0].tokenizer.is_same_as(found.language_models[1].tokenizer)


def test_what_was_learned_is_kept_in_the_folder(tmp_path: Path) -> None:
    gathered(replace(ALONE, folder=tmp_path))
    told, _ = gathered(replace(ALONE, folder=tmp_path))
    assert [stage.what for stage in told] == ["reading for the teacher"]


@pytest.mark.parametrize("messages", [[], MESSAGES[:3], [Message("", None), *MESSAGES[:9]]])
def test_too_few_messages_are_refused_before_anything_is_computed(messages: list[Message]) -> None:
    with pytest.raises(PoolTooSmall):
        next(gather(ALONE, messages))


def test_vectors_of_an_encoder_are_kept_in_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(encoders._ENCODERS, "fake", encoders.Known((), lambda cache: CountingEncoder()))
    told, found = gathered(replace(ALONE, chosen=chosen(encoder="fake"), folder=tmp_path))
    assert set(found.pool_features.features) == {"tfidf", "lsa", "fake"}
    assert told[1] == Stage("sentence vectors by fake", len(MESSAGES), len(MESSAGES))
    assert (tmp_path / "vectors" / "fake-1.npy").exists()


def test_a_language_model_that_began_without_the_encoder_is_made_anew_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told, _ = gathered(replace(ALONE, folder=tmp_path))
    assert "forward language model" in {stage.what for stage in told}
    monkeypatch.setitem(encoders._ENCODERS, "fake", encoders.Known((), lambda cache: CountingEncoder()))
    with_encoder = replace(
        ALONE,
        chosen=chosen(encoder="fake", directions=("forward",)),
        folder=tmp_path,
    )
    told, found = gathered(with_encoder)
    assert "forward language model" in {stage.what for stage in told}
    assert found.language_models[0].card.settings["vectors"] == "lsa+fake"
    assert "forward language model" not in {stage.what for stage in gathered(with_encoder)[0]}


def test_every_message_is_read_once_by_each_language_model() -> None:
    _, found = gathered(BOTH)
    forward, backward = (found.rows_of(MESSAGES[:5], direction) for direction in ("forward", "backward"))
    for one, other in zip(forward, backward, strict=True):
        assert one[0] == other[0] == found.language_models[0].tokenizer.bos_id
        assert one[1:].tolist() == other[1:][::-1].tolist()


def install(site: Path, text: str = "оплата ушла") -> Language:
    """A distribution with both directions, as `find_language` gives it."""
    folders: dict[Direction, Path] = {}
    for direction in DIRECTIONS:
        folders[direction] = site / direction
        pretrained(direction, text).save(site / direction)
    return Language("tests-ru", "1.0", "ru", folders)


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Language | None]:
    """What is installed now: its last."""
    languages: list[Language | None] = [install(tmp_path / "site")]
    monkeypatch.setattr(adaptation, "find_language", lambda *_: languages[-1])
    return languages


def adapted_from(found: SharedInputs) -> list[str]:
    """How the hash of the weights begins that each language model started from."""
    return [model.card.base.get("weights.safetensors", "")[:12] for model in found.language_models]


def weights_hashes(language: Language | None) -> list[str]:
    assert language
    return [read_card(folder).files["weights.safetensors"][:12] for folder in language.folders.values()]


def test_models_start_from_the_language_that_is_installed(installed: list[Language | None], tmp_path: Path) -> None:
    context = replace(BOTH, folder=tmp_path / "ws")
    _, found = gathered(context)
    assert adapted_from(found) == weights_hashes(installed[-1])
    told, again = gathered(context)
    assert adapted_from(again) == adapted_from(found)
    assert "forward language model" not in {stage.what for stage in told}


def test_what_learned_alone_is_adapted_anew_once_a_language_is_installed(
    installed: list[Language | None], tmp_path: Path
) -> None:
    context = replace(BOTH, folder=tmp_path / "ws")
    installed.append(None)
    assert adapted_from(gathered(context)[1]) == ["", ""]
    installed.append(installed[0])
    assert adapted_from(gathered(context)[1]) == weights_hashes(installed[0])


def test_a_newer_version_is_taken_by_force_alone_and_a_removed_one_is_not_missed(
    installed: list[Language | None], tmp_path: Path
) -> None:
    context = replace(BOTH, folder=tmp_path / "ws")
    gathered(context)
    installed.append(install(tmp_path / "newer", "вход закрыт"))
    assert adapted_from(gathered(context)[1]) == weights_hashes(installed[0])
    forced = run_to_end(gather(context, MESSAGES, is_forced=True))
    assert adapted_from(forced) == weights_hashes(installed[-1])
    installed.append(None)
    assert adapted_from(gathered(context)[1]) == adapted_from(forced)


@pytest.mark.parametrize("damage", ["weights.safetensors", "card.json"])
def test_a_kept_model_that_is_damaged_is_made_again_from_what_is_installed(
    installed: list[Language | None], tmp_path: Path, damage: str
) -> None:
    context = replace(BOTH, folder=tmp_path / "ws")
    _, whole = gathered(context)
    file = tmp_path / "ws" / "forward" / damage
    file.write_bytes(file.read_bytes()[:100])
    _, found = gathered(context)
    assert adapted_from(found) == weights_hashes(installed[-1])
    assert [model.card.tokens_seen for model in found.language_models] == [
        model.card.tokens_seen for model in whole.language_models
    ]


def test_other_epochs_begin_again_with_what_is_installed(installed: list[Language | None], tmp_path: Path) -> None:
    context = replace(BOTH, folder=tmp_path / "ws")
    gathered(context)
    as_it_starts = replace(context, chosen={"ulmfit.v1": {**context.chosen_for("ulmfit.v1"), "adaptation_epochs": 0}})
    _, found = gathered(as_it_starts)
    pretrained_tokens = read_card(tmp_path / "site" / "forward").tokens_seen
    assert {model.card.tokens_seen for model in found.language_models} == {pretrained_tokens}


def test_other_epochs_go_on_with_what_came_from_another_than_the_installed(
    installed: list[Language | None], tmp_path: Path
) -> None:
    context = replace(BOTH, folder=tmp_path / "ws")
    gathered(context)
    installed.append(install(tmp_path / "newer", "вход закрыт"))
    as_it_starts = replace(context, chosen={"ulmfit.v1": {**context.chosen_for("ulmfit.v1"), "adaptation_epochs": 0}})
    assert adapted_from(gathered(as_it_starts)[1]) == weights_hashes(installed[0])


def test_a_direction_that_is_missing_comes_from_what_is_installed(
    installed: list[Language | None], tmp_path: Path
) -> None:
    gathered(replace(ALONE, folder=tmp_path / "ws"))
    _, found = gathered(replace(BOTH, folder=tmp_path / "ws"))
    assert adapted_from(found) == weights_hashes(installed[-1])


def test_after_a_change_that_was_broken_off_both_directions_come_from_the_newer(
    installed: list[Language | None], tmp_path: Path
) -> None:
    gathered(replace(BOTH, folder=tmp_path / "ws"))
    installed.append(install(tmp_path / "newer", "вход закрыт"))
    run_to_end(gather(replace(ALONE, folder=tmp_path / "ws"), MESSAGES, is_forced=True))
    assert adapted_from(gathered(replace(BOTH, folder=tmp_path / "ws"))[1]) == weights_hashes(installed[-1])


def test_a_name_that_is_not_installed_is_told_before_anything_is_computed() -> None:
    steps = gather(replace(ALONE, chosen={"ulmfit.v1": {"language_model": "nowhere"}}), MESSAGES)
    with pytest.raises(LanguageModelUnusable, match="'nowhere'"):
        next(steps)
