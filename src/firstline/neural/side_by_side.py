"""Runs jobs on several processor cores, in separate processes, with progress.

Processes, not threads: PyTorch draws its random numbers from one generator a process, so two
trainings in one process would disturb each other, and the same seed would not give the same model.
"""

import pickle
import queue
import sys
from collections.abc import Callable, Sequence
from multiprocessing import current_process, get_context
from typing import Any, Protocol, TypeVar

from firstline.errors import FirstlineError, TrainingError, trace_of
from firstline.neural.memory import is_out_of_memory
from firstline.processes import begin_as_child, n_usable_cores
from firstline.steps import Stage

Result = TypeVar("Result")
Made = TypeVar("Made", covariant=True)
Report = Callable[[Stage], None]
_POLL_S = 1.0


class Job(Protocol[Made]):
    """Work that can be sent to another process and reports its progress."""

    def __call__(self, report: Report) -> Made: ...


def run_side_by_side(jobs: Sequence[Job[Result]], report: Report) -> list[Result]:
    """The results of all jobs, in their order, as many at once as there are cores.

    On one core, or for one job, here and one after the other; also where this process must not have others of its
    own, as a worker of a search. What a job raises is raised here, and the others are ended. Each process takes its
    share of the cores.
    """
    n_cores = n_usable_cores()
    if len(jobs) == 1 or n_cores == 1 or current_process().daemon:
        return [job(report) for job in jobs]
    context = get_context("spawn")
    messages = context.Queue()
    n_at_once = min(n_cores, len(jobs))
    n_threads = n_cores // n_at_once
    processes = [
        context.Process(target=_work, args=(place, pickle.dumps(job), messages, n_threads), daemon=True)
        for place, job in enumerate(jobs)
    ]
    results: dict[int, Result] = {}
    try:
        waiting = list(processes)
        while len(results) < len(jobs):
            while waiting and len(jobs) - len(waiting) - len(results) < n_at_once:
                waiting.pop(0).start()
            place, kind, value = _next(messages, processes, results)
            if kind == "stage":
                report(value)
            elif kind == "result":
                results[place] = pickle.loads(value)  # noqa: S301 (our own process made it)
            else:
                raise value
        return [results[place] for place in range(len(jobs))]
    finally:
        for process in processes:
            if process.is_alive():
                process.terminate()
            if process.pid is not None:
                process.join()


def _next(messages: Any, processes: Sequence[Any], results: dict[int, Any]) -> tuple[int, str, Any]:
    """The next message; raises `TrainingError` if a process ended without one."""
    while True:
        gone = [
            place
            for place, process in enumerate(processes)
            if process.pid is not None and not process.is_alive() and place not in results
        ]
        try:
            found: tuple[int, str, Any] = messages.get(timeout=_POLL_S)
            return found
        except queue.Empty:
            if gone:
                code = processes[gone[0]].exitcode
                raise TrainingError(
                    f"A process of the training was ended from outside (exit code {code}), for lack of memory perhaps.",
                    "Close other programs, or set directions of ulmfit.v1 to one in firstline.toml; then run again.",
                ) from None


# Jobs and results travel as bytes: PyTorch would send tensors by shared memory, which goes with the process.
def _work(place: int, pickled: bytes, messages: Any, n_threads: int) -> None:
    begin_as_child()
    import torch

    torch.set_num_threads(n_threads)

    def report(stage: Stage) -> None:
        messages.put((place, "stage", stage))

    try:
        job: Job[Any] = pickle.loads(pickled)  # noqa: S301 (our own process made it)
        messages.put((place, "result", pickle.dumps(job(report))))
    except FirstlineError as error:
        messages.put((place, "error", error))
    except Exception as error:
        if is_out_of_memory(error):
            messages.put((place, "error", MemoryError()))
            return
        print(trace_of(error), file=sys.stderr)  # noqa: T201 (this process has no other voice)
        messages.put((place, "error", TrainingError("A process of the training failed; see above.")))
