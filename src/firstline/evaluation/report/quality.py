"""What the console shows of a model: the figures of the report without texts, and what each promise would mean."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from firstline.bundle.decisions import Decider
from firstline.bundle.files import read_manifest
from firstline.bundle.promise import Promise
from firstline.bundle.registry import champion_id, model_folder
from firstline.errors import InputError
from firstline.evaluation.held_out import HeldOut, find_held_out
from firstline.evaluation.promises import decider_of
from firstline.evaluation.report.build import Sources, build_report
from firstline.evaluation.report.data import Difference, Offer, Pair, ReportData, Share
from firstline.evaluation.report.routing import offer, share
from firstline.store.workspace import Workspace

_PRECISIONS = tuple(percent / 100 for percent in range(80, 100))
_MOST_EXAMPLES = 6


@dataclass(frozen=True)
class Stop:
    """What one promise of precision means: the shares of all messages, with intervals, and counts of a thousand."""

    offer: Offer
    review: Share
    unknown: Share

    @property
    def precision(self) -> float:
        """The promised share of right ones among routed messages, 0 to 1."""
        return self.offer.precision or 0.0


@dataclass(frozen=True)
class Quality:
    """The quality of a model.

    `stops` are the promises to choose from, from low to high; empty without held-out answers. For each of the report's
    pairs, `examples` has the keys of some messages that were confused so, the surest first.
    """

    report: ReportData
    promise: Promise
    stops: tuple[Stop, ...]
    examples: tuple[tuple[bytes, ...], ...]


def quality_of(place: Workspace, model: str) -> Quality:
    """Compute the quality of a model of the workspace, under the promise in force. Raises `BundleError`."""
    manifest = read_manifest(model_folder(place.models, model))
    decider = decider_of(place, manifest)
    held_out = _held_out(place, manifest.id)
    is_champion = champion_id(place.models) == manifest.id
    report = build_report(Sources(manifest, is_champion, held_out=held_out, decider=decider))
    examples = tuple(_confused(held_out, pair) for pair in report.pairs) if held_out else ()
    return Quality(report, decider.promise, _stops(decider), examples)


def difference_between(place: Workspace, model: str, champion: str) -> Difference | None:
    """How many more messages than the champion a model gets right, of those that both answered without learning them.

    None if the answers of one are not known, or none are of the same message.
    """
    mine, theirs = _held_out(place, model), _held_out(place, champion)
    if mine is None or theirs is None:
        return None
    found = [read_manifest(model_folder(place.models, name)) for name in (model, champion)]
    sources = Sources(found[0], False, held_out=mine, champion=found[1], champions_held_out=theirs)
    compared = build_report(sources).champion
    return compared.difference if compared else None


def _held_out(place: Workspace, model: str) -> HeldOut | None:
    try:
        return find_held_out(place.runs, model)
    except InputError:
        return None


def _stops(decider: Decider) -> tuple[Stop, ...]:
    if decider.record is None or not decider.held_out.n_messages:
        return ()
    asked = {*_PRECISIONS, *([decider.promise.precision] if decider.promise.precision else [])}
    return tuple(_stop(decider.with_promise(Promise(precision=precision))) for precision in sorted(asked))


def _stop(decider: Decider) -> Stop:
    found = decider.held_out
    n = found.n_messages
    return Stop(offer(decider), share(n - found.routed - found.unknown, n), share(found.unknown, n))


def _confused(answers: HeldOut, pair: Pair) -> tuple[bytes, ...]:
    """Messages of one class that were taken for the other, either way."""
    predicted, confidence = answers.probabilities.argmax(axis=1), answers.probabilities.max(axis=1)
    one, other = answers.labels.index(pair.first), answers.labels.index(pair.second)
    is_so = ((answers.truth == one) & (predicted == other)) | ((answers.truth == other) & (predicted == one))
    rows: Sequence[int] = np.flatnonzero(is_so).tolist()
    surest = sorted(rows, key=lambda row: -float(confidence[row]))[:_MOST_EXAMPLES]
    return tuple(answers.keys[row].tobytes() for row in surest)
