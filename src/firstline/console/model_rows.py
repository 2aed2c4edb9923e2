"""The models of the workspace as the page lists them, and who made which one the champion."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from firstline.bundle.manifest import Manifest
from firstline.bundle.promotions import Promotion
from firstline.console.gates import Verdict
from firstline.evaluation.metrics import wilson
from firstline.evaluation.report.data import Share
from firstline.store.random_answers import Measured


@dataclass(frozen=True)
class ModelRow:
    """One model. Times are UTC without a zone, None if the manifest has none. `verdict` is None if nothing compared it.

    `needs_reason`: to promote it, a person has to say why, because it failed a check or was not compared with the
    model in use.
    """

    id: str
    candidate: str
    trained_at: datetime | None
    n_labels: int
    n_classes: int
    right: Share | None
    is_champion: bool
    verdict: Verdict | None
    needs_reason: bool


@dataclass(frozen=True)
class Reign:
    """One change of the champion. `right` is what messages drawn at random said of it later; None if none did."""

    promotion: Promotion
    at: datetime | None
    right: Share | None


def model_rows(found: Sequence[Manifest], champion: str, judged: Mapping[str, Verdict]) -> list[ModelRow]:
    """The models in the order of `found`."""
    return [_row(one, champion, judged.get(one.id)) for one in found]


def reigns(promotions: Sequence[Promotion], measured: Sequence[Measured]) -> list[Reign]:
    """The changes of the champion, the newest first. A model's figures stand at the last time it was promoted."""
    left = {one.model: one for one in measured}
    found = []
    for one in reversed(promotions):
        figures = left.pop(one.model, None)
        found.append(Reign(one, as_utc(one.at), _share(figures) if figures else None))
    return found


def as_utc(text: str) -> datetime | None:
    """A time of a file as UTC without a zone; None if it is not one."""
    try:
        return datetime.fromisoformat(text).astimezone(UTC).replace(tzinfo=None)
    except (ValueError, OverflowError):
        return None


def needs_reason(verdict: Verdict | None, champion: str) -> bool:
    """Whether a promotion needs a reason: unless all checks against the present champion were passed."""
    return bool(champion) and (verdict is None or verdict.champion != champion or bool(verdict.failed))


def _row(manifest: Manifest, champion: str, verdict: Verdict | None) -> ModelRow:
    metrics, training = manifest.metrics, manifest.training
    interval = metrics.intervals.get("accuracy") if metrics else None
    return ModelRow(
        id=manifest.id,
        candidate=manifest.candidate,
        trained_at=as_utc(manifest.measured.created_at),
        n_labels=training.n_messages if training else 0,
        n_classes=len(manifest.labels),
        right=Share(metrics.accuracy, *interval, metrics.n_messages) if metrics and interval else None,
        is_champion=manifest.id == champion,
        verdict=verdict,
        needs_reason=needs_reason(verdict, champion),
    )


def _share(one: Measured) -> Share:
    return Share(one.accuracy, *wilson(one.accuracy, one.n_messages), one.n_messages)
