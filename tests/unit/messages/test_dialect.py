from firstline.messages.dialect import find_dialect
from firstline.messages.records import ReadingOptions


def test_the_column_that_is_named_decides_the_delimiter() -> None:
    found = find_dialect("a,b;text\n1,2;x\n3,4;y\n", ReadingOptions(text_column="text"))
    assert found.dialect.delimiter == ";"


def test_one_column_alone_gives_a_comma() -> None:
    found = find_dialect("text\nодин\nдва\n", ReadingOptions())
    assert (found.dialect.delimiter, found.width) == (",", 1)


def test_a_delimiter_that_is_named_stays() -> None:
    found = find_dialect("sep=;\na;b|c\n1;2|3\n", ReadingOptions(delimiter="|"))
    assert (found.dialect.delimiter, found.header) == ("|", ["a;b", "c"])


def test_an_empty_last_column_does_not_hide_the_delimiter() -> None:
    found = find_dialect("id;text\n1;раз, а;\n2;два, б;\n3;три, в;\n", ReadingOptions())
    assert (found.dialect.delimiter, found.even_share) == (";", 1.0)


def test_the_line_for_excel_may_spell_the_tab() -> None:
    found = find_dialect("sep=\\t\nid\ttext\n1\tраз, два\n", ReadingOptions())
    assert (found.dialect.delimiter, found.header) == ("\t", ["id", "text"])
