"""What Prometheus reads at /metrics.

Several processes on one port share their figures through files in a folder (`share`), so that each of them tells
the sums. The library's rules for that: no functions as gauges, and no labels that go away.
"""

import os
import threading
import time
from collections import Counter as Tally
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest, values
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from firstline.serving.current import Current
from firstline.serving.exchange import Exchange

CONTENT_TYPE = "text/plain; version=0.0.4"
"""Of what `Metrics.told` gives; in UTF-8."""
Together = Literal["livesum", "livemin", "livemax"]
"""How the gauges of several processes become one."""
_FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
_BUCKETS_S = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
_SAMPLE_S = 1.0
_GONE = "gone"
"""The status of a request whose client left before its answer."""
_PROCESS_LEAST = frozenset({"process_start_time_seconds", "process_max_fds"})
"""Figures of processes whose sum says nothing."""


def share(folder: Path, place: int) -> None:
    """Share this process's figures through `folder`. Its successor in the same `place` adds to them.

    To be called before the first `Metrics` is made.
    """
    os.environ[_FOLDER_VARIABLE] = str(folder)
    values.ValueClass = values.MultiProcessValue(lambda: place)


def withdraw(folder: Path, place: int) -> None:
    """Take the gauges of a process that has ended out of the sums; what it has counted stays."""
    mark_process_dead(place, str(folder))


class Metrics:
    """The figures of a service. `observe` counts a request; `gauge` and `count` name what is read at a scrape."""

    def __init__(self, current: Current) -> None:
        prometheus_client.disable_created_metrics()
        self._current = current
        self._registry = CollectorRegistry()
        self._folder = os.environ.get(_FOLDER_VARIABLE)
        self._duration = Histogram(
            "firstline_request_duration_seconds",
            "From the arrival of a request to its answer.",
            ["route"],
            buckets=_BUCKETS_S,
            registry=self._registry,
        )
        self._requests = self._counter("firstline_requests", "Requests that have ended.", "route", "status")
        self._errors = self._counter("firstline_errors", "Requests that got an error.", "route", "code")
        self._answers = self._counter("firstline_answers", "Messages that were answered.", "label", "decision")
        self._failed = self._counter("firstline_failed_messages", "Messages of batches that got an error.")
        # Looked up once each: the library's own look-up takes longer than the counting.
        self._durations: dict[str, Histogram] = {}
        self._by_status: dict[tuple[str, int], Counter] = {}
        self._by_answer: dict[tuple[str, str], Counter] = {}
        self._sampling = threading.Lock()
        self._gauges: list[tuple[Gauge, Callable[[], float]]] = []
        self._counts: list[tuple[Counter, Callable[[], Mapping[str, int]], Tally[str]]] = []
        self._model = ""
        self._serving = self._gauge(
            "firstline_model_serving", "Processes that answer with this model.", "livesum", "model"
        )
        self._process: dict[str, Gauge] = {}
        self._process_collector = ProcessCollector(registry=None if self._folder else self._registry)
        self._follow_model()
        if self._folder:
            # Others tell this process's figures, too, so they cannot wait for a scrape.
            threading.Thread(target=self._sample_for_others, name="metrics", daemon=True).start()

    def observe(self, exchange: Exchange, taken_s: float) -> None:
        """Count a request that has ended."""
        route, status = exchange.route, exchange.status
        duration = self._durations.get(route)
        if duration is None:
            duration = self._durations[route] = self._duration.labels(route)
        duration.observe(taken_s)
        requests = self._by_status.get((route, status))
        if requests is None:
            requests = self._requests.labels(route, str(status) if status else _GONE)
            self._by_status[route, status] = requests
        requests.inc()
        if len(exchange.answers) == 1:
            self._answered(exchange.answers[0], 1)
        elif exchange.answers:
            for answer, number in Tally(exchange.answers).items():
                self._answered(answer, number)
        if exchange.n_failed:
            self._failed.inc(exchange.n_failed)
        if exchange.error:
            self._errors.labels(route, exchange.error).inc()

    def gauge(self, name: str, help_text: str, read: Callable[[], float], together: Together) -> None:
        """Tell what `read` gives at the time."""
        self._gauges.append((self._gauge(name, help_text, together), read))

    def count(self, name: str, help_text: str, label: str, read: Callable[[], Mapping[str, int]]) -> None:
        """Tell what `read` has counted so far, by `label`."""
        self._counts.append((self._counter(name, help_text, label), read, Tally()))

    def told(self) -> bytes:
        """All figures as Prometheus reads them; of several processes, those of all."""
        self._sample()
        if not self._folder:
            return generate_latest(self._registry)
        registry = CollectorRegistry()
        MultiProcessCollector(registry, self._folder)
        return generate_latest(registry)

    def _answered(self, answer: tuple[str, str], number: int) -> None:
        counter = self._by_answer.get(answer)
        if counter is None:
            counter = self._by_answer[answer] = self._answers.labels(*answer)
        counter.inc(number)

    def _follow_model(self) -> None:
        current = self._current
        self.gauge(
            "firstline_model_loaded_timestamp_seconds",
            "When the model that answers was loaded; of several processes, the earliest.",
            lambda: current.service.loaded_at,
            "livemin",
        )
        self.gauge(
            "firstline_model_refused",
            "1 while the model that should answer is refused and an older one answers, else 0.",
            lambda: current.refused is not None,
            "livemax",
        )
        self.count(
            "firstline_refused_models",
            "How often a model was refused as it was loaded.",
            "code",
            lambda: current.refusals,
        )

    def _sample_for_others(self) -> None:
        while True:
            self._sample()
            time.sleep(_SAMPLE_S)

    def _sample(self) -> None:
        with self._sampling:
            for gauge, read in self._gauges:
                gauge.set(read())
            for counter, read_all, seen in self._counts:
                for value, number in tuple(read_all().items()):
                    counter.labels(value).inc(number - seen[value])
                    seen[value] = number
            model = self._current.service.model
            if model != self._model:
                if self._model:
                    self._serving.labels(self._model).set(0)
                self._serving.labels(model).set(1)
                self._model = model
            if self._folder:
                self._sample_process()

    def _sample_process(self) -> None:
        """The library tells memory and processor time of one process only; here they are gauges like others."""
        for metric in self._process_collector.collect():
            for sample in metric.samples:
                if sample.name not in self._process:
                    together: Together = "livemin" if sample.name in _PROCESS_LEAST else "livesum"
                    self._process[sample.name] = self._gauge(sample.name, metric.documentation, together)
                self._process[sample.name].set(sample.value)

    def _counter(self, name: str, help_text: str, *labels: str) -> Counter:
        return Counter(name, help_text, labels, registry=self._registry)

    def _gauge(self, name: str, help_text: str, together: Together, *labels: str) -> Gauge:
        return Gauge(name, help_text, labels, multiprocess_mode=together, registry=self._registry)
