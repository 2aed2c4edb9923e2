"""Forms of personal data that lie beside the repository: the promise of docs/privacy.md. Skipped if they are absent."""

import pytest

from benchmarks.masks import DEFAULT_FILE, KEEP, PROMISED, Masked, mask_forms, read_forms, share_right

pytestmark = pytest.mark.skipif(not DEFAULT_FILE.is_file(), reason="no masking forms beside the repository")
LEAST_RECALL = 0.95
MOST_CHANGED = 0.04


@pytest.fixture(scope="module")
def masked() -> list[Masked]:
    return mask_forms(read_forms(DEFAULT_FILE))


def test_promised_kinds_are_gone(masked: list[Masked]) -> None:
    assert share_right([item for item in masked if item.form.kind in PROMISED]) >= LEAST_RECALL


def test_texts_with_nothing_personal_stay(masked: list[Masked]) -> None:
    assert 1 - share_right([item for item in masked if item.form.kind == KEEP]) <= MOST_CHANGED
