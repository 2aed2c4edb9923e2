"""A message in HTML is masked as its reader sees it; plain text with `<` and `&` in it is not HTML."""

import pytest
from hypothesis import given

from firstline.text.hypertext import as_read
from firstline.text.masks import Masker
from tests.unit.text.texts import ANY_TEXT

mask = Masker()


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("<p>Где</p><p>деньги</p>", "Где деньги"),
        ("да<br>нет<BR />может", "да нет может"),
        ("<DIV>Счёт</DIV><DIV>закрыт</DIV>", "Счёт закрыт"),
        ("<td nowrap>1</td><input disabled>", "1"),
        ("не<b>льзя</b>", "нельзя"),
        ('<a href="https://example.com/?a=1&amp;b=2" title="a > b">тут</a>', "тут"),
        ("<p class=MsoNormal>да<o:p></o:p></p>", "да"),
        ("<!-- нет -->да<style>p { color: red }</style><script>if (a<b) go()</script>", "да"),
        ("<!DOCTYPE html><html><body>да</body></html>", "да"),
        ("&lt;p&gt;да&lt;/p&gt;", "да"),
        ("3 &lt; 5 &amp; 5 &gt; 3", "3 < 5 & 5 > 3"),
        ("&laquo;да&raquo; &#8381;100", "«да» ₽100"),
        ("&amp;amp;nbsp;да", "да"),
    ],
)
def test_tags_and_entities_are_read(raw: str, expected: str) -> None:
    assert mask(raw) == expected


@pytest.mark.parametrize("raw", ['<img src="https://cdn.example/1.png">', "<p>&nbsp;</p>", "<br/><br/>", "<!-- a -->"])
def test_what_shows_no_text_is_no_text(raw: str) -> None:
    assert mask(raw) == ""


@pytest.mark.parametrize(
    "raw",
    [
        "цена < 100 & доставка > 200", "a<b и b>c", "if a<b && c>d", "x <y> z", "<hello world>", "<3 <- ->",
        "R&D, AT&T; М&Вид;", "?a=1&copy=2", "&unknown; &", "<DIV>", "<p", "<LINK> <CODE> <ADDRESS>",
    ],
)  # fmt: skip
def test_plain_text_stays(raw: str) -> None:
    assert as_read(raw) == raw


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("карта 4276&nbsp;5500&nbsp;1234&nbsp;5677", "карта <CARD>"),
        ("42<b>76</b> 5500 <span>1234</span> 5677", "<CARD>"),
        ("oleg&#64;post.example, &#43;7&#160;903&nbsp;555&#8209;17&#x2d;18", "<EMAIL>, <PHONE>"),
        ("&amp;#43;7 903 555 17 18", "<PHONE>"),
        ('<a href="mailto:oleg@post.example">oleg@post.example</a>', "<EMAIL>"),
        ('<a href="mailto:<EMAIL>"><EMAIL></a>', "<EMAIL>"),
        ("&lt;phone&gt;", "<PHONE>"),
        ("смотри <link>", "смотри <LINK>"),
    ],
)
def test_personal_data_is_masked_as_it_is_seen(raw: str, expected: str) -> None:
    assert mask(raw) == expected


def test_own_patterns_see_what_a_reader_sees() -> None:
    assert Masker((("POLICY", r"АВ-\d{6}"),))("<p>АВ&#45;123456</p>") == "<POLICY>"


@given(ANY_TEXT)
def test_reading_again_changes_nothing(text: str) -> None:
    once = as_read(text)
    assert as_read(once) == once
