import os
import re
import tomllib
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import pytest
from filelock import FileLock
from pydantic import ValidationError

from firstline.errors import SettingsInvalid
from firstline.settings import (
    Settings,
    file,
    read_settings,
    remember_candidate,
    remember_columns,
    remember_none,
    settings_of_environment,
    settings_text,
)
from firstline.settings.file import settings_sections


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "firstline.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_generated_file_holds_the_defaults(tmp_path: Path) -> None:
    assert read_settings(written(tmp_path, settings_text("ru"))) == Settings()


def test_the_generated_file_is_short_and_each_setting_stands_under_a_sentence() -> None:
    lines = settings_text("ru").splitlines()
    assert len(lines) <= 60
    for before, line in pairwise(lines):
        if re.match(r"\w+ = ", line):
            assert re.fullmatch(r"# [A-Z`\"].{20,}[.;\]\"}]+", before), line
    assert "docs/settings.md" in lines[0]


def test_sections_are_all_of_the_settings_but_the_language_and_the_candidates() -> None:
    assert {name for name, _, _ in settings_sections()} | {"language", "candidates"} == set(Settings.model_fields)


def test_settings_of_a_candidate_are_written_under_their_reason_and_removed(tmp_path: Path) -> None:
    file = written(tmp_path, settings_text("ru"))
    remember_candidate(file, "linear.v1", {"C": 1.5, "case_tokens": False}, "From a search.")
    remember_candidate(file, "forest.v1", {"max_features": "log2"}, "From another.")
    remember_candidate(file, "linear.v1", {"C": 2.5}, "From a third.")
    assert read_settings(file).candidates == {"forest.v1": {"max_features": "log2"}, "linear.v1": {"C": 2.5}}
    assert '[candidates."linear.v1"]\n# From a third.\nC = 2.5\n' in file.read_text("utf-8")
    remember_candidate(file, "linear.v1", {}, "")
    assert list(read_settings(file).candidates) == ["forest.v1"]


def test_settings_that_a_search_does_not_set_stay(tmp_path: Path) -> None:
    file = written(tmp_path, '[candidates."ulmfit.v1"]\ndirections = ["forward"]\nrate = 0.01\n')
    remember_candidate(file, "ulmfit.v1", {"n_members": 1}, "From a search.", stays=("directions",))
    assert read_settings(file).candidates == {"ulmfit.v1": {"directions": ("forward",), "n_members": 1}}


def test_the_example_of_a_pattern_works(tmp_path: Path) -> None:
    comment = " ".join(line.lstrip("# ") for line in settings_text("ru").splitlines() if line.startswith("#"))
    example = re.search(r"\[\{ kind.*?\}\]", comment)
    assert example
    found = read_settings(written(tmp_path, f"[masking]\npatterns = {example[0]}\n"))
    assert re.fullmatch(found.masking.patterns[0].pattern, "ОСАГО-123456")


def test_hosts_and_proxies_may_be_addresses(tmp_path: Path) -> None:
    text = "[serving]\nhosts = ['a.example', '10.0.0.1', '::1', '[::1]']\nproxies = ['10.0.0.0/8', '::1']\n"
    found = read_settings(written(tmp_path, text)).serving
    assert (len(found.hosts), len(found.proxies)) == (4, 2)


def test_settings_that_are_left_out_are_at_their_defaults(tmp_path: Path) -> None:
    found = read_settings(written(tmp_path, "[training]\nfolds = 3\n"))
    assert (found.training.folds, found.training.seed, found.language) == (3, 0, "ru")


def test_the_environment_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRSTLINE_TRAINING__SEED", "7")
    monkeypatch.setenv("FIRSTLINE_CLASSES__FIXED", '["карта"]')
    found = read_settings(written(tmp_path, "[training]\nseed = 1\nfolds = 3\n"))
    assert (found.training.seed, found.training.folds, found.classes.fixed) == (7, 3, ("карта",))


