"""TPOT is kept to what can be served, and off the network."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, suppress
from multiprocessing import get_context
from multiprocessing.queues import Queue

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from firstline.errors import TrainingError
from firstline.search.connecting import connect
from firstline.training.candidates.tpot import engine
from firstline.training.candidates.tpot.engine import Found, find_pipeline
from firstline.training.candidates.tpot.graph import graph_of
from tests.clusters import Started

LABELS = np.arange(90, dtype=np.int64) % 3


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes of its own take seconds to start."""
    monkeypatch.setattr(engine, "n_usable_cores", lambda: 1)


def features() -> NDArray[np.float32]:
    noise = np.random.default_rng(0).normal(0, 0.4, (len(LABELS), 6))
    noise[:, :3] += np.eye(3)[LABELS]
    return noise.astype(np.float32)


def found(seed: int = 0, told: list[int] | None = None) -> Found:
    return find_pipeline(features(), LABELS, 4, 2, 5.0, seed, (told if told is not None else []).append)


def test_the_best_pipeline_is_fitted_and_can_be_served() -> None:
    one = found()
    assert one.n_tried >= 4
    assert one.macro_f1 > 0.7
    assert graph_of(one.pipeline, features())


@pytest.mark.slow
def test_the_same_seed_finds_the_same_pipeline() -> None:
    assert found(seed=3).words == found(seed=3).words


@pytest.mark.slow
def test_processes_of_its_own_find_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    here = found(seed=1)
    monkeypatch.setattr(engine, "n_usable_cores", lambda: 2)
    there = found(seed=1)
    assert (there.words, there.macro_f1) == (here.words, here.macro_f1)


def _found_there(results: "Queue[str]") -> None:
    results.put(find_pipeline(features(), LABELS, 4, 2, 5.0, 1, lambda _: None).words)


@pytest.mark.slow
def test_a_worker_of_a_search_finds_the_same() -> None:
    context = get_context("spawn")
    results = context.Queue()
    process = context.Process(target=_found_there, args=(results,), daemon=True)
    process.start()
    assert results.get(timeout=120) == found(seed=1).words
    process.join()


def test_where_every_pipeline_fails_there_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "CLASSIFIERS", ("MultinomialNB",))
    monkeypatch.setattr(engine, "TRANSFORMERS", ("StandardScaler",))
    with pytest.raises(TrainingError, match="TPOT found no pipeline"):
        found()


@pytest.fixture
def hears_ctrl_c() -> Iterator[None]:
    """As at a terminal: what a shell starts in the background inherits that Ctrl-C is ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("hears_ctrl_c")
def test_ctrl_c_ends_the_training_although_tpot_goes_on() -> None:
    with pytest.raises(KeyboardInterrupt), engine._stoppable(), suppress(KeyboardInterrupt, Exception):
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_words_are_the_steps_and_what_is_set_of_them() -> None:
    pipeline = make_pipeline(PCA(n_components=np.float64(0.5)), LogisticRegression(solver=np.str_("saga")))
    words = Found(pipeline, 0.5, 1).words
    assert words == "PCA(n_components=0.5) -> LogisticRegression(solver='saga')"


def test_importing_tpot_asks_nobody_for_a_newer_version() -> None:
    code = (
        "import socket, sys\n"
        "def refuse(*arguments): raise SystemExit(3)\n"
        "socket.socket.connect = socket.getaddrinfo = refuse\n"
        "from firstline.training.candidates.tpot.engine import _tpot\n"
        "assert _tpot().TPOTEstimator\n"
        "assert 'update_checker' not in sys.modules\n"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0


@pytest.mark.slow
def test_a_cluster_finds_the_same_although_a_worker_is_lost(
    started: Started, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(engine, "_LOOK_EVERY_S", 0.05)

    def lose_one(generation: int) -> None:
        if generation == 1:
            os.killpg(started.workers[0].pid, signal.SIGKILL)

    there = find_pipeline(features(), LABELS, 4, 3, 5.0, 1, lose_one, lambda: closing(connect(started.address)))
    assert there.words == find_pipeline(features(), LABELS, 4, 3, 5.0, 1, lambda _: None).words
    assert started.workers[0].poll() is not None
    assert capsys.readouterr().out == ""
