"""`tpot.v1`: whatever pipeline TPOT finds over latent components of TF-IDF."""

from collections.abc import Callable, Generator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from firstline.bundle.parts.pipeline import TfidfPipeline
from firstline.bundle.parts.tfidf import NgramBlock
from firstline.errors import ExtraMissing
from firstline.training.candidates.base import Context, OnePart, Stage
from firstline.training.candidates.lsa import some, to_components
from firstline.training.candidates.tfidf import TfidfBlocks
from firstline.training.candidates.tpot.engine import Found, find_pipeline
from firstline.training.candidates.tpot.graph import graph_of
from firstline.types import Label, Message

_BLOCKS = (NgramBlock("word", 1, 2), NgramBlock("char", 2, 4))


class Tpot(OnePart):
    """TPOT searches anew in each training: `generations` of `population` pipelines, for `minutes` at most.

    The same seed finds the same pipeline where no limit of time is reached.
    """

    spreads = True

    def __init__(
        self,
        context: Context,
        n_components: int = 150,
        population: int = 16,
        generations: int = 4,
        minutes: float = 3.0,
        max_unlabelled: int = 20_000,
    ) -> None:
        self.context = context
        self.n_components = n_components
        self.population = population
        self.generations = generations
        self.minutes = minutes
        self.max_unlabelled = max_unlabelled

    @classmethod
    def prepare(cls, context: Context, messages: Sequence[Message]) -> Generator[Stage, None, Callable[[], Self]]:
        """Nothing is shared: held-out messages must not shape the components that they are judged with.

        Raises `ExtraMissing` where TPOT or the converter to ONNX is not installed.
        """
        if not (find_spec("tpot") and find_spec("skl2onnx")):
            raise ExtraMissing("The candidate 'tpot.v1'", "search")
        yield from ()
        return lambda: cls(context, **context.chosen_for("tpot.v1"))

    def fit(self, messages: Sequence[Message], labels: Sequence[Label], unlabelled: Sequence[Message]) -> Self:
        """Learn components from all messages, and the pipeline from the labelled ones. Raises `TrainingError`."""
        seed = self.context.seed
        self.labels_ = sorted(set(labels))
        place = {label: index for index, label in enumerate(self.labels_)}
        tfidf = TfidfBlocks(_BLOCKS, min_df=2)
        texts = self._texts([*messages, *some(unlabelled, self.max_unlabelled, seed)])
        counted = tfidf.fit_transform(texts, n_labelled=len(messages)).astype(np.float32)
        projection = to_components(counted, self.n_components, 1.0, seed).astype(np.float16)
        features = np.asarray(counted[: len(messages)] @ projection.astype(np.float32), np.float32)
        self.found_: Found = find_pipeline(
            features,
            np.array([place[label] for label in labels], np.int64),
            self.population,
            self.generations,
            self.minutes,
            seed,
            lambda done: self.context.report(Stage("generations of TPOT", done, self.generations)),
            self.context.dask,
        )
        graph = graph_of(self.found_.pipeline, features)
        self.part_ = TfidfPipeline(tfidf.fitted(), projection, graph, len(self.labels_))
        return self

    def predict_proba(self, messages: Sequence[Message]) -> NDArray[np.float32]:
        """Uncalibrated probabilities of the graph that serves, (n_messages, n_labels); rows sum to 1."""
        return self.part_.predict_proba(self._texts(messages))

    def export(self, folder: Path) -> str:
        """Write n-grams, components and graph; returns the kind of the part."""
        self.part_.save(folder)
        return TfidfPipeline.kind

    def describe(self) -> dict[str, object]:
        """The settings, and the pipeline in words, for the manifest."""
        names = ("n_components", "population", "generations", "minutes", "max_unlabelled")
        found = self.found_
        words = {"pipeline": found.words, "inner_macro_f1": found.macro_f1, "n_tried": found.n_tried}
        return {**{name: getattr(self, name) for name in names}, **words}

    def _texts(self, messages: Sequence[Message]) -> list[str]:
        return [self.context.rules.with_segment(message.text, message.segment) for message in messages]
