"""The training that runs, waits or ended last, as the page shows it."""

from dataclasses import dataclass

from sqlalchemy import Connection

from firstline.console.gates import Verdict, verdict
from firstline.store.jobs import Job, has_worker, present_job

KIND = "retrain"
QUICK_MINUTES = 2
_LINES = 8


@dataclass(frozen=True)
class Training:
    """A job that trains.

    `share` is how far it is, 0 to 1, None if that is not known; `lines` are the end of its log.
    """

    job: Job
    has_worker: bool
    share: float | None
    what: str
    lines: tuple[str, ...]
    verdict: Verdict | None

    @property
    def is_active(self) -> bool:
        """Whether it waits or runs."""
        return self.job.state in ("waiting", "running")


def present_training(connection: Connection) -> Training | None:
    """None if nobody has asked for one yet."""
    job = present_job(connection, KIND)
    if job is None:
        return None
    progress = job.progress or {}
    return Training(
        job=job,
        has_worker=has_worker(connection),
        share=_share(progress),
        what=str(progress.get("stage") or progress.get("what") or ""),
        # Leads read no macro-F1; the gates say the same in words.
        lines=tuple(line for line in job.log.splitlines() if "macro-F1" not in line)[-_LINES:],
        verdict=verdict(job.result) if job.result else None,
    )


def _share(progress: dict[str, object]) -> float | None:
    done, total, within = progress.get("done"), progress.get("total"), progress.get("of_stage")
    if not (isinstance(done, int | float) and isinstance(total, int | float) and total > 0):
        return None
    part = within if isinstance(within, int | float) else 0.0
    return min(max((done + min(max(part, 0.0), 1.0)) / total, 0.0), 1.0)
