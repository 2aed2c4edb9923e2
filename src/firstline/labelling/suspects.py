"""Labels that are probably wrong: a model that had not learned them gives them a low probability.

This is the self-confidence of confident learning (Northcutt, Jiang, Chuang 2021). The margin to the best other class
and thresholds for each class found fewer planted errors, see docs/EXPERIMENTS.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine

from firstline.messages.exports.corrections import KEY_COLUMN, key_cell
from firstline.messages.writers import Dialect, TableFile
from firstline.store.named import NamedMessage, read_named
from firstline.types import Label

SHARE = 0.1
"""The part of the checked labels that is listed, unless the user asks for another number."""
_COLUMNS = (
    "text",
    "label",
    "suggested_label",
    "label_probability",
    "suggested_probability",
    "segment",
    "id",
    "source",
    KEY_COLUMN,
)


@dataclass(frozen=True)
class Suspect:
    """A labelled message and what the model says instead.

    `label_probability` is 0 to 1, lower is more likely mislabelled. `id` and `source` are those of the first system
    that has the message; empty if it has no id.
    """

    key: str
    text: str
    label: Label
    suggested_label: Label
    label_probability: float
    suggested_probability: float
    segment: str | None
    id: str
    source: str


@dataclass(frozen=True)
class Suspects:
    """The most suspicious labels, most suspicious first.

    `n_checked` labels were compared with the model, and `n_disagreeing` of them are not what it answers. The others
    were not compared: `n_changed` are not what the training read, `n_gone` messages are not stored any more (or have
    another text), and `n_single` are alone in their class.
    """

    n_checked: int
    n_disagreeing: int
    n_changed: int
    n_gone: int
    n_single: int
    suspects: list[Suspect]


def label_scores(probabilities: NDArray[np.float32], truth: NDArray[np.int64]) -> NDArray[np.float32]:
    """The probability of each given label, (n,), 0 to 1, lower is more likely mislabelled.

    `probabilities`, (n, n_labels), are out of fold; `truth`, (n,), indexes labels.
    """
    return probabilities[np.arange(len(truth)), truth]


def find_suspects(
    engine: Engine,
    labels: Sequence[Label],
    keys: NDArray[np.uint8],
    truth: NDArray[np.int64],
    probabilities: NDArray[np.float32],
    n: int | None = None,
    suggested: Label | None = None,
) -> Suspects:
    """The `n` most suspicious labels among messages that are stored with the label that the training read.

    `keys` are (n_messages, 16); `truth` and `probabilities` as in `label_scores`. Without `n`, a tenth of the labels.
    With `suggested`, those that the model would give this class, all of them without `n`. Raises `StoreUnusable`.
    """
    all_keys = [row.tobytes() for row in keys]
    stored = read_named(engine, all_keys)
    is_single = np.bincount(truth, minlength=len(labels))[truth] == 1
    is_gone = np.array([key not in stored for key in all_keys], np.bool_)
    is_changed = np.array(
        [key in stored and stored[key].labels != [labels[place]] for key, place in zip(all_keys, truth, strict=True)],
        np.bool_,
    )
    scores, answers = label_scores(probabilities, truth), probabilities.argmax(axis=1)
    is_checked = ~(is_single | is_gone | is_changed)
    is_meant = np.array([suggested in (None, label) for label in labels], np.bool_)[answers]
    disagreeing = np.flatnonzero(is_checked & (answers != truth))
    listed = disagreeing[is_meant[disagreeing]]
    share = int(is_checked.sum()) if suggested else -(-int(is_checked.sum()) // round(1 / SHARE))
    wanted = n if n is not None else share
    # Keys decide between equal scores, so that the list is the same on each machine.
    order = sorted(listed, key=lambda place: (scores[place], all_keys[place]))[:wanted]
    return Suspects(
        n_checked=int(is_checked.sum()),
        n_disagreeing=len(disagreeing),
        n_changed=int(is_changed.sum()),
        n_gone=int(is_gone.sum()),
        n_single=int((is_single & ~is_gone & ~is_changed).sum()),
        suspects=[
            _suspect(
                all_keys[place],
                stored[all_keys[place]],
                labels[answers[place]],
                (scores[place], probabilities[place, answers[place]]),
            )
            for place in order
        ],
    )


def write_suspects(suspects: Sequence[Suspect], path: Path) -> None:
    """Write a table in which a person corrects the column `label`, for `firstline import FILE --relabel`.

    Raises `FormatUnknown`, `FileUnwritable`, or `UsageError` for a text that Excel has no room for.
    """
    # With the mark that tells Excel that this is UTF-8.
    with TableFile(path, _COLUMNS, Dialect(encoding="utf-8-sig"), is_safe_for_excel=True) as table:
        for one in suspects:
            figures = (one.label_probability, one.suggested_probability)
            place = (one.segment, one.id or None, one.source or None, one.key)
            table.write((one.text, one.label, one.suggested_label, *figures, *place))


def _suspect(key: bytes, message: NamedMessage, suggested: Label, probabilities: tuple[float, float]) -> Suspect:
    of_label, of_suggested = (round(float(figure), 4) for figure in probabilities)
    source, external_id = message.ids[0] if message.ids else ("", "")
    return Suspect(
        key=key_cell(key),
        text=message.text,
        label=message.labels[0],
        suggested_label=suggested,
        label_probability=of_label,
        suggested_probability=of_suggested,
        segment=message.segment,
        id=external_id,
        source=source,
    )
