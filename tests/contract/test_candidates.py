"""What every candidate promises, over all of them."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import msgspec
import numpy as np
import pytest

from firstline.bundle.files import read_manifest, write_bundle
from firstline.bundle.outsiders import without_none
from firstline.bundle.parts import KINDS
from firstline.bundle.predictor import Predictor
from firstline.bundle.self_check import self_check_of
from firstline.language_models import start
from firstline.language_models.card import Shape
from firstline.settings.model import EncoderSettings
from firstline.steps import run_to_end
from firstline.store.messages import Labelled
from firstline.text.rules import TextRules
from firstline.training.candidates import CLASSES, find_candidate
from firstline.training.candidates.base import Context, Fitted, Learner
from firstline.training.candidates.class_names import WithClassNames, prepare_for
from firstline.training.candidates.ranges import declared, problems_of
from firstline.training.candidates.ulmfit import settings as ulmfit
from firstline.types import NONE, Message
from tests.bundles import manifest
from tests.encoders import small_encoder
from tests.examples import examples, with_outsiders

RULES = TextRules.of_language("ru")
UNSEEN = [
    Message("банкомат опять не работает", "customer"),
    Message("зззз qqqq"),
    Message("ПЕРЕВОД не дошёл!!! и войти не могу", "lead"),
    Message("?"),
]

Make = Callable[[], Learner]


@pytest.fixture(params=CLASSES, scope="module")
def make(request: pytest.FixtureRequest) -> Iterator[Make]:
    """What is installed on this machine makes no difference, and networks learn no longer than they need here."""
    with pytest.MonkeyPatch.context() as patch:
        quicken(patch)
        yield prepared(request.param, examples())


def quicken(patch: pytest.MonkeyPatch) -> None:
    # On one core all is done in this process.
    patch.setattr(os, "sched_getaffinity", lambda _: {0})
    patch.setattr(ulmfit, "_LEAST_BATCHES", 40)
    patch.setattr(start, "OWN_SHAPE", Shape(n_embedding=16, n_hidden=16, n_layers=1))


def prepared(name: str, data: Labelled) -> Make:
    context = Context(
        RULES,
        seed=3,
        chosen={
            "tpot.v1": {"population": 4, "generations": 1},
            "encoder.v1": {"rate": 5e-4},
            "ulmfit.v1": {"language_model": "none", "encoder": "none", "adaptation_epochs": 0},
        },
        encoder=EncoderSettings(name=str(small_encoder())),
    )
    return run_to_end(prepare_for(find_candidate(name), context, data))


@pytest.fixture(scope="module")
def fitted(make: Make) -> Fitted:
    """What `fit` returns is the candidate itself."""
    data, named = examples(), make()
    assert isinstance(named, WithClassNames)
    found = named.fit(data.messages, data.labels, data.unlabelled)
    assert found is cast(object, named.learner)
    return found


def bundle(fitted: Fitted, folder: Path) -> Path:
    """The folder of a bundle that answers as the candidate does."""
    draft = msgspec.structs.replace(manifest(), labels=tuple(fitted.labels_))
    return folder / write_bundle(folder, draft, fitted.parts(), self_check=Predictor.self_check_of).id


@pytest.mark.parametrize("name", CLASSES)
def test_its_name_is_that_of_the_list_and_its_settings_are_declared_once(name: str) -> None:
    kind = find_candidate(name)
    known = declared(kind.settings_type)
    assert kind.name == name
    assert problems_of({setting: one.default for setting, one in known.items()}, known) == {}
    assert all(one.about and "\n" not in one.about for one in known.values())
    kind.settings_type()


def test_constructor_learns_nothing(make: Make) -> None:
    assert not [name for name in vars(make()) if name.endswith("_")]


def test_labels_are_the_sorted_classes(fitted: Fitted) -> None:
    assert fitted.labels_ == ["Банкомат", "Вход", "Перевод"]


def test_probabilities_are_float32_rows_that_sum_to_one(fitted: Fitted) -> None:
    probabilities = fitted.predict_proba(UNSEEN)
    assert probabilities.dtype == np.float32
    assert probabilities.shape == (len(UNSEEN), 3)
    assert np.all(probabilities >= 0)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)


def test_learns_what_is_plain_to_see(fitted: Fitted) -> None:
    data = examples()
    guesses = fitted.predict_proba(data.messages).argmax(axis=1)
    right = sum(fitted.labels_[guess] == label for guess, label in zip(guesses, data.labels, strict=True))
    assert right >= 0.9 * len(data.labels)


def test_same_data_and_seed_export_the_same_bytes(make: Make, fitted: Fitted, tmp_path: Path) -> None:
    data = examples()
    again = make().fit(data.messages, data.labels, data.unlabelled)
    contents = []
    for candidate, name in ((fitted, "one"), (again, "two")):
        folder = tmp_path / name
        folder.mkdir()
        written = bundle(candidate, folder)
        files = {path.relative_to(written): path for path in sorted(written.rglob("*")) if path.is_file()}
        contents.append({name: path.read_bytes() for name, path in files.items()})
    assert contents[0] == contents[1]


def test_exported_kinds_can_be_read(fitted: Fitted, tmp_path: Path) -> None:
    assert {part.kind for part in read_manifest(bundle(fitted, tmp_path)).parts} <= set(KINDS)


def test_export_holds_no_pickle(fitted: Fitted, tmp_path: Path) -> None:
    suffixes = {path.suffix for path in bundle(fitted, tmp_path).rglob("*") if path.is_file()}
    assert suffixes <= {".npy", ".json", ".txt", ".onnx", ".safetensors", ".model"}


def test_bundle_predicts_what_training_predicted(fitted: Fitted, tmp_path: Path) -> None:
    messages = examples().messages + UNSEEN
    served = Predictor.load(bundle(fitted, tmp_path)).predict_proba(messages)
    np.testing.assert_allclose(served, fitted.predict_proba(messages), atol=1e-5)


def test_bundle_passes_its_self_check(fitted: Fitted, tmp_path: Path) -> None:
    predictor = Predictor.load(bundle(fitted, tmp_path))
    kept = predictor.manifest.self_check
    assert kept is not None
    again = self_check_of(predictor)
    assert again.read == kept.read
    np.testing.assert_allclose(again.answers, kept.answers, atol=1e-5)


def test_a_class_with_one_message_is_learned(make: Make) -> None:
    data = examples()
    candidate = make().fit([*data.messages, Message("хочу ипотеку")], [*data.labels, "Ипотека"], [])
    assert candidate.labels_ == ["Банкомат", "Вход", "Ипотека", "Перевод"]


def test_two_classes_are_enough(make: Make) -> None:
    data = examples()
    kept = [place for place, label in enumerate(data.labels) if label != "Вход"]
    candidate = make().fit([data.messages[place] for place in kept], [data.labels[place] for place in kept], [])
    probabilities = candidate.predict_proba([Message("банкомат съел карту"), Message("перевод не дошёл до получателя")])
    assert probabilities.shape == (2, 2)
    assert probabilities.argmax(axis=1).tolist() == [0, 1]


def test_describe_is_plain_data(make: Make, fitted: Fitted, tmp_path: Path) -> None:
    assert msgspec.json.decode(msgspec.json.encode(fitted.describe())) == fitted.describe()


def test_segment_that_training_never_saw_is_as_none(fitted: Fitted, tmp_path: Path) -> None:
    predictor = Predictor.load(bundle(fitted, tmp_path))
    text = "банкомат не работает"
    assert predictor.predict([Message(text, "vip")]) == predictor.predict([Message(text)])


@pytest.mark.parametrize("name", CLASSES)
def test_none_of_the_classes_is_learned_and_never_answered(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quicken(monkeypatch)
    data = with_outsiders()
    fitted = prepared(name, data)().fit(*data.learned, data.unlabelled)
    assert fitted.labels_ == ["Банкомат", "Вход", "Перевод", NONE]
    whole = fitted.predict_proba([*data.messages, *data.none])
    inside, outside = np.split(whole[:, -1], [len(data.messages)])
    assert outside.mean() > inside.mean()

    begun = msgspec.structs.replace(manifest(), labels=tuple(fitted.labels_[:-1]), none=True)
    written = write_bundle(tmp_path, begun, fitted.parts(), self_check=Predictor.self_check_of)
    predictor = Predictor.load(tmp_path / written.id)
    served = predictor.predict_proba([*data.messages, *data.none])
    np.testing.assert_allclose(served, without_none(whole)[0], atol=1e-4)
    labels = {one.label for found in predictor.predict(data.none) for one in found.ranking}
    assert labels == {"Банкомат", "Вход", "Перевод"}
