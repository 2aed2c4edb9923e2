"""TPOT (Olson et al. 2016), limited to what serving can run, and kept off the network."""

import gc
import os
import re
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, redirect_stdout
from dataclasses import dataclass
from functools import partial
from multiprocessing import current_process
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
from distributed import Client, LocalCluster, WorkerPlugin
from distributed.core import Status
from distributed.security import Security
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import Pipeline, make_pipeline

from firstline.errors import TrainingError
from firstline.processes import n_usable_cores
from firstline.training.quiet import quiet

if TYPE_CHECKING:
    from tpot.search_spaces.base import SearchSpace

CLASSIFIERS = (
    "LogisticRegression",
    "SGDClassifier",
    "LinearDiscriminantAnalysis",
    "QuadraticDiscriminantAnalysis",
    "GaussianNB",
    "KNeighborsClassifier",
    "MLPClassifier",
    "RandomForestClassifier",
    "ExtraTreesClassifier",
)
"""Those of TPOT's operators that give probabilities, and the same ones as an ONNX graph."""

TRANSFORMERS = (
    "StandardScaler",
    "RobustScaler",
    "MinMaxScaler",
    "MaxAbsScaler",
    "PowerTransformer",
    "PCA",
    "SelectPercentile",
    "SelectFwe",
    "VarianceThreshold",
)
_MOST_TRANSFORMERS = 2
_FOLDS = 3
_OBJECTIVE = "f1_score"
_LOOK_EVERY_S = 1.0
_NUMPY = re.compile(r"np\.\w+\(([^()]*)\)")


@dataclass(frozen=True)
class Found:
    """The fitted pipeline, what cross-validation on the same messages said of it, and how many were tried."""

    pipeline: Pipeline
    macro_f1: float
    n_tried: int

    @property
    def words(self) -> str:
        """Its steps and what is set of them: `PCA(n_components=0.9) -> LogisticRegression(C=3.2)`."""
        steps = (" ".join(str(step).split()) for _, step in self.pipeline.steps)
        return _NUMPY.sub(r"\1", " -> ".join(steps))


WorkingFolder = Callable[[], AbstractContextManager[Path | str]]
"""Where processes of one's own put what does not fit into memory."""

Connect = Callable[[], AbstractContextManager[Client]]
"""Opens a client of a Dask cluster."""


def find_pipeline(
    features: NDArray[np.float32],
    labels: NDArray[np.int64],
    population: int,
    generations: int,
    minutes: float,
    seed: int,
    report: Callable[[int], None],
    cluster: Connect | None = None,
    working_folder: WorkingFolder = TemporaryDirectory,
) -> Found:
    """The pipeline with the best macro-F1 of three folds, fitted on everything.

    `features` (n_messages, n_dimensions), `labels` (n_messages,) places of classes. `report` is told how many
    generations are done. `cluster` opens the one whose workers evaluate; without it, the cores here do.
    After `minutes` no generation begins; an evaluation takes a quarter of them at most. Raises `TrainingError`
    where no pipeline could be fitted.
    """
    tpot = _tpot()
    with _silence(), _theirs(cluster) if cluster else _ours(working_folder) as client:
        search = tpot.TPOTEstimator(
            search_space=_space(len(set(labels.tolist())), features.shape, seed),
            scorers=["f1_macro"],
            scorers_weights=[1],
            classification=True,
            cv=StratifiedKFold(_FOLDS, shuffle=True, random_state=seed),
            population_size=population,
            generations=generations,
            max_time_mins=minutes,
            max_eval_time_mins=minutes / 4,
            client=client,
            random_state=seed,
            verbose=0,
        )
        with _stoppable(), _watched(search, report):
            try:
                search.fit(features, labels)
            # Where all pipelines fail, TPOT fails with whatever comes of it.
            except Exception as error:
                raise TrainingError(
                    f"TPOT found no pipeline: {error}.", "Give it more minutes, or leave out tpot.v1."
                ) from error
    tried = search.evaluated_individuals
    pipeline = search.fitted_pipeline_
    return Found(
        pipeline if isinstance(pipeline, Pipeline) else make_pipeline(pipeline),
        round(float(tried[_OBJECTIVE].max()), 4),
        int(tried[_OBJECTIVE].notna().sum()),
    )


