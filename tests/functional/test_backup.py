"""`firstline backup` and `firstline restore`, as somebody who looks after a workspace uses them."""

import json
import os
import random
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from tests.commands import Run
from tests.examples import examples
from tests.service import served

ASKED = "text\nБанкомат съел карту\nне могу войти в приложение\n"


@pytest.fixture
def place(trained: Path, tmp_path: Path) -> Path:
    """A workspace of one's own with a champion."""
    folder = Path(shutil.copytree(trained, tmp_path / "bank"))
    settings = folder / "firstline.toml"
    text = settings.read_text("utf-8").replace('candidates = ["auto"]', 'candidates = ["linear.v1"]\nfolds = 3')
    settings.write_text(text, "utf-8")
    return folder


def test_a_workspace_moves_to_another_folder_and_works_there(firstline: Run, place: Path, tmp_path: Path) -> None:
    key = firstline("keys", "add", "helpdesk", "--scope", "classify", "-w", place).stdout.strip()
    done = firstline("backup", tmp_path / "bank.tar.gz", "--json", "-w", place)
    told = json.loads(done.stdout)
    assert (done.returncode, told["n_messages"], len(told["models"]), told["n_runs"]) == (0, 30, 1, 1)
    assert stat.S_IMODE((tmp_path / "bank.tar.gz").stat().st_mode) == 0o600
    assert "is whole" in firstline("restore", tmp_path / "bank.tar.gz", "--check").stdout

    new = tmp_path / "elsewhere" / "bank"
    done = firstline("restore", tmp_path / "bank.tar.gz", "-w", new)
    assert done.returncode == 0, done.stderr
    assert "1 model, 1 run" in done.stdout

    status, before = (json.loads(firstline("status", "--json", "-w", one).stdout) for one in (new, place))
    assert status == before
    (tmp_path / "asked.csv").write_text(ASKED, "utf-8")
    outs = [tmp_path / "1.csv", tmp_path / "2.csv"]
    for folder, out in zip((place, new), outs, strict=True):
        assert firstline("classify", tmp_path / "asked.csv", "--out", out, "-w", folder).returncode == 0
    assert outs[0].read_bytes() == outs[1].read_bytes()
    # What the champion answered out of fold is there: it comes out again, or is compared.
    done = firstline("retrain", "-w", new)
    assert done.returncode == 0, done.stderr
    assert "is the champion and came out again" in done.stdout
    with served(new, tmp_path / "log") as service:
        headers = {"authorization": f"Bearer {key}"}
        answer = httpx.post(f"{service.address}/v1/classify", json={"text": "Банкомат съел карту"}, headers=headers)
        assert httpx.post(f"{service.address}/v1/classify", json={"text": "карта"}).status_code == 401
    assert answer.json()["label"] == "Банкомат"


def test_ids_that_were_hashed_are_known_after_a_restore(firstline: Run, place: Path, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,text\n+7 916 555-01-02,где карта\n", "utf-8")
    firstline("import", tmp_path / "a.csv", "-w", place)
    firstline("backup", tmp_path / "bank.tar", "-w", place)
    firstline("restore", tmp_path / "bank.tar", "-w", tmp_path / "new")
    (told,) = json.loads(firstline("import", tmp_path / "a.csv", "--json", "-w", tmp_path / "new").stdout)
    assert (told["n_new"], told["n_known"]) == (0, 1)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["backup", "bank.zip"], 2, "For example: bank.tar.gz"),
        (["backup", "kept.tar"], 2, "add --overwrite"),
        (["backup", "absent/bank.tar"], 1, "The folder absent does not exist"),
        (["restore", "kept.tar", "-w", "new"], 1, "kept.tar is not a backup of Firstline"),
        (["restore", "absent.tar", "-w", "new"], 1, "absent.tar cannot be read: No such file"),
        (["restore", "kept.tar"], 2, "Add --workspace DIR, or --check"),
        (["restore", "kept.tar", "--check", "-w", "new"], 2, "Add --workspace DIR, or --check"),
    ],
)
def test_what_cannot_be_done_is_said(
    firstline: Run, tmp_path: Path, arguments: list[str], code: int, said: str
) -> None:
    firstline("init", tmp_path)
    (tmp_path / "kept.tar").write_text("kept")
    done = firstline(*arguments, cwd=tmp_path)
    assert (done.returncode, said in done.stderr) == (code, True), done.stderr
    assert (tmp_path / "kept.tar").read_text() == "kept"
    assert not (tmp_path / "new").exists()


