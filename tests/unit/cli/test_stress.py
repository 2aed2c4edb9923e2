import json
from pathlib import Path

import pytest

from firstline.stress import load
from firstline.stress.load import Load
from firstline.stress.outcomes import Outcomes
from tests.commands import Done, run_here
from tests.scripted import Answer, scripted


def stressed(answer: Answer = lambda number: 200, *options: object) -> Done:
    with scripted(answer) as service:
        return run_here("stress", "--url", f"{service.url}/", "--seconds", "0.3", "--connections", "2", *options)


def test_figures_are_printed() -> None:
    done = stressed()
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("toy.v1-0001, ")
    assert [line.split("  ")[1] for line in lines[1:]] == ["answered", "latency ms", "refused", "errors"]
    assert "p99 " in lines[2]
    assert "errors      0" in lines[4]


def test_refusals_do_not_fail() -> None:
    done = stressed(lambda number: 429 if number % 2 else 200)
    assert done.returncode == 0
    assert "(status 429)" in done.stdout


def test_errors_fail() -> None:
    done = stressed(lambda number: 500 if number == 1 else 200)
    assert done.returncode == 1
    assert "errors      1 (status 500)" in done.stdout


def test_json_has_the_same_figures() -> None:
    done = stressed(lambda number: (200, 503)[number % 2], "--rate", 20, "--json")
    found = json.loads(done.stdout)
    assert found["answered"] + found["refused"]["503"] + found["unsent"] == 6
    assert found["latency_ms"].keys() == {"p50", "p90", "p99", "max"}
    assert (found["model"], found["rate"], found["connections"], found["errors"]) == ("toy.v1-0001", 20, 2, {})


def test_messages_and_key_come_from_files(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text\nwhere is my card\n", "utf-8")
    (tmp_path / "key").write_text("abc123\n", "utf-8")
    with scripted() as service:
        arguments = ["--messages", tmp_path / "a.csv", "--key-file", tmp_path / "key", "--seconds", "0.1"]
        assert run_here("stress", "--url", service.url, *arguments).returncode == 0
    assert set(service.bodies) == {b'{"text":"where is my card"}'}
    assert service.headers["Authorization"] == "Bearer abc123"


def test_after_ctrl_c_what_was_measured_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(_: Load, outcomes: Outcomes) -> None:
        outcomes.count(200, 0.01)
        outcomes.elapsed_s = 1.0
        raise KeyboardInterrupt

    monkeypatch.setattr(load, "send", stop)
    done = run_here("stress")
    assert done.returncode == 130
    assert "answered    1 (1 a second)" in done.stdout


@pytest.mark.parametrize("url", ["127.0.0.1:8080", "ftp://127.0.0.1", "http://", "http://a:99999", "http://[::1"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    done = run_here("stress", "--url", url)
    assert done.returncode == 2
    assert "is not the address of a service" in done.stderr


@pytest.mark.parametrize("content", ["", "two\nlines", "ключ"])
def test_a_file_without_a_key_is_refused_without_quoting_it(tmp_path: Path, content: str) -> None:
    (tmp_path / "key").write_text(content, "utf-8")
    done = run_here("stress", "--key-file", tmp_path / "key")
    assert done.returncode == 2
    assert "does not hold a key" in done.stderr
    assert not content or content not in done.stderr


def test_without_the_extra_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    done = run_here("stress")
    assert done.returncode == 1
    assert "'firstline[stress]'" in done.stderr
