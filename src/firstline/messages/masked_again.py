"""Brings the masks of stored messages up to date before something is learned from them."""

from firstline.messages.importing import masker
from firstline.messages.remasking import is_up_to_date, remask
from firstline.store.database import writing
from firstline.store.key import open_key
from firstline.store.workspace import Workspace


def mask_again(place: Workspace) -> int:
    """Mask stored messages again if the masks have changed; returns how many changed."""
    patterns = place.settings.masking.patterns
    with place.database.connect() as connection:
        if is_up_to_date(connection, patterns):
            return 0
    with place.hold("messages", "train"), writing(place.database) as connection:
        return remask(connection, masker(place.settings), patterns, open_key(place.folder, connection).hash_id)
