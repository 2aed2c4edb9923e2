"""What commands that train do first: check that the extra is installed, and bring masks up to date."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from firstline.store.workspace import Workspace


def mask_again(place: "Workspace") -> int:
    """Mask stored messages again if the masks have changed; returns how many changed."""
    from firstline.messages.importing import masker
    from firstline.messages.remasking import is_up_to_date, remask
    from firstline.store.database import writing
    from firstline.store.key import open_key

    patterns = place.settings.masking.patterns
    with place.database.connect() as connection:
        if is_up_to_date(connection, patterns):
            return 0
    with place.hold("messages", "train"), writing(place.database) as connection:
        return remask(connection, masker(place.settings), patterns, open_key(place.folder, connection).hash_id)


def require_training(*others: str) -> None:
    """Raises `ExtraMissing` if scikit-learn or one of `others` is not installed."""
    from importlib.util import find_spec

    from firstline.errors import ExtraMissing

    if not all(find_spec(name) for name in ("sklearn", "scipy", *others)):
        raise ExtraMissing("Training", "train")
