import errno
import sys
from collections.abc import Callable
from pathlib import Path
from zipfile import ZipFile

import msgspec
import pytest

from firstline.errors import ExtraMissing, FileUnwritable, LanguageModelUnusable, UsageError
from firstline.language_models import packing
from firstline.language_models.card import SourceUsed, read_card
from firstline.language_models.model import LanguageModel
from firstline.language_models.packing import pack
from firstline.text.tokenizer import Tokenizer
from tests.unit.language_models.messages import pretrained
from tests.unit.language_models.pretraining import small_language_model


def made(folder: Path, **card: object) -> Path:
    """What `firstline pretrain` leaves."""
    model = small_language_model()
    source = SourceUsed("novels", "public domain", 0.5, 1_000)
    LanguageModel(
        msgspec.structs.replace(model.card, **{"sources": (source,), **card}), model.tokenizer, model.weights
    ).save(folder)
    return folder


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    return [made(tmp_path / "one"), made(tmp_path / "two", direction="backward")]


def test_the_wheel_holds_both_directions_and_names_them(folders: list[Path], tmp_path: Path) -> None:
    packed = pack(folders, tmp_path / "out", version="1.2")
    assert packed.wheel == tmp_path / "out" / "firstline-ru" / "dist" / "firstline_ru-1.2-py3-none-any.whl"
    with ZipFile(packed.wheel) as wheel:
        names = wheel.namelist()
        assert "firstline_ru/__init__.py" in names
        for direction in ("forward", "backward"):
            for name in ("card.json", "tokenizer.model", "tokens.json", "weights.safetensors"):
                assert f"firstline_ru/{direction}/{name}" in names
        assert b"[firstline.languages]\nru = firstline_ru" in wheel.read("firstline_ru-1.2.dist-info/entry_points.txt")
        card = wheel.read("firstline_ru-1.2.dist-info/METADATA").decode()
    assert "| novels | public domain | 0.5 | 1,000 |" in card


def test_the_same_models_give_the_same_weights_and_card(folders: list[Path], tmp_path: Path) -> None:
    one, two = (pack(folders, tmp_path / name).project for name in ("a", "b"))
    for name in ("card.json", "weights.safetensors"):
        file = Path("src", "firstline_ru", "forward", name)
        assert (one / file).read_bytes() == (two / file).read_bytes()


def test_a_second_time_replaces_the_first(folders: list[Path], tmp_path: Path) -> None:
    pack(folders, tmp_path / "out")
    packed = pack(folders[:1], tmp_path / "out", version="2.0")
    assert [path.name for path in packed.wheel.parent.iterdir()] == ["firstline_ru-2.0-py3-none-any.whl"]
    assert not (packed.project / "src" / "firstline_ru" / "backward").exists()
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["firstline-ru"]


def test_what_somebody_put_beside_it_stays(folders: list[Path], tmp_path: Path) -> None:
    project = pack(folders, tmp_path / "out").project
    (project / ".git").mkdir()
    (project / "LICENCE").write_text("CC BY 4.0")
    pack(folders, tmp_path / "out", version="1.0.1")
    assert (project / ".git").is_dir()
    assert (project / "LICENCE").read_text() == "CC BY 4.0"


