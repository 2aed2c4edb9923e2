"""Points out classes that are or look like others."""

from collections.abc import Collection
from contextlib import suppress
from typing import TYPE_CHECKING

from firstline.cli.output import note

if TYPE_CHECKING:
    from firstline.store.workspace import Workspace
    from firstline.types import Message


def note_overlaps(place: "Workspace", names: Collection[str]) -> None:
    """Of these classes, point out those that the champion does not know and takes for another; it may be missing."""
    from firstline.bundle.files import read_manifest
    from firstline.bundle.predictor import Predictor
    from firstline.bundle.registry import model_folder
    from firstline.errors import BundleError
    from firstline.labelling.overlap import overlaps
    from firstline.store.former_names import names_now
    from firstline.store.labelled import read_labelled

    with suppress(BundleError):
        folder = model_folder(place.models)
        with place.database.connect() as connection:
            now = names_now(connection)
        known = {now.get(label, label) for label in read_manifest(folder).labels}
        unknown = set(names) - known - place.none_classes
        examples: dict[str, list[Message]] = {}
        for labelled in read_labelled(place.database) if unknown else ():
            if labelled.label in unknown:
                examples.setdefault(labelled.label, []).append(labelled.message)
        if not examples:
            return
        for one in overlaps(Predictor.load(folder), examples):
            other = now.get(one.other, one.other)
            note(
                f"'{one.label}' overlaps '{other}': the champion takes {one.n_taken:,} of {one.n_messages:,} of its"
                f" messages for '{other}', sure of it. Say what belongs where, or merge the two"
            )


def note_similar(place: "Workspace", names: Collection[str]) -> None:
    """Point out names of classes, also former ones, that look alike, if one of them is in `names`."""
    from firstline.labelling.overview import similar_names
    from firstline.store.messages import class_names

    for group in similar_names(class_names(place.database, with_former=True)):
        if not set(names).isdisjoint(group):
            note(f"class names that look alike: {', '.join(group)}")