def test_no_error_quotes_a_message(firstline: Run, place: Path, tmp_path: Path) -> None:
    firstline("backup", tmp_path / "bank.tar", "-w", place)
    content = bytearray((tmp_path / "bank.tar").read_bytes())
    where = content.index("Банкомат съел карту".encode())
    content[where] ^= 1
    (tmp_path / "bank.tar").write_bytes(content)
    done = firstline("restore", tmp_path / "bank.tar", "-w", tmp_path / "new")
    assert done.returncode == 1
    assert "another hash" in done.stderr
    assert not any(message.text in done.stderr + done.stdout for message in examples().messages)


def kill_after(arguments: list[object], after_s: float) -> bool:
    """Whether it was killed before its end."""
    command = [sys.executable, "-m", "firstline", *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        time.sleep(after_s)
        process.send_signal(signal.SIGKILL)
        return process.wait() == -signal.SIGKILL


@pytest.fixture
def large(demo: Path, tmp_path: Path) -> Path:
    """A workspace that takes seconds to compress."""
    folder = Path(shutil.copytree(demo, tmp_path / "large"))
    dice = random.Random(0)
    run = next((folder / "runs").iterdir())
    for number in range(6):
        (run / f"more-{number}.npz").write_bytes(dice.randbytes(8_000_000))
    return folder


@pytest.mark.slow
def test_a_backup_that_is_killed_leaves_the_old_one_and_runs_again(firstline: Run, large: Path, tmp_path: Path) -> None:
    file = tmp_path / "backups" / "bank.tar.gz"
    file.parent.mkdir()
    assert firstline("backup", file, "-w", large).returncode == 0
    arguments: list[object] = ["backup", file, "--overwrite", "-w", large]
    began = time.monotonic()
    subprocess.run([sys.executable, "-m", "firstline", *map(str, arguments)], check=True, capture_output=True)
    lasts_s = time.monotonic() - began
    dice = random.Random(0)
    n_killed = sum(kill_after(arguments, dice.uniform(0.1, 0.95) * lasts_s) for _ in range(8))
    assert n_killed > 2
    assert firstline("restore", file, "--check").returncode == 0
    assert firstline(*arguments).returncode == 0
    assert [path.name for path in file.parent.iterdir()] == ["bank.tar.gz"]


@pytest.mark.slow
def test_a_restore_that_is_killed_runs_again(firstline: Run, large: Path, tmp_path: Path) -> None:
    file = tmp_path / "bank.tar.gz"
    assert firstline("backup", file, "-w", large).returncode == 0
    began = time.monotonic()
    subprocess.run(
        [sys.executable, "-m", "firstline", "restore", file, "-w", tmp_path / "whole"], check=True, capture_output=True
    )
    lasts_s = time.monotonic() - began
    whole = {path.relative_to(tmp_path / "whole") for path in (tmp_path / "whole").rglob("*")}
    dice = random.Random(0)
    n_killed = 0
    for number in range(8):
        new = tmp_path / str(number)
        n_killed += kill_after(["restore", file, "-w", new], dice.uniform(0.3, 1.0) * lasts_s)
        if not (new / "firstline.toml").exists():
            done = firstline("restore", file, "-w", new)
            assert done.returncode == 0, done.stderr
        found = {path.relative_to(new) for path in new.rglob("*")}
        assert {path for path in found if path.parts[0] != ".restoring"} == whole
        shutil.rmtree(new)
    assert n_killed > 2


@pytest.mark.slow
def test_a_backup_while_commands_write_is_whole(firstline: Run, place: Path, tmp_path: Path) -> None:
    """Imports, trainings that promote and prunes run; each backup restores to a workspace that answers."""
    code = (
        "import sys, itertools; from pathlib import Path; from tests.commands import run_here\n"
        "w = Path(sys.argv[1])\n"
        "for n in itertools.count():\n"
        "    (w / 'more.csv').write_text(f'text,label\\nкарта номер {n} съел банкомат {n},Банкомат\\n', 'utf-8')\n"
        "    run_here('import', w / 'more.csv', '-w', w)\n"
        "    run_here('retrain', '--promote', 'always', '-w', w)\n"
        "    run_here('models', 'prune', '--keep', '1', '-w', w)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen([sys.executable, "-c", code, str(place)], env=environment) as busy:
        try:
            (tmp_path / "asked.csv").write_text(ASKED, "utf-8")
            seen = set()
            for number in range(8):
                time.sleep(1)
                done = firstline("backup", tmp_path / f"{number}.tar", "--json", "-w", place)
                assert done.returncode == 0, done.stderr
                told = json.loads(done.stdout)
                assert told["champion"] in told["models"]
                assert told["warnings"] == []
                seen.add((told["champion"], told["n_messages"]))
                new = tmp_path / str(number)
                assert firstline("restore", tmp_path / f"{number}.tar", "-w", new).returncode == 0
                done = firstline("classify", tmp_path / "asked.csv", "--out", tmp_path / f"{number}.csv", "-w", new)
                assert done.returncode == 0, done.stderr
            assert len(seen) > 1
        finally:
            busy.kill()
