"""The cost of candidates that read with a sentence encoder."""

import time
from dataclasses import replace

from firstline.bundle.files import size_bytes
from firstline.evaluation.serving_cost import resident_bytes
from firstline.steps import run_to_end
from firstline.text.readings import as_written
from firstline.training.candidates.embedding import require_encoder
from firstline.training.candidates.encoder.candidate import FineTuned, TuningSettings
from firstline.training.candidates.encoder.kept import MOST
from firstline.training.costs.base import Cost, Workload
from firstline.training.costs.counting import N_LABELLED, labelled_sample
from firstline.training.costs.lessons import LessonsCost
from firstline.training.costs.vectors import VectorsCost
from firstline.training.encoders.folder import FolderEncoder
from firstline.training.encoders.vectors import missing_of

_N_BATCHES = 3
_PROCESS_BYTES, _NETWORK_BYTES, _BUNDLE_BYTES = 500_000_000, 1_500_000_000, 130_000_000


class EmbeddingCost:
    """Of `embedding.v1`: each message is encoded once, and once more by the part that serves."""

    def judge(self, workload: Workload) -> tuple[bool, str]:
        encoder = require_encoder(workload.context, "embedding.v1")
        return True, f"reads with {encoder.name} as it is"

    def measure(self, workload: Workload) -> Cost:
        context = workload.context
        encoder = require_encoder(context, "embedding.v1")
        texts = [as_written(message.text, message.segment) for message in workload.data.messages]
        every = VectorsCost.of(texts, encoder, None, context.seed)
        missing = len(missing_of(texts, encoder.id, context.vectors)) / max(1, len(set(texts)))
        disk = int(missing * every.disk_bytes) + _BUNDLE_BYTES
        return Cost((1 + missing) * every.seconds, resident_bytes() + _PROCESS_BYTES, disk)


class EncoderCost:
    """Of `encoder.v1`, from a few batches of its training."""

    def judge(self, workload: Workload) -> tuple[bool, str]:
        run_to_end(FineTuned.prepare(workload.context, []))
        return True, "learns slowly, and answers in tens of milliseconds"

    def measure(self, workload: Workload) -> Cost:
        context, data = workload.context, workload.data
        encoder = run_to_end(FineTuned.prepare(context, []))().encoder
        texts = [as_written(message.text, message.segment) for message in data.messages]
        seconds = tuning_s(workload, encoder) + VectorsCost.of(texts, encoder, None, context.seed).seconds
        memory = resident_bytes() + _NETWORK_BYTES
        disk = kept_bytes(workload, encoder) + served_bytes(encoder)
        if data.unlabelled:
            lessons = LessonsCost.of(workload, encoder)
            seconds += lessons.reading_s + len(workload.learned) * lessons.fold_s
            memory, disk = memory + lessons.memory_bytes, disk + lessons.disk_bytes
        return Cost(seconds, memory, disk)


def tuning_s(workload: Workload, encoder: FolderEncoder) -> float:
    """The seconds of fine-tuning in all folds and on all labels, from a few batches of labelled messages."""
    context, unlabelled = workload.context, workload.data.unlabelled
    messages, labels = labelled_sample(workload, N_LABELLED)
    settings = TuningSettings(**context.chosen_for("encoder.v1"))
    short = replace(settings, least_batches=_N_BATCHES, most_batches=_N_BATCHES)
    started: list[float] = []
    watched = replace(context, folder=None, report=lambda _: started.append(time.perf_counter()))
    FineTuned(watched, encoder, short).fit(messages, labels, [])
    _, max_rows, _ = short.reading(len(messages), 0)
    row_s = (started[-1] - started[0]) / max(len(started) - 1, 1) / max_rows
    n_others = min(settings.n_unlabelled, len(unlabelled))
    planned = [settings.reading(round(n_labelled), n_others) for n_labelled in workload.learned]
    return row_s * sum(rows * n_batches for _, rows, n_batches in planned)


def served_bytes(encoder: FolderEncoder) -> int:
    """What it takes in int8, a quarter of its folder."""
    return size_bytes(encoder.folder) // 4


def kept_bytes(workload: Workload, encoder: FolderEncoder) -> int:
    """What the fine-tuned ones take that the workspace keeps."""
    return min(len(workload.learned), MOST) * served_bytes(encoder)
