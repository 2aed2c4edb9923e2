"""`tpot.v1`: whatever pipeline TPOT finds over latent components of TF-IDF, or over sentence vectors."""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray

from firstline.bundle.parts.pipeline import PipelineGraph, TfidfPipeline, VectorPipeline, open_head, vectors_by
from firstline.errors import ExtraMissing
from firstline.evaluation.serving_cost import resident_bytes
from firstline.processes import n_usable_cores
from firstline.steps import Stage, each_as, run_to_end
from firstline.text.readings import Reading, read
from firstline.training.candidates.base import Candidate, Context
from firstline.training.candidates.embedding import require_encoder
from firstline.training.candidates.estimate import Eligible, Estimate, Workload
from firstline.training.candidates.latent import MOST_UNLABELLED, some, to_components
from firstline.training.candidates.ranges import number, one_of, whole
from firstline.training.candidates.tfidf import BLOCKS, TfidfBlocks
from firstline.training.candidates.tpot.graph import graph_of
from firstline.training.encoders.vectors import vectors_of
from firstline.training.provenance import installed, key_of
from firstline.types import Label, Message

if TYPE_CHECKING:
    from firstline.training.candidates.tpot.engine import Found

_LIBRARIES = ("tpot", "skl2onnx")
_WORKER_BYTES, _BUNDLE_BYTES = 600_000_000, 60_000_000


@dataclass(frozen=True)
class TpotSettings:
    """What a search has; it searches anew in each training."""

    over: Literal["components", "vectors"] = one_of(
        "components", ("components", "vectors"), "what pipelines read: latent components or sentence vectors"
    )
    n_components: int = whole(150, 20, 500, "number of latent components")
    population: int = whole(16, 4, 200, "pipelines in each generation")
    generations: int = whole(4, 1, 200, "how many generations at most")
    minutes: float = number(3.0, 0.5, 600.0, "minutes that each training may search", is_log=True)
    max_unlabelled: int = MOST_UNLABELLED


