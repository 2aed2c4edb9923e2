"""Personal data and words of messages, put into every place of every format, get nowhere that they do not belong."""

import tempfile
from pathlib import Path

import httpx
import pytest

from firstline.messages.formats import open_reader
from firstline.messages.records import ReadingOptions, Record
from firstline.serving.bulk import ADDED
from firstline.serving.explained import EXPLAINED
from tests.canaries import CONVERSATION, ENDINGS, PERSONAL, WORD, chats, history, leaks, leaks_in, write, write_broken
from tests.commands import Done, run_here
from tests.service import served


class Bird:
    """Runs commands on a workspace and remembers what they said."""

    def __init__(self, folder: Path) -> None:
        self.workspace = folder / "workspace"
        self.inputs = folder / "inputs"
        self.outputs = folder / "outputs"
        self.temporary = folder / "temporary"
        for made in (self.inputs, self.outputs, self.temporary):
            made.mkdir()
        self.said: dict[str, Done] = {}

    def run(self, *arguments: object, code: int | None = 0) -> Done:
        done = run_here(*arguments, "-w", self.workspace)
        assert code is None or done.returncode == code, done.stderr
        self.said[" ".join(map(str, arguments)).replace(str(self.inputs), "")] = done
        return done


@pytest.fixture(scope="module")
def bird(tmp_path_factory: pytest.TempPathFactory) -> Bird:
    """Every command, run on good files and on broken ones."""
    bird = Bird(tmp_path_factory.mktemp("canary"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(bird.temporary))
        patch.setattr(tempfile, "tempdir", str(bird.temporary))
        patch.setenv("FIRSTLINE_TRAINING__LEARNING_CURVE", "false")
        assert run_here("init", bird.workspace).returncode == 0
        _import(bird)
        _train(bird)
        _classify(bird)
        _serve(bird)
    return bird


def _import(bird: Bird) -> None:
    for ending in ENDINGS:
        write(bird.inputs / f"history.{ending}", history())
        bird.run("import", bird.inputs / f"history.{ending}")
    for file in write_broken(bird.inputs, history()):
        bird.run("import", file, code=None)
        bird.run("import", file, "--json", code=None)
        bird.run("import", file, "--text", "nowhere", code=1)
    for ending in ENDINGS:
        write(bird.inputs / f"chats.{ending}", chats())
        bird.run("import", bird.inputs / f"chats.{ending}", *CONVERSATION)
        bird.run("import", bird.inputs / f"chats.{ending}", *CONVERSATION[:4], "--agent-values", "nobody", code=1)
    bird.run("import", bird.inputs / "history.csv", "--dry-run")
    bird.run("import", "--undo")
    bird.run("import", bird.inputs / "chats.csv", *CONVERSATION)
    # A message and a conversation have it as their id, and are known by its hash.
    assert "2 messages" in bird.run("forget", PERSONAL["email"]).stdout
    settings = bird.workspace / "firstline.toml"
    text = settings.read_text("utf-8")
    settings.write_text(text.replace("fixed = []", 'fixed = ["Вход"]'), "utf-8")
    bird.run("import", bird.inputs / "history.csv", "--label", "label")
    settings.write_text(text, "utf-8")


def _train(bird: Bird) -> None:
    for options in ((), ("--disagreements",), ("--json",)):
        bird.run("status", *options)
    bird.run("advise", "--candidates", "linear.v1,forest.v1")
    bird.run("train", "--candidates", "linear.v1", "--folds", "2")
    bird.run("runs")
    (run,) = [path.name for path in (bird.workspace / "runs").iterdir()]
    bird.run("runs", "show", run)
    bird.run("models")
    bird.run("models", "show")
    bird.run("models", "show", "--json")
    bird.run("report")
    bird.run("report", "--language", "en", "--out", bird.outputs / "report.html", "--json")


def _classify(bird: Bird) -> None:
    for ending in ENDINGS:
        for name in ("history", "chats"):
            bird.run("classify", bird.inputs / f"{name}.{ending}", "-o", bird.outputs / f"{name}.{ending}")
        bird.run(
            "classify", bird.inputs / f"history.{ending}", "-o", bird.outputs / f"j.{ending}", "--json", "--explain"
        )
    bird.run("evaluate", bird.inputs / "history.csv")
    bird.run("evaluate", bird.inputs / "history.csv", "--json", "-")
    bird.run("evaluate", bird.inputs / "chats.csv", "--json", bird.outputs / "figures.json")
    for file in write_broken(bird.inputs, history()):
        bird.run("classify", file, "-o", bird.outputs / f"{file.name}.csv", code=None)
        bird.run("evaluate", file, code=None)
        bird.run("evaluate", file, "--label", "nowhere", code=1)


def _serve(bird: Bird) -> None:
    canary = f"{WORD}вопрос {' '.join(PERSONAL.values())}"
    with (
        served(bird.workspace, bird.outputs / "serve.log") as service,
        httpx.Client(base_url=service.address) as client,
    ):
        answers = [client.get(path) for path in ("/v1/models", "/health/ready", "/schema", f"/v1/{canary}")]
        for body in (
            {"text": canary},
            {"text": canary, "segment": canary},
            {"text": 5, canary: canary},
            {"text": canary, canary: canary},
            {"messages": [{"text": canary, "segment": canary}, {"text": ""}]},
            {"messages": [{"text": canary, canary: 1}]},
            {"messages": [{"text": canary, "id": [canary]}]},
            [canary],
        ):
            answers += [client.post(path, json=body) for path in ("/v1/classify", "/v1/classify/batch")]
        for content in (f'{{"text": "{canary}', f'{{"text": {canary}}}', f"{canary}\0"):
            answers.append(client.post("/v1/classify", content=content.encode()))
        answers.append(client.post("/v1/classify", content=canary.encode("cp1251")))
    for number, answer in enumerate(answers):
        (bird.outputs / f"{number}.answer").write_bytes(answer.content)


def test_no_personal_data_in_the_workspace(bird: Bird) -> None:
    assert leaks_in(bird.workspace) == {}


def test_plain_words_are_in_the_workspace(bird: Bird) -> None:
    """Else the test above would find nothing because nothing was imported."""
    content = b"".join(path.read_bytes() for path in bird.workspace.rglob("*.db*"))
    for place in ("text", "label", "segment", "id", "chat"):
        assert (WORD + place).encode() in content


def test_nothing_of_the_data_on_standard_error(bird: Bird) -> None:
    # The team's own classes may be named to the team.
    own_class = f"'{WORD}label'"
    told = {name: leaks(done.stderr.replace(own_class, "").encode()) for name, done in bird.said.items()}
    assert {name: signs for name, signs in told.items() if signs} == {}


def test_no_personal_data_on_standard_output(bird: Bird) -> None:
    told = {name: leaks(done.stdout.encode(), words=False) for name, done in bird.said.items()}
    assert {name: signs for name, signs in told.items() if signs} == {}


def test_only_the_columns_that_are_copied_hold_personal_data(bird: Bird) -> None:
    n_copied = 0
    for path in bird.outputs.iterdir():
        if path.suffix.removeprefix(".") not in ENDINGS or path.name.endswith(".rejects.csv"):
            continue
        if path.name == "figures.json":
            assert leaks(path.read_bytes(), words=False) == []
            continue
        reader = open_reader(path, ReadingOptions())
        own = list(ADDED)
        if path.name.startswith("j."):
            own += EXPLAINED
        if path.name.startswith("chats."):
            own.append("text")
        for row in reader.records(own):
            assert isinstance(row, Record)
            assert leaks(str(list(row.values)).encode(), words=False) == []
        n_copied += 1
    assert n_copied >= 3 * len(ENDINGS)


def test_rejects_answers_and_logs_repeat_nothing(bird: Bird) -> None:
    files = [path for path in bird.outputs.iterdir() if path.suffix in (".answer", ".log") or "rejects" in path.name]
    assert len(files) > 20
    # Class names are the team's own: an answer ranks them.
    told = {path.name: leaks(path.read_bytes(), words=path.suffix != ".answer") for path in files}
    assert {name: signs for name, signs in told.items() if signs} == {}


def test_the_errors_of_the_service_repeat_no_word(bird: Bird) -> None:
    errors = [path.read_bytes() for path in bird.outputs.glob("*.answer") if b'"error":{' in path.read_bytes()]
    assert len(errors) > 8
    assert [leaks(error) for error in errors if leaks(error) and b'"results"' not in error] == []


def test_the_temporary_folder_is_empty(bird: Bird) -> None:
    assert list(bird.temporary.iterdir()) == []
    assert [path.name for path in (bird.workspace / "tmp").iterdir()] == [".lock"]


def test_what_holds_messages_is_closed_to_others(bird: Bird) -> None:
    private = [*bird.workspace.glob("*.db*"), *bird.workspace.glob("imports/*"), *bird.workspace.glob("reports/*")]
    private.append(bird.workspace / "workspace.key")
    private += [path for path in bird.outputs.iterdir() if path.suffix not in (".answer", ".log")]
    assert {path.name for path in private if path.stat().st_mode & 0o077} == set()


def test_a_rejects_file_names_lines_of_each_place(bird: Bird) -> None:
    told = (bird.workspace / "imports" / "history.csv.rejects.csv").read_text("utf-8")
    assert "the class is not in the fixed list" in told
    told = (bird.workspace / "imports" / "history.json.rejects.csv").read_text("utf-8")
    for role in ("class", "segment"):
        assert told.count(f"the {role} holds personal data") == len(PERSONAL)
