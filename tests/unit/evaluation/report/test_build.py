from dataclasses import replace

import msgspec
import numpy as np

from firstline.evaluation.report.build import Sources, build_report
from firstline.store.named import NamedMessage
from firstline.types import Label, Message
from tests.reports import model, sources


def test_all_is_there() -> None:
    found = build_report(sources())
    assert found.gaps == ()
    assert found.routing is not None
    assert found.confusion is not None
    assert len(found.mistakes) == len(found.suspects) == 10


def test_the_most_suspect_label_stands_first() -> None:
    given = [one.confidence_in_label for one in build_report(sources()).suspects]
    assert given == sorted(given)


def test_mistakes_are_those_that_are_not_among_the_suspects() -> None:
    found = build_report(sources())
    assert not {one.key for one in found.mistakes} & {one.key for one in found.suspects}
    assert [one.confidence for one in found.mistakes] == sorted(
        (one.confidence for one in found.mistakes), reverse=True
    )
    assert all(one.label != one.predicted for one in found.mistakes)


def test_pairs_have_examples_of_their_own() -> None:
    for pair in build_report(sources()).pairs:
        assert pair.examples
        assert {(one.label, one.predicted) for one in pair.examples} <= {
            (pair.first, pair.second),
            (pair.second, pair.first),
        }


def test_without_held_out_answers_the_manifest_speaks() -> None:
    found = build_report(Sources(model(), is_champion=False))
    assert found.gaps == ("no_held_out", "no_decisions")
    assert found.right is not None
    assert (found.right.value, found.right.low, found.right.high) == (0.9, 0.8, 0.95)
    assert found.routing is None


def test_the_answers_in_a_bundle_tell_what_it_routes() -> None:
    found = build_report(Sources(model(), is_champion=False, decider=sources().decider))
    assert found.gaps == ("no_held_out",)
    assert found.routing is not None


def test_without_any_figures_it_says_so() -> None:
    bare = msgspec.structs.replace(model(has_curve=False), metrics=None, training=None)
    found = build_report(Sources(bare, is_champion=False))
    assert found.gaps == ("no_figures", "no_held_out", "no_decisions", "no_curve")


def test_messages_that_are_gone_are_not_quoted() -> None:
    found = build_report(replace(sources(), messages={}))
    assert found.n_gone == 120
    assert found.mistakes == found.suspects == ()
    assert "messages_gone" in found.gaps
    assert found.routing is not None


def test_messages_with_another_label_are_not_quoted() -> None:
    whole = sources()
    first = build_report(whole).suspects[0].key
    messages = dict(whole.messages)
    messages[bytes.fromhex(first)] = NamedMessage("текст", None, ["Другое"])
    found = build_report(replace(whole, messages=messages))
    assert found.n_relabelled == 1
    assert first not in {one.key for one in (*found.suspects, *found.mistakes)}
    assert "labels_changed" in found.gaps


def test_the_champion_is_compared_on_the_messages_that_both_answered() -> None:
    whole = sources()
    assert whole.held_out is not None
    truth = whole.held_out.truth
    perfect = np.eye(3, dtype=np.float32)[truth]
    better = replace(
        whole.held_out, model="other", keys=whole.held_out.keys[:60], truth=truth[:60], probabilities=perfect[:60]
    )
    champion = msgspec.structs.replace(model(), id="lsa.v1-11111111")
    found = build_report(replace(whole, is_champion=False, champion=champion, champions_held_out=better)).champion
    assert found is not None
    assert found.difference is not None
    assert (found.difference.n, round(found.difference.value, 2)) == (60, -0.2)
    assert (found.difference.mine, found.difference.theirs) == (0.8, 1.0)


def test_a_champion_without_answers_has_only_its_figures() -> None:
    found = build_report(replace(sources(), is_champion=False, champion=model())).champion
    assert found is not None
    assert found.difference is None
    assert found.right is not None


def test_words_are_asked_for_mistakes_and_suspects() -> None:
    def words(message: Message, label: Label) -> list[str]:
        return [message.text.split()[-1], label]

    found = build_report(replace(sources(), words=words))
    assert all(one.words == (one.text.split()[-1], one.predicted) for one in found.suspects)
    assert not any(one.words for pair in found.pairs for one in pair.examples)


def test_nested_settings_have_names_with_dots() -> None:
    assert build_report(sources()).facts.settings == (("C", "30.0"), ("members.lsa.v1.n_components", "200"))


def test_settings_that_nobody_sets_are_left_out() -> None:
    given = sources()
    assert given.manifest.training is not None
    of_blend = {"weights": {"linear.v1": -0.0}, "temperatures": {"linear.v1": 0.5}, "dropped": {"lsa.v1": -0.0}}
    training = msgspec.structs.replace(given.manifest.training, candidate_settings=of_blend)
    found = build_report(replace(given, manifest=msgspec.structs.replace(given.manifest, training=training)))
    assert found.facts.settings == (("weights.linear.v1", "0.0"),)