def test_a_wrong_value_in_the_environment_is_blamed_on_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRSTLINE_TRAINING__FOLDS", "many")
    with pytest.raises(SettingsInvalid, match=r"^the environment variable FIRSTLINE_TRAINING__FOLDS: 'training.folds'"):
        read_settings(written(tmp_path, ""))


def test_without_a_file_the_environment_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRSTLINE_SERVING__MAX_BATCH", "7")
    assert settings_of_environment().serving.max_batch == 7
    monkeypatch.setenv("FIRSTLINE_SERVING__MAX_BATCH", "many")
    with pytest.raises(SettingsInvalid, match=r"variable FIRSTLINE_SERVING__MAX_BATCH: 'serving\.max_batch'"):
        settings_of_environment()


def test_a_list_in_the_environment_that_is_no_json_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRSTLINE_CLASSES__FIXED", "карта,перевод")
    with pytest.raises(SettingsInvalid) as caught:
        read_settings(written(tmp_path, ""))
    assert caught.value.message == "The environment variable FIRSTLINE_CLASSES__FIXED is not JSON."
    assert '["a", "b"]' in caught.value.next_step


@pytest.mark.parametrize(
    ("name", "value"), [("HOSTS", '["a b"]'), ("HOSTS", '["a", "b:80"]'), ("PROXIES", '["10.0.0.0/8", "x"]')]
)
def test_a_wrong_element_in_the_environment_is_blamed_on_its_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"FIRSTLINE_SERVING__{name}", value)
    with pytest.raises(SettingsInvalid, match=rf"^the environment variable FIRSTLINE_SERVING__{name}: "):
        read_settings(written(tmp_path, "[serving]\nmax_batch = 7\n"))


def test_settings_that_belong_together_are_blamed_without_showing_their_section(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIRSTLINE_SERVING__TLS_KEY", "")
    monkeypatch.setenv("FIRSTLINE_SERVING__MAX_BATCH", "7")
    with pytest.raises(SettingsInvalid) as caught:
        read_settings(written(tmp_path, "[serving]\ntls_certificate = 'cert.pem'\n"))
    assert caught.value.message == (
        "the environment variable FIRSTLINE_SERVING__TLS_KEY:"
        " 'serving' needs both tls_certificate and tls_key, or neither."
    )


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[training\n", "is not valid TOML"),
        ("a = 1\na = 2\n", "is not valid TOML"),
        ("languge = 'ru'\n", "'languge' is not a setting"),
        ("_env_file = 'x'\n", "'_env_file' is not a setting"),
        ("[training]\nsed = 1\n", "'training.sed' is not a setting"),
        ("[training]\nfolds = 'five'\n", "'training.folds' input should be a valid integer.*, got 'five'"),
        ("[training]\nfolds = 1\n", "'training.folds' input should be greater than or equal to 2, got 1"),
        ("training = 3\n", "'training' .* got 3"),
        ("[training]\nminutes = true\n", "'training.minutes' a number is needed, not true or false, got True"),
        ("[training]\nfolds = true\n", "'training.folds' a number is needed, not true or false, got True"),
        ("language = 'Russian'\n", "'language' .* got 'Russian'"),
        ("[[masking.patterns]]\nkind = 'A1'\npattern = '('\n", "not a regular expression"),
        ("[[masking.patterns]]\nkind = 'A1'\npattern = 'a{99999999999999999999}'\n", "not a regular expression"),
        ("[[masking.patterns]]\nkind = 'A1'\npattern = 'a*'\n", "matches the empty text"),
        ("[[masking.patterns]]\nkind = 'A1'\npattern = '(a)\\1'\n", "refers back to a group, such as"),
        ("[[masking.patterns]]\nkind = 'A1'\npattern = 'a(?=b)c'\n", "looks around inside"),
        ("[serving]\nhosts = ['https://a.example']\n", "'serving.hosts.0' not a host name.*, got 'https://a.example'"),
        ("[serving]\nhosts = ['a.example:8080']\n", "'serving.hosts.0' not a host name"),
        ("[serving]\nproxies = ['proxy']\n", "'serving.proxies.0' not an IP address or network"),
        ("[serving]\nproxies = ['10.0.0.1/8']\n", "'serving.proxies.0' not an IP address or network"),
        ("[serving]\nproxies = ['*']\n", "'serving.proxies.0' not an IP address or network"),
        ("[labelling]\nrandom = 0.5\nrecorded = 0.5\n", "'labelling' has shares that are more than 1 together"),
        ("[serving]\ntls_key = 'key.pem'\n", "needs both tls_certificate and tls_key"),
        ("[[masking.patterns]]\nkind = 'two words'\npattern = 'a'\n", "masking.patterns.0.kind"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(SettingsInvalid, match=sentence):
        read_settings(written(tmp_path, text))


def test_a_file_that_is_no_text_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "firstline.toml").write_bytes("язык = 1".encode("cp1251"))
    with pytest.raises(SettingsInvalid, match="not valid TOML"):
        read_settings(tmp_path / "firstline.toml")


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match="cannot be read"):
        read_settings(tmp_path / "firstline.toml")


def test_a_pipe_in_its_place_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "firstline.toml")
    with pytest.raises(SettingsInvalid, match=r"firstline.toml cannot be read: it is not a file\."):
        read_settings(tmp_path / "firstline.toml")
    with pytest.raises(SettingsInvalid, match=r"firstline.toml: it is not a file\."):
        remember_columns(tmp_path / "firstline.toml", {"text": "t"})


