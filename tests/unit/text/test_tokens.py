"""The special tokens, and that nobody can type one."""

import pytest
from hypothesis import given, settings

from firstline.text.tokens import SPECIAL_TOKEN, defuse, mask_token, segment_token
from tests.unit.text.texts import ANY_TEXT


@pytest.mark.parametrize("token", ["xxup", "xxcap", "xxrep", "xxnum4", "xxmask_phone", "xxmask_город", "xxseg_lead"])
def test_a_special_token_is_matched_whole(token: str) -> None:
    assert SPECIAL_TOKEN.fullmatch(token)


@pytest.mark.parametrize("word", ["xx", "xxl", "xxupp", "axxup", "xxseg_", "up"])
def test_a_word_is_no_special_token(word: str) -> None:
    assert not SPECIAL_TOKEN.search(word)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("xxup", "x xup"),
        ("XXSEG_LEAD", "X XSEG_LEAD"),
        ("a xXmask_phone!", "a x Xmask_phone!"),
        ("xxl", "xxl"),
        ("ххup", "ххup"),
        ("", ""),
    ],
)
def test_defuse(raw: str, expected: str) -> None:
    assert defuse(raw) == expected


@settings(deadline=None)
@given(ANY_TEXT)
def test_no_special_token_is_left_in_a_defused_text(text: str) -> None:
    assert not SPECIAL_TOKEN.search(defuse(text).lower())


@pytest.mark.parametrize(("kind", "token"), [("PHONE", "xxmask_phone"), ("ГОРОД", "xxmask_город")])
def test_mask_token(kind: str, token: str) -> None:
    assert mask_token(kind) == token


@pytest.mark.parametrize(
    ("segment", "token"), [("lead", "xxseg_lead"), (" New  lead ", "xxseg_new_lead"), ("Клиент", "xxseg_клиент")]
)
def test_segment_token(segment: str, token: str) -> None:
    assert segment_token(segment) == token
