"""`ulmfit.v1`: a language model that has read all messages, then a classifier on top of it.

Howard and Ruder 2018, with one change: the classifier is not trained on the few labelled messages
alone but on all, those without a label by what a teacher makes of them.
"""

from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import ClassVar, Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from firstline.bundle.parts.lstm import PooledLstm
from firstline.errors import LanguageModelUnusable
from firstline.language_models.card import read_card
from firstline.language_models.model import WEIGHTS_FILE
from firstline.language_models.reading import MAX_TOKENS
from firstline.neural.loop import RoundDone
from firstline.neural.side_by_side import Report, run_side_by_side
from firstline.steps import Stage, run_to_end
from firstline.training.candidates.base import Candidate, Context
from firstline.training.candidates.encoder.candidate import FineTuned
from firstline.training.candidates.estimate import Eligible, Estimate, Workload
from firstline.training.candidates.pool_features import PoolFeatures
from firstline.training.candidates.soft_labels import sharpened
from firstline.training.candidates.teacher import Teacher
from firstline.training.candidates.ulmfit.classifier import plain_weights, train_classifier
from firstline.training.candidates.ulmfit.estimate import eligible, estimate
from firstline.training.candidates.ulmfit.network import ClassifierNetwork
from firstline.training.candidates.ulmfit.onnx_graph import ClassifierWeights, build_graph, quantize
from firstline.training.candidates.ulmfit.settings import NAME, UlmfitSettings, settings_of
from firstline.training.candidates.ulmfit.shared_inputs import SharedInputs, gather
from firstline.training.encoders import find_encoder, names_beside
from firstline.training.encoders.folder import FolderEncoder
from firstline.training.provenance import key_of
from firstline.types import Direction, Label, Message


class Ulmfit(Candidate):
    """LSTM classifiers for each direction of reading, their probabilities averaged."""

    name = NAME
    settings_type: ClassVar[type] = UlmfitSettings
    settings: UlmfitSettings

    def __init__(self, context: Context, settings: UlmfitSettings, shared: SharedInputs) -> None:
        self.context = context
        self.settings = settings
        self.shared = shared

    @classmethod
    def prepare(cls, context: Context, messages: Sequence[Message]) -> Generator[Stage, None, Callable[[], Self]]:
        """Adapt the language models and compute the teacher's features, once for all folds."""
        shared = yield from gather(context, messages)
        settings = settings_of(context)
        return lambda: cls(context, settings, shared)

    @classmethod
    def eligible(cls, workload: Workload) -> Eligible:
        """If there are enough messages, see `estimate.eligible`; raises `PoolTooSmall`."""
        return eligible(workload)

    @classmethod
    def estimate(cls, workload: Workload) -> Estimate:
        """See `estimate.estimate`; raises `PoolTooSmall`."""
        return estimate(workload)

    @classmethod
    def forget_kept(cls, context: Context) -> None:
        """The fine-tuned encoders, which it shares."""
        FineTuned.forget_kept(context)

    @classmethod
    def encoders(cls, context: Context) -> tuple[str, ...]:
        """Those that its teacher reads with."""
        return (settings_of(context).encoder, *names_beside(context.language))

    @classmethod
    def starts_from(cls, context: Context) -> str:
        """The adapted language models, and how its expert is set.

        `firstline adapt --force` makes other language models of the same messages.
        """
        if context.folder is None:
            return ""
        settings = settings_of(context)
        expert = context.chosen_for(FineTuned.name) if settings.tuned_encoder else {}
        found: dict[str, object] = {"expert": expert} if expert else {}
        for direction in settings.directions:
            with suppress(LanguageModelUnusable):
                found[direction] = read_card(context.folder / direction).files
        return key_of(found) if found else ""

    def fit(self, messages: Sequence[Message], labels: Sequence[Label], unlabelled: Sequence[Message]) -> Self:
        """Learn from the labelled messages, and from the others by what the teacher makes of them."""
        everything = [*messages, *unlabelled]
        shared = self.shared
        if not shared.pool_features.covers(everything):
            shared = run_to_end(gather(self.context, everything))
        self.labels_ = sorted(set(labels))
        truth = np.unique(labels, return_inverse=True)[1]
        self.teacher_ = Teacher(has_many_labels=self.context.has_many_labels)
        expert = self._expert(shared.pool_features) if unlabelled else None
        said = expert.fit(messages, labels, unlabelled).answers(unlabelled) if expert else None
        self.expert_ = expert.describe() if expert else {}
        self.borrowed_s = expert.borrowed_s if expert else 0.0
        soft_labels = shared.pool_features.soft_labels(self.teacher_, messages, truth, unlabelled, said)
        self.models_ = shared.language_models
        settings = self.settings.for_as_many(len(everything) + (self.settings.copies - 1) * len(truth))
        learned = truth, len(self.labels_), sharpened(soft_labels, settings.sharpness), settings
        jobs = []
        for model in self.models_:
            start = partial(train_classifier, model, shared.rows_of(everything, model.card.direction), *learned)
            for number, seed in enumerate(settings.seeds(self.context.seed), start=1):
                what = f"{model.card.direction} classifier{f' {number}' if number > 1 else ''}"
                jobs.append(partial(_trained, partial(start, seed), what, settings.n_epochs))
        found = iter(run_side_by_side(jobs, self.context.report))
        graphs: dict[Direction, list[bytes]] = {
            model.card.direction: [quantize(build_graph(next(found))) for _ in range(settings.n_members)]
            for model in self.models_
        }
        self.part_ = PooledLstm(self.models_[0].tokenizer, graphs, MAX_TOKENS, len(self.labels_))
        return self

    def predict_proba(self, messages: Sequence[Message]) -> NDArray[np.float32]:
        """Uncalibrated probabilities of the graphs that serve, (n_messages, n_labels); rows sum to 1."""
        rules = self.context.rules
        return self.part_.predict_proba([rules.with_segment(message.text, message.segment) for message in messages])

    def _expert(self, pool_features: PoolFeatures) -> FineTuned | None:
        """The sentence encoder that is fine-tuned on the same labels, where one may be."""
        context = self.context
        encoder = find_encoder(self.settings.encoder, context.workspace, context.encoders)
        if not self.settings.tuned_encoder or not isinstance(encoder, FolderEncoder):
            return None
        return FineTuned(context, encoder, FineTuned.settings_for(context), pool_features)

    def export(self, folder: Path) -> str:
        """Write tokenizer and graphs; returns the kind of the part."""
        self.part_.save(folder)
        return PooledLstm.kind

    def describe(self) -> dict[str, object]:
        """The settings, and where the language models come from, for the manifest.

        `pretrained` is how the hash of the weights begins that a language model started from.
        """
        models = {
            model.card.direction: {
                "shape": msgspec.structs.asdict(model.shape),
                "tokens_seen": model.card.tokens_seen,
                "perplexity_per_token": model.card.perplexity_per_token,
                "pretrained": model.card.base.get(WEIGHTS_FILE, "")[:12],
                "sources": [source.name for source in model.card.sources],
            }
            for model in self.models_
        }
        teacher = {**self.teacher_.weights_, **({"expert": self.expert_} if self.expert_ else {})}
        return {**super().describe(), "language_models": models, "teacher": teacher}


def _trained(
    start: Callable[[], Generator[RoundDone, None, ClassifierNetwork]], what: str, n_epochs: int, report: Report
) -> ClassifierWeights:
    """The weights of the classifier whose training begins with `start`; see `train_classifier`."""
    network = run_to_end(start(), lambda done: report(Stage(what, done.number + 1, n_epochs, f"loss {done.loss:.3f}")))
    return plain_weights(network)