def _space(n_labels: int, shape: tuple[int, ...], seed: int) -> "SearchSpace":
    """A classifier behind none, one or two transformers."""
    from tpot.config import get_search_space
    from tpot.search_spaces.pipelines import ChoicePipeline, SequentialPipeline

    def operators(names: tuple[str, ...]) -> Any:
        return get_search_space(
            list(names), n_classes=n_labels, n_samples=shape[0], n_features=shape[1], random_state=seed
        )

    transformer, classifier = operators(TRANSFORMERS), operators(CLASSIFIERS)
    lengths = range(_MOST_TRANSFORMERS + 1)
    return ChoicePipeline([SequentialPipeline([*[transformer] * length, classifier]) for length in lengths])


def _tpot() -> ModuleType:
    """The package, which asks the network for a newer version of itself as it is imported: not here."""
    stub = ModuleType("update_checker")
    stub.update_check = lambda *_: None  # type: ignore[attr-defined]
    with _silence():
        if "tpot" not in sys.modules:
            sys.modules["update_checker"] = stub
        import tpot
    if sys.modules.get("update_checker") is stub:
        del sys.modules["update_checker"]
    found: ModuleType = tpot
    return found


class _Quiet(WorkerPlugin):
    """A worker imports TPOT as quietly as we do, before its first task does; one of ours leaves Ctrl-C to us."""

    name = "firstline-quiet"

    def __init__(self, is_ours: bool) -> None:
        self.is_ours = is_ours

    def setup(self, worker: object) -> None:
        warnings.simplefilter("ignore")
        # Elsewhere a worker is a thread of ours, which may not.
        if self.is_ours and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        _tpot()


@contextmanager
def _theirs(connect: Connect) -> Iterator[Client]:
    """The workers of a cluster, which is somebody's and has other work: it is left as it was."""
    with connect() as client, client.as_current():
        # What TPOT asks of a cluster, and a client that was given an address does not have.
        client.cluster = SimpleNamespace(status=Status.running, workers=list(client.nthreads()))
        # On every worker: what only one has goes with that one.
        client.scatter = partial(client.scatter, broadcast=True)  # type: ignore[method-assign]
        client.register_plugin(_Quiet(is_ours=False))
        try:
            yield client
        finally:
            client.unregister_worker_plugin(_Quiet.name)


@contextmanager
def _ours(working_folder: WorkingFolder) -> Iterator[Client]:
    """A process for each core, on the loopback interface.

    A thread here where there is one core, or this process must not have others, as a worker of a search. Connections
    are encrypted with a certificate that only they have: a Dask worker runs what it is sent, and other people may be
    on this machine.
    """
    alone = n_usable_cores() == 1 or current_process().daemon
    with (
        working_folder() as folder,
        LocalCluster(
            n_workers=1 if alone else n_usable_cores(),
            threads_per_worker=1,
            processes=not alone,
            protocol="tls://",
            host="127.0.0.1",
            security=Security.temporary(),
            local_directory=str(folder),
            dashboard_address=None,
            silence_logs=50,
        ) as cluster,
        Client(cluster) as client,
    ):
        client.register_plugin(_Quiet(is_ours=True))
        yield client


@contextmanager
def _silence() -> Iterator[None]:
    """No warnings, of which pipelines that are tried give many, and no word of connections that are closed.

    Nor of evaluations that are lost with a worker, which TPOT prints where our own answers go.
    """
    logs = quiet("asyncio", "distributed", "tornado.application")
    with logs, warnings.catch_warnings(), Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
        warnings.simplefilter("ignore")
        try:
            yield
        finally:
            # What was never awaited says so when it is collected.
            gc.collect()


class _Stopped(BaseException):
    """Ctrl-C was pressed."""


@contextmanager
def _stoppable() -> Iterator[None]:
    """TPOT takes Ctrl-C for the end of its search, and goes on with what it has; here it is the end of everything."""
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or before in (signal.SIG_IGN, None):
        yield
        return

    def stop(number: int, frame: object) -> None:
        raise _Stopped

    signal.signal(signal.SIGINT, stop)
    try:
        yield
    except _Stopped:
        raise KeyboardInterrupt from None
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _watched(search: Any, report: Callable[[int], None]) -> Iterator[None]:
    """Tells how many generations are done, from another thread, since TPOT has no callback."""
    ended = threading.Event()

    def watch() -> None:
        told = -1
        while not ended.wait(_LOOK_EVERY_S):
            done = getattr(search._evolver_instance, "generation", 0)
            if done != told:
                report(done)
                told = done

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()
