"""The file of keys: what is written into it, and what is refused."""

import json
import os
import stat
import threading
from pathlib import Path

import pytest

from firstline.errors import ApiKeysUnusable, UsageError
from firstline.serving.keys import KEY_CHARS, add_key, digest_of, read_keys, revoke_key


def test_a_key_is_32_random_bytes_and_the_file_has_only_its_hash(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    added, key = add_key(file, "desk", ["metrics", "classify", "classify"], per_minute=60)
    other = add_key(file, "shop", ["classify"])[1]
    assert key.startswith("flk_")
    assert len(key) == len(other) == KEY_CHARS
    assert key != other
    text = file.read_text("utf-8")
    assert key not in text
    assert key[4:] not in text
    assert bytes.fromhex(added.sha256) == digest_of(key.encode())
    assert added.scopes == ("classify", "metrics")
    assert read_keys(file)[0] == added


def test_only_its_owner_reads_the_file(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    add_key(file, "desk", ["classify"])
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_group_that_may_read_the_file_still_may_and_others_never(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    file.write_text("[]")
    file.chmod(0o664)
    add_key(file, "desk", ["classify"])
    assert stat.S_IMODE(file.stat().st_mode) == 0o640


def test_a_new_file_belongs_to_the_owner_of_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = []
    monkeypatch.setattr("os.chown", lambda _, user, group: given.append((user, group)))
    add_key(tmp_path / "keys.json", "desk", ["classify"])
    owner = tmp_path.stat()
    assert given == [(owner.st_uid, owner.st_gid)]


def test_a_key_is_revoked_by_name_and_by_id(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    added = add_key(file, "desk", ["classify"])[0]
    add_key(file, "shop", ["classify"])
    assert revoke_key(file, added.id).name == "desk"
    assert revoke_key(file, "shop").name == "shop"
    assert read_keys(file) == ()
    assert file.exists()


def test_a_key_that_is_not_there_cannot_be_revoked(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no key 'desk'"):
        revoke_key(tmp_path / "keys.json", "desk")


@pytest.mark.parametrize("name", ["", " desk", "desk ", "a\nb", "a" * 65, 'a"b', "a/b", "a\n"])
def test_a_name_that_a_log_line_cannot_hold_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="cannot be the name"):
        add_key(tmp_path / "keys.json", name, ["classify"])
    assert not (tmp_path / "keys.json").exists()


@pytest.mark.parametrize("name", ["d", "Отдел поддержки", "crm-2.prod_eu", "a" * 64])
def test_names_may_have_letters_of_any_script(tmp_path: Path, name: str) -> None:
    add_key(tmp_path / "keys.json", name, ["classify"])
    assert read_keys(tmp_path / "keys.json")[0].name == name


def test_a_name_and_an_id_are_used_once(tmp_path: Path) -> None:
    added = add_key(tmp_path / "keys.json", "desk", ["classify"])[0]
    for name in ("desk", added.id):
        with pytest.raises(UsageError, match="already a key") as raised:
            add_key(tmp_path / "keys.json", name, ["classify"])
        assert f"firstline keys revoke {name} --file {tmp_path / 'keys.json'}" in raised.value.next_step


@pytest.mark.parametrize("scopes", [[], ["everything"], ["classify", "Explain"]])
def test_a_key_needs_scopes_that_exist(tmp_path: Path, scopes: list[str]) -> None:
    with pytest.raises(UsageError, match="scope"):
        add_key(tmp_path / "keys.json", "desk", scopes)


def test_keys_that_are_added_at_the_same_time_are_all_there(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    threads = [threading.Thread(target=add_key, args=(file, f"key {n}", ["classify"])) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(key.name for key in read_keys(file)) == [f"key {n}" for n in range(8)]


def test_without_a_file_there_is_no_key(tmp_path: Path) -> None:
    assert read_keys(tmp_path / "keys.json") == ()


def broken(**changes: object) -> str:
    entry = {"id": "0" * 8, "name": "desk", "sha256": "0" * 64, "scopes": ["classify"], "created_at": "2026-01-01"}
    return json.dumps([{**entry, **changes}])


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{}",
        "[",
        "[" * 5_000,
        '[{"id": "00000000"}]',
        broken(name="a\nb"),
        broken(name="desk\n"),
        broken(sha256="0" * 63),
        broken(sha256="x" * 64),
        broken(per_minute=0),
        broken(per_minute="many"),
        broken(scopes="classify"),
        broken()[:-1] + "," + broken()[1:],
    ],
)
def test_a_file_that_is_no_file_of_keys_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "keys.json").write_text(content)
    with pytest.raises(ApiKeysUnusable):
        read_keys(tmp_path / "keys.json")


def test_a_file_of_keys_may_have_fields_and_scopes_of_a_later_version(tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_text(broken(expires="2027-01-01", scopes=["classify", "train"]))
    assert read_keys(tmp_path / "keys.json")[0].scopes == ("classify", "train")


def test_a_damaged_file_is_not_replaced_by_a_new_key(tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_text("[")
    with pytest.raises(ApiKeysUnusable, match="not a file of keys"):
        add_key(tmp_path / "keys.json", "desk", ["classify"])
    assert (tmp_path / "keys.json").read_text() == "["


def test_a_folder_in_its_place_is_told(tmp_path: Path) -> None:
    (tmp_path / "keys.json").mkdir()
    with pytest.raises(ApiKeysUnusable, match="cannot be read"):
        add_key(tmp_path / "keys.json", "desk", ["classify"])


def test_a_pipe_in_its_place_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "keys.json")
    with pytest.raises(ApiKeysUnusable, match=r"keys.json cannot be read: it is not a file\."):
        read_keys(tmp_path / "keys.json")


def test_a_huge_file_is_not_read_whole(tmp_path: Path) -> None:
    with (tmp_path / "keys.json").open("wb") as file:
        file.truncate(10**12)
    with pytest.raises(ApiKeysUnusable, match="more than 10,000,000 bytes"):
        read_keys(tmp_path / "keys.json")
