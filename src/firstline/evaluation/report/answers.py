"""Finds the held-out answers that a training saved for a model."""

from pathlib import Path

from firstline.evaluation.held_out import FILE_NAME, HeldOut


def held_out_of(runs: Path, model: str) -> HeldOut | None:
    """The answers of a model in the newest run that has them; None if no run does."""
    for file in sorted(runs.glob(f"*/{FILE_NAME}"), key=lambda file: file.parent.name, reverse=True):
        found = HeldOut.load(file)
        if found is not None and found.model == model:
            return found
    return None
