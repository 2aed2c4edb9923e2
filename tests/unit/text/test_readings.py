from firstline.text.readings import read
from firstline.text.rules import TextRules

RULES = TextRules.of_language("ru")


def test_ruled_is_what_the_rules_make() -> None:
    assert read("ruled", RULES, "Ещё РАЗ", "lead") == RULES.with_segment("Ещё РАЗ", "lead")


def test_written_is_the_text_with_its_segment_in_front() -> None:
    assert read("written", RULES, "Ещё РАЗ <PHONE>", "lead") == "lead. Ещё РАЗ <PHONE>"


def test_written_without_a_segment_is_the_text_alone() -> None:
    assert read("written", RULES, "Ещё РАЗ", None) == "Ещё РАЗ"


def test_what_stands_beyond_10_000_characters_is_left_out() -> None:
    assert read("written", RULES, "а" * 10_001, None) == "а" * 10_000