@pytest.mark.parametrize("content", [b"[[[", b"# \xff\n", b"a = 1\na = 2\n"])
def test_a_damaged_file_is_not_changed(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "firstline.toml"
    path.write_bytes(content)
    with pytest.raises(SettingsInvalid, match="it is not valid TOML"):
        remember_columns(path, {"text": "t"})
    assert path.read_bytes() == content


def test_a_huge_file_is_not_read_whole(tmp_path: Path) -> None:
    with (tmp_path / "firstline.toml").open("wb") as file:
        file.truncate(10**12)
    with pytest.raises(SettingsInvalid, match="more than 1,000,000 bytes"):
        read_settings(tmp_path / "firstline.toml")


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        Settings().language = "en"  # type: ignore[misc]


def test_columns_are_remembered_and_comments_stay(tmp_path: Path) -> None:
    path = written(tmp_path, settings_text("ru"))
    remember_columns(path, {"text": 'Текст "обращения"', "agent_values": ("bot", "оператор")})
    found = read_settings(path).columns
    assert (found.text, found.agent_values) == ('Текст "обращения"', ("bot", "оператор"))
    comments = [line for line in path.read_text("utf-8").splitlines() if line.startswith("#")]
    assert comments == [line for line in settings_text("ru").splitlines() if line.startswith("#")]


@pytest.mark.parametrize("text", ["", "language = 'ru'\n", "columns = { id = 'n' }\n", "columns.id = 'n'\n"])
def test_columns_are_remembered_in_a_file_of_any_shape(tmp_path: Path, text: str) -> None:
    path = written(tmp_path, text)
    remember_columns(path, {"text": "сообщение"})
    assert read_settings(path).columns.text == "сообщение"


def test_a_private_file_stays_private(tmp_path: Path) -> None:
    path = written(tmp_path, "")
    path.chmod(0o600)
    remember_columns(path, {"text": "сообщение"})
    assert path.stat().st_mode & 0o777 == 0o600
    assert [found.name for found in tmp_path.iterdir() if found.is_file()] == [path.name]


def test_columns_that_cannot_be_remembered_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match="cannot be saved"):
        remember_columns(tmp_path / "absent" / "firstline.toml", {"text": "сообщение"})


def test_candidates_in_a_line_become_a_table(tmp_path: Path) -> None:
    file = tmp_path / "firstline.toml"
    file.write_text('candidates = { "lsa.v1" = { C = 0.5 }, "linear.v1" = { C = 0.1 } }\nlanguage = "ru"\n')
    remember_candidate(file, "linear.v1", {"C": 2.5}, "From a search.")
    found = read_settings(file)
    assert found.candidates == {"lsa.v1": {"C": 0.5}, "linear.v1": {"C": 2.5}}
    assert found.language == "ru"