def test_a_project_that_cannot_be_replaced_keeps_what_somebody_put_beside_it(
    folders: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = pack(folders, tmp_path / "out").project
    (project / "LICENCE").write_text("CC BY 4.0")
    rename = Path.rename

    def refuse(path: Path, target: Path) -> Path:
        if path == project / "dist":
            raise PermissionError(errno.EACCES, "Permission denied")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(FileUnwritable, match="Permission denied"):
        pack(folders, tmp_path / "out", version="2.0")
    assert (project / "LICENCE").read_text() == "CC BY 4.0"
    monkeypatch.undo()
    assert pack(folders, tmp_path / "out", version="2.0").wheel.exists()


@pytest.mark.parametrize("name", ["firstline", "numpy", "json", "auto", "none"])
def test_a_name_that_means_something_else_is_refused(folders: list[Path], tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="is taken"):
        pack(folders, tmp_path / "out", name)


def test_a_command_that_is_no_command_is_left_out(tmp_path: Path) -> None:
    packed = pack([made(tmp_path / "one", command="it's /home/ann")], tmp_path / "out")
    assert read_card(packed.project / "src" / "firstline_ru" / "forward").command == ""


def test_another_folder_of_that_name_is_left_alone(folders: list[Path], tmp_path: Path) -> None:
    mine = tmp_path / "out" / "firstline-ru" / "thesis.txt"
    mine.parent.mkdir(parents=True)
    mine.write_text("years of work")
    with pytest.raises(UsageError, match="is not a project named firstline-ru"):
        pack(folders, tmp_path / "out")
    assert mine.read_text() == "years of work"


def test_what_has_read_messages_of_a_workspace_is_not_given_away(tmp_path: Path) -> None:
    model = pretrained()
    model.save(tmp_path / "from scratch", {"seen.npy": b""})
    card = msgspec.structs.replace(model.card, base={"weights.safetensors": "1"})
    LanguageModel(card, model.tokenizer, model.weights).save(tmp_path / "from a base")
    for name in ("from scratch", "from a base"):
        with pytest.raises(LanguageModelUnusable, match="has read a workspace's messages"):
            pack([tmp_path / name], tmp_path / "out")


@pytest.mark.parametrize(
    ("card", "expected"),
    [
        ({}, "Two language models read forward"),
        ({"direction": "backward", "language": "en"}, "for 'ru', another for 'en'"),
        ({"direction": "backward", "text_rules": ("nfc.v1",)}, "reads by other text rules than the forward one"),
    ],
)
def test_models_that_do_not_belong_together(tmp_path: Path, card: dict[str, object], expected: str) -> None:
    with pytest.raises(UsageError, match=expected):
        pack([made(tmp_path / "one"), made(tmp_path / "two", **card)], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_models_of_two_tokenizers_do_not_belong_together(tmp_path: Path) -> None:
    model = small_language_model("вход закрыт")
    card = msgspec.structs.replace(model.card, direction="backward")
    LanguageModel(card, model.tokenizer, model.weights).save(tmp_path / "two")
    with pytest.raises(UsageError, match="another tokenizer"):
        pack([made(tmp_path / "one"), tmp_path / "two"], tmp_path / "out")


def test_what_git_ignores_around_it_is_packed(folders: list[Path], tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".gitignore").write_text("*.safetensors\nout/\n")
    with ZipFile(pack(folders, tmp_path / "out").wheel) as wheel:
        assert "firstline_ru/forward/weights.safetensors" in wheel.namelist()


def test_the_command_is_told_without_its_folders(tmp_path: Path) -> None:
    command = "firstline pretrain /home/ann/texts/chats.txt.xz 'my texts/' --weight chats=3 -o /srv/ru"
    packed = pack([made(tmp_path / "one", command=command)], tmp_path / "out")
    card = read_card(packed.project / "src" / "firstline_ru" / "forward")
    assert card.command == "firstline pretrain chats.txt.xz 'my texts' --weight chats=3 -o ru"
    assert "/home" not in (packed.project / "README.md").read_text()


@pytest.mark.parametrize(
    "content",
    [
        '[project]\nname = "firstline-ru"\n',
        'project = "x"\n',
        "[[project]]\n",
        '[project]\nname = "firstline-ru"\nentry-points = 3\n',
        "not toml",
    ],
)
def test_a_checkout_of_that_name_is_left_alone(folders: list[Path], tmp_path: Path, content: str) -> None:
    mine = tmp_path / "out" / "firstline-ru"
    mine.mkdir(parents=True)
    (mine / "pyproject.toml").write_text(content)
    with pytest.raises(UsageError, match="is not a project named firstline-ru"):
        pack(folders, tmp_path / "out")
    assert (mine / "pyproject.toml").exists()


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("../evil", "1.0"),
        ("Firstline RU", "1.0"),
        (None, "1.0; rm"),
        (None, ""),
        (None, "01.2"),
        (None, "9" * 400),
        ("", "1.0"),
    ],
)
def test_names_and_versions_that_pip_would_not_take(
    folders: list[Path], tmp_path: Path, name: str | None, version: str
) -> None:
    with pytest.raises(UsageError, match="of a distribution"):
        pack(folders, tmp_path / "out", name, version)


def test_no_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        pack([], tmp_path)


@pytest.mark.parametrize("step", [Tokenizer.save, packing._readme])
def test_a_full_disk_leaves_what_was_there(
    folders: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: Callable[..., object]
) -> None:
    before = pack(folders, tmp_path / "out")
    content = before.wheel.read_bytes()

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Tokenizer if step is Tokenizer.save else packing, step.__name__, full)
    with pytest.raises((FileUnwritable, LanguageModelUnusable), match="No space left"):
        pack(folders, tmp_path / "out", version="2.0")
    assert before.wheel.read_bytes() == content
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["firstline-ru"]


def test_a_build_that_fails_leaves_nothing(
    folders: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "false")
    with pytest.raises(LanguageModelUnusable, match="The wheel could not be built"):
        pack(folders, tmp_path / "out")
    assert not list((tmp_path / "out").iterdir())


def test_without_hatchling_it_says_what_to_install(
    folders: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packing, "find_spec", lambda _: None)
    with pytest.raises(ExtraMissing) as error:
        pack(folders, tmp_path / "out")
    assert "train" in error.value.next_step