class Tpot(Candidate):
    """TPOT searches anew in each training: `generations` of `population` pipelines, for `minutes` at most.

    `over` the latent `components` of TF-IDF, or the sentence `vectors` of the workspace's encoder. The same seed finds
    the same pipeline where no limit of time is reached.
    """

    name = "tpot.v1"
    extra = "search"
    settings_type: ClassVar[type] = TpotSettings
    settings: TpotSettings
    spreads = True

    def __init__(self, context: Context, settings: TpotSettings) -> None:
        self.context = context
        self.settings = settings

    @classmethod
    def eligible(cls, workload: Workload) -> Eligible:
        """If TPOT is installed; raises what `prepare` raises."""
        run_to_end(cls.prepare(workload.context, []))
        minutes = cls.settings_for(workload.context).minutes
        return True, f"searches for pipelines, up to {minutes:g} minutes in each fold"

    @classmethod
    def estimate(cls, workload: Workload) -> Estimate:
        """Its limit of time in each training: a search that has tried what it was asked for ends earlier."""
        seconds = 60 * cls.settings_for(workload.context).minutes * len(workload.learned)
        return Estimate(seconds, resident_bytes() + n_usable_cores() * _WORKER_BYTES, _BUNDLE_BYTES)

    @classmethod
    def prepare(cls, context: Context, messages: Sequence[Message]) -> Generator[Stage, None, Callable[[], Self]]:
        """Nothing is shared: held-out messages must not shape the components that they are judged with.

        Raises `ExtraMissing` if TPOT or the converter to ONNX is not installed, and what `require_encoder` raises
        where vectors are asked for.
        """
        if not all(map(find_spec, (*_LIBRARIES, "distributed"))):
            raise ExtraMissing(f"The candidate '{cls.name}'", cls.extra)
        settings = cls.settings_for(context)
        if settings.over == "vectors":
            require_encoder(context, f"{cls.name} over vectors")
        yield from ()
        return lambda: cls(context, settings)

    @classmethod
    def encoders(cls, context: Context) -> tuple[str, ...]:
        """The one of the workspace, if it reads vectors."""
        return (context.encoder.name,) if cls.settings_for(context).over == "vectors" else ()

    @classmethod
    def starts_from(cls, context: Context) -> str:
        """The versions of TPOT and of the converter to ONNX, which no other candidate needs."""
        return key_of(installed(_LIBRARIES))

    def fit(self, messages: Sequence[Message], labels: Sequence[Label], unlabelled: Sequence[Message]) -> Self:
        """Learn components from all messages, and the pipeline from the labelled ones. Raises `TrainingError`."""
        self.labels_ = sorted(set(labels))
        place = {label: index for index, label in enumerate(self.labels_)}
        truth = np.array([place[label] for label in labels], np.int64)
        if self.settings.over == "vectors":
            self.part_: TfidfPipeline | VectorPipeline = self._over_vectors(messages, truth)
        else:
            self.part_ = self._over_components(messages, truth, unlabelled)
        return self

    def predict_proba(self, messages: Sequence[Message]) -> NDArray[np.float32]:
        """Uncalibrated probabilities of the graph that serves, (n_messages, n_labels); rows sum to 1."""
        return self.part_.predict_proba(self._texts(messages, self.part_.reads))

    def _over_components(
        self, messages: Sequence[Message], truth: NDArray[np.int64], unlabelled: Sequence[Message]
    ) -> TfidfPipeline:
        seed = self.context.seed
        tfidf = TfidfBlocks(BLOCKS, min_df=2)
        texts = self._texts([*messages, *some(unlabelled, self.settings.max_unlabelled, seed)], TfidfPipeline.reads)
        counted = tfidf.fit_transform(texts, n_labelled=len(messages)).astype(np.float32)
        projection = to_components(counted, self.settings.n_components, 1.0, seed).astype(np.float16)
        features = np.asarray(counted[: len(messages)] @ projection.astype(np.float32), np.float32)
        return TfidfPipeline(tfidf.fitted(), projection, self._find(features, truth))

    def _over_vectors(self, messages: Sequence[Message], truth: NDArray[np.int64]) -> VectorPipeline:
        encoder = require_encoder(self.context, f"{self.name} over vectors")
        texts = self._texts(messages, VectorPipeline.reads)
        what = f"sentence vectors by {encoder.name}"
        steps = vectors_of(texts, encoder, self.context.vectors)
        vectors = run_to_end(each_as(steps, lambda step: Stage(what, *step)), self.context.report)
        self.encoder_ = encoder.id
        part = encoder.part(open_head(vectors), texts)
        # As it will serve: an encoder in int8 answers a little otherwise with another head.
        features = vectors_by(part, texts)
        return VectorPipeline(part, self._find(features, truth), features.shape[1])

    def _find(self, features: NDArray[np.float32], truth: NDArray[np.int64]) -> PipelineGraph:
        from firstline.training.candidates.tpot.engine import find_pipeline

        settings = self.settings
        self.found_: Found = find_pipeline(
            features,
            truth,
            settings.population,
            settings.generations,
            settings.minutes,
            self.context.seed,
            lambda done: self.context.report(Stage("generations of TPOT", done, settings.generations)),
            self.context.cluster,
            self.context.working_folder,
        )
        return PipelineGraph(graph_of(self.found_.pipeline, features), features.shape[1], len(self.labels_))

    def export(self, folder: Path) -> str:
        """Write what makes components or vectors, and the graph; returns the kind of the part."""
        self.part_.save(folder)
        return self.part_.kind

    def describe(self) -> dict[str, object]:
        """The settings, and the pipeline in words, for the manifest."""
        found = self.found_
        words = {"pipeline": found.words, "inner_macro_f1": found.macro_f1, "n_tried": found.n_tried}
        if self.settings.over == "vectors":
            words["encoder"] = self.encoder_
        return {**super().describe(), **words}

    def _texts(self, messages: Sequence[Message], reading: Reading) -> list[str]:
        return [read(reading, self.context.rules, message.text, message.segment) for message in messages]