def test_a_byte_order_mark_and_the_line_ends_of_windows_are_read_and_stay(tmp_path: Path) -> None:
    file = tmp_path / "firstline.toml"
    file.write_bytes(b'\xef\xbb\xbflanguage = "en"\r\n# a comment\r\n[training]\r\nseed = 7\r\n')
    remember_columns(file, {"text": "суть"})
    assert (read_settings(file).language, read_settings(file).columns.text) == ("en", "суть")
    content = file.read_bytes()
    assert content.startswith(b'\xef\xbb\xbflanguage = "en"\r\n# a comment\r\n[training]\r\nseed = 7\r\n')
    assert content.count(b"\xef\xbb\xbf") == 1
    assert content.count(b"\n") == content.count(b"\r\n")


def test_a_file_without_a_mark_gets_none(tmp_path: Path) -> None:
    file = written(tmp_path, "[training]\nseed = 7\n")
    remember_columns(file, {"text": "суть"})
    assert file.read_bytes().startswith(b"[training]\nseed = 7\n")
    assert b"\r" not in file.read_bytes()


def test_a_file_in_another_encoding_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "firstline.toml").write_bytes('language = "ru"'.encode("utf-16"))
    with pytest.raises(SettingsInvalid, match="it is not UTF-8"):
        read_settings(tmp_path / "firstline.toml")


def test_settings_of_a_candidate_whose_tables_lie_apart_are_written(tmp_path: Path) -> None:
    path = tmp_path / "firstline.toml"
    path.write_text('[candidates]\n[search]\npopulation = 3\n[candidates."linear.v1"]\nC = 20\n', "utf-8")
    remember_candidate(path, "linear.v1", {"C": 5.5}, "found by a search")
    assert read_settings(path).candidates == {"linear.v1": {"C": 5.5}}
    assert read_settings(path).search.population == 3


@pytest.mark.parametrize("text", ["", "[classes]\nfixed = ['Карта'] # ours\n", "classes = { none = ['Другое'] }\n"])
def test_classes_that_mean_none_are_remembered(tmp_path: Path, text: str) -> None:
    path = written(tmp_path, text)
    remember_none(path, ["Прочее", 'Не "наше"'])
    assert read_settings(path).classes.none == ("Прочее", 'Не "наше"')
    assert ("# ours" in path.read_text("utf-8")) is ("# ours" in text)


def test_what_the_environment_sets_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("firstline_classes__none", '["Другое"]')
    path = written(tmp_path, "")
    with pytest.raises(SettingsInvalid, match=r"An environment variable sets 'classes\.none'"):
        remember_none(path, ["Прочее"])
    assert path.read_text("utf-8") == ""


def test_a_damaged_file_is_not_written_to(tmp_path: Path) -> None:
    path = written(tmp_path, "[classes")
    with pytest.raises(SettingsInvalid, match="not valid TOML"):
        remember_none(path, ["Прочее"])
    assert path.read_text("utf-8") == "[classes"


def test_changes_at_the_same_time_are_all_kept(tmp_path: Path) -> None:
    path = written(tmp_path, "")
    names = [f"candidate-{number}" for number in range(20)]
    with ThreadPoolExecutor(4) as threads:
        for name in names:
            threads.submit(remember_candidate, path, name, {"C": 1.0}, "")
        threads.submit(remember_none, path, ["Прочее"])
        threads.submit(remember_columns, path, {"text": "Текст"})
    found = tomllib.loads(path.read_text("utf-8"))
    assert found["candidates"].keys() == set(names)
    assert (found["classes"], found["columns"]) == ({"none": ["Прочее"]}, {"text": "Текст"})


def test_a_file_that_another_command_keeps_changing_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file, "_LOCK_WAIT_S", 0)
    path = written(tmp_path, "")
    (tmp_path / ".locks").mkdir()
    with FileLock(tmp_path / ".locks" / "settings.lock"), pytest.raises(SettingsInvalid, match="another command"):
        remember_columns(path, {"text": "Текст"})
    assert path.read_text("utf-8") == ""
