"""The whole loop on PostgreSQL, with the commands that a user types."""

import json
from pathlib import Path

import pytest
from sqlalchemy.engine import URL

from tests.commands import Done, Run
from tests.examples import write_examples
from tests.postgres import LOCKED, PASSWORD, Server


@pytest.fixture
def bank(firstline: Run, tmp_path: Path, prepared: URL, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace whose database is on a server, named by the environment."""
    monkeypatch.setenv("FIRSTLINE_DATABASE__URL", prepared.render_as_string(hide_password=False))
    monkeypatch.setenv("FIRSTLINE_TRAINING__LEARNING_CURVE", "false")
    folder = tmp_path / "bank"
    assert firstline("init", folder).returncode == 0
    write_examples(folder / "history.csv")
    return folder


def test_the_loop_works_on_a_server(firstline: Run, bank: Path, tmp_path: Path) -> None:
    def run(*arguments: object) -> Done:
        done = firstline(*arguments, "-w", bank)
        assert done.returncode == 0, done.stderr
        return done

    history = bank / "history.csv"
    (first,) = json.loads(run("import", history, "--json").stdout)
    (again,) = json.loads(run("import", history, "--relabel", "--json").stdout)
    assert (first["n_known"], again["n_new"], again["n_known"]) == (0, 0, first["n_new"])
    status = json.loads(run("status", "--json").stdout)
    assert (status["n_messages"], status["n_labelled"]) == (first["n_new"], first["n_labelled"])
    trained = json.loads(run("train", "--candidates", "linear.v1", "--folds", "3", "--json").stdout)
    assert trained["champion"] == trained["model"]
    run("evaluate", history)
    run("classify", history, "--out", tmp_path / "out.csv")
    assert len((tmp_path / "out.csv").read_text("utf-8").splitlines()) == first["n_rows"] + 1
    run("models")
    run("runs")
    assert not (bank / "firstline.db").exists()


def test_no_command_shows_the_password(
    firstline: Run, bank: Path, postgres: Server, prepared: URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    for url in (prepared.set(username=LOCKED, password=f"not-{PASSWORD}"), prepared.set(password=PASSWORD, port=1)):
        monkeypatch.setenv("FIRSTLINE_DATABASE__URL", url.render_as_string(hide_password=False))
        for command in (["import", bank / "history.csv"], ["status"], ["advise"], ["train"]):
            done = firstline(*command, "-w", bank)
            assert (done.returncode, PASSWORD in done.stdout + done.stderr) == (1, False)
            assert "The database postgresql+psycopg://" in done.stderr
