"""`tpot.v1`: whatever pipeline TPOT finds over latent components of TF-IDF, or over sentence vectors."""

from collections.abc import Callable, Generator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

from firstline.bundle.parts.pipeline import PipelineGraph, TfidfPipeline, VectorPipeline, open_head, vectors_by
from firstline.errors import ExtraMissing
from firstline.steps import Stage, each_as, run_to_end
from firstline.text.readings import Reading, read
from firstline.training.candidates.base import Context, OnePart
from firstline.training.candidates.embedding import require_encoder
from firstline.training.candidates.latent import MOST_UNLABELLED, some, to_components
from firstline.training.candidates.tfidf import BLOCKS, TfidfBlocks
from firstline.training.candidates.tpot.engine import Found, find_pipeline
from firstline.training.candidates.tpot.graph import graph_of
from firstline.training.encoders.vectors import vectors_of
from firstline.training.provenance import installed, key_of
from firstline.types import Label, Message

_LIBRARIES = ("tpot", "skl2onnx")


class Tpot(OnePart):
    """TPOT searches anew in each training: `generations` of `population` pipelines, for `minutes` at most.

    `over` the latent `components` of TF-IDF, or the sentence `vectors` of the workspace's encoder. The same seed finds
    the same pipeline where no limit of time is reached.
    """

    spreads = True

    def __init__(
        self,
        context: Context,
        over: Literal["components", "vectors"] = "components",
        n_components: int = 150,
        population: int = 16,
        generations: int = 4,
        minutes: float = 3.0,
        max_unlabelled: int = MOST_UNLABELLED,
    ) -> None:
        self.context = context
        self.over = over
        self.n_components = n_components
        self.population = population
        self.generations = generations
        self.minutes = minutes
        self.max_unlabelled = max_unlabelled

    @classmethod
    def prepare(cls, context: Context, messages: Sequence[Message]) -> Generator[Stage, None, Callable[[], Self]]:
        """Nothing is shared: held-out messages must not shape the components that they are judged with.

        Raises `ExtraMissing` where TPOT or the converter to ONNX is not installed, and what `require_encoder` raises
        where vectors are asked for.
        """
        if not all(map(find_spec, _LIBRARIES)):
            raise ExtraMissing("The candidate 'tpot.v1'", "search")
        chosen = context.chosen_for("tpot.v1")
        if chosen.get("over") == "vectors":
            require_encoder(context, "tpot.v1 over vectors")
        yield from ()
        return lambda: cls(context, **chosen)

    @classmethod
    def encoders(cls, context: Context) -> tuple[str, ...]:
        """The one of the workspace, where it reads vectors."""
        return (context.encoder.name,) if context.chosen_for("tpot.v1").get("over") == "vectors" else ()

    @classmethod
    def starts_from(cls, context: Context) -> str:
        """The versions of TPOT and of the converter to ONNX, which no other candidate needs."""
        return key_of(installed(_LIBRARIES))

    def fit(self, messages: Sequence[Message], labels: Sequence[Label], unlabelled: Sequence[Message]) -> Self:
        """Learn components from all messages, and the pipeline from the labelled ones. Raises `TrainingError`."""
        self.labels_ = sorted(set(labels))
        place = {label: index for index, label in enumerate(self.labels_)}
        truth = np.array([place[label] for label in labels], np.int64)
        if self.over == "vectors":
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
        texts = self._texts([*messages, *some(unlabelled, self.max_unlabelled, seed)], TfidfPipeline.reads)
        counted = tfidf.fit_transform(texts, n_labelled=len(messages)).astype(np.float32)
        projection = to_components(counted, self.n_components, 1.0, seed).astype(np.float16)
        features = np.asarray(counted[: len(messages)] @ projection.astype(np.float32), np.float32)
        return TfidfPipeline(tfidf.fitted(), projection, self._find(features, truth))

    def _over_vectors(self, messages: Sequence[Message], truth: NDArray[np.int64]) -> VectorPipeline:
        encoder = require_encoder(self.context, "tpot.v1 over vectors")
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
        self.found_: Found = find_pipeline(
            features,
            truth,
            self.population,
            self.generations,
            self.minutes,
            self.context.seed,
            lambda done: self.context.report(Stage("generations of TPOT", done, self.generations)),
            self.context.dask,
            self.context.working_folder,
        )
        return PipelineGraph(graph_of(self.found_.pipeline, features), features.shape[1], len(self.labels_))

    def export(self, folder: Path) -> str:
        """Write what makes components or vectors, and the graph; returns the kind of the part."""
        self.part_.save(folder)
        return self.part_.kind

    def describe(self) -> dict[str, object]:
        """The settings, and the pipeline in words, for the manifest."""
        names = ("over", "n_components", "population", "generations", "minutes", "max_unlabelled")
        found = self.found_
        words = {"pipeline": found.words, "inner_macro_f1": found.macro_f1, "n_tried": found.n_tried}
        if self.over == "vectors":
            words["encoder"] = self.encoder_
        return {**{name: getattr(self, name) for name in names}, **words}

    def _texts(self, messages: Sequence[Message], reading: Reading) -> list[str]:
        return [read(reading, self.context.rules, message.text, message.segment) for message in messages]
