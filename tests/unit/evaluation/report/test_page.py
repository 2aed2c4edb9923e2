import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser

import msgspec
import numpy as np
import pytest

from firstline.bundle.decisions import Decider
from firstline.bundle.promise import Promise
from firstline.evaluation.promises import outlook
from firstline.evaluation.report.build import Sources, build_report
from firstline.evaluation.report.page import LANGUAGES, _environment, render_report
from tests.reports import decider_of, model, sources, with_texts

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>&amp;{{ 7*7 }} %(n)s %s"
VOID = {"meta", "img", "wbr", "link", "br", "input"}


class Page(HTMLParser):
    """Tags with their attributes, and whether all of them are closed in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(html)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def words(html: str) -> str:
    """The text of a page, with a blank for each white space."""
    return " ".join(Page(html).text.split())


def page(given: Sources, language: str = "en") -> str:
    return render_report(build_report(given), language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_headline_is_in_plain_words(language: str) -> None:
    text = " ".join(Page(page(sources(), language)).text.split())
    assert {
        "en": "90 of 100 messages are put in the right class.",
        "ru": "90 из 100 сообщений модель относит к верному классу.",
    }[language] in text
    assert not re.search(r"F1|recall|threshold|порог", text)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_tag_is_closed(language: str) -> None:
    tags = [tag for tag, _ in Page(page(sources(), language)).tags]  # which fails if one is left open
    assert {"html", "main", "table", "svg"} <= set(tags)


@pytest.mark.parametrize("language", LANGUAGES)
def test_hostile_names_and_messages_are_text(language: str) -> None:
    names = (f"а {HOSTILE}", f"б {HOSTILE}", f"в {HOSTILE}")
    given = with_texts(sources(names), dict.fromkeys(range(120), HOSTILE))
    given = replace(given, words=lambda *_: [HOSTILE], champion=msgspec.structs.replace(model(), id=HOSTILE))
    html = page(given, language)
    found = Page(html)
    assert HOSTILE in found.text
    assert [tag for tag, _ in found.tags].count("script") == 1
    assert "img" not in {tag for tag, _ in found.tags}
    assert not any(name.startswith("on") for _, attributes in found.tags for name in attributes)
    assert any(attributes.get("title") == names[0] for _, attributes in found.tags)


def test_nothing_is_loaded_from_elsewhere() -> None:
    html = page(sources())
    found = Page(html)
    assert not any({"src", "href", "style"} & attributes.keys() for _, attributes in found.tags)
    assert "@import" not in html
    assert all(place.startswith("#") for place in re.findall(r"url\((.*?)\)", html))


def test_the_policy_allows_this_style_and_this_script_only() -> None:
    html = page(sources())
    policy = next(a["content"] for tag, a in Page(html).tags if a.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    for kind in ("style", "script"):
        inside = html.partition(f"<{kind}>")[2].partition(f"</{kind}>")[0]
        digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy


def test_control_characters_and_halves_of_characters_are_replaced() -> None:
    given = with_texts(sources(("a\x00b\x1b[2J", "c\ud800", "d\x85\ufffe")), dict.fromkeys(range(120), "x\x07y\udfffz"))
    html = page(given)
    html.encode()
    assert "x\ufffdy\ufffdz" in html
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe]", html)


def test_names_and_messages_have_directions_of_their_own() -> None:
    name, text = "\u202eبطاقة", "أين بطاقتي؟"
    html = page(with_texts(sources((name, "b", "c")), dict.fromkeys(range(120), text)))
    assert f'<q dir="auto">{text}</q>' in html
    outside = re.sub(r"<bdi.*?</bdi>|title=\".*?\"|data-value=\".*?\"", "", html)
    assert name not in outside


def test_a_long_message_is_shortened() -> None:
    html = page(with_texts(sources(), dict.fromkeys(range(120), "я" * 5_000)))
    assert "я" * 299 + "…" in html
    assert "я" * 300 not in html


def test_a_name_may_be_broken_after_underscores() -> None:
    assert "card_<wbr>not_<wbr>working" in page(sources(("card_not_working", "b", "c")))


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_same_data_give_the_same_page(language: str) -> None:
    assert page(sources(), language) == page(sources(), language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_with_150_classes_it_stays_small(language: str) -> None:
    names = [f"класс номер {number} с довольно длинным именем" for number in range(150)]
    html = page(sources(names, n=3_000), language)
    assert len(html.encode()) < 2_000_000
    assert all(f"номер {number} " in html for number in range(150))


@pytest.mark.parametrize("language", LANGUAGES)
def test_without_held_out_answers_it_says_what_to_do(language: str) -> None:
    html = page(Sources(model(), is_champion=False), language)
    assert "firstline train" in Page(html).text
    assert "<svg viewBox" in html  # the learning curve of the manifest
    assert 'class="matrix"' not in html


@pytest.mark.parametrize("language", LANGUAGES)
def test_without_anything_it_is_still_a_page(language: str) -> None:
    bare = msgspec.structs.replace(model(has_curve=False), metrics=None, training=None)
    tags = [tag for tag, _ in Page(page(Sources(bare, is_champion=False), language)).tags]
    assert {"html", "main", "h1"} <= set(tags)


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (1, "изменено или забыто 1 сообщение"),
        (3, "забыты 3 сообщения"),
        (11, "забыты 11 сообщений"),
        (21, "забыто 21 сообщение"),
    ],
)
def test_russian_plurals(count: int, said: str) -> None:
    whole = sources()
    kept = dict(list(whole.messages.items())[count:])
    assert said in Page(page(replace(whole, messages=kept), "ru")).text


@pytest.mark.parametrize(
    ("count", "said"), [(1, "1 message of the training was"), (2, "2 messages of the training were")]
)
def test_english_plurals(count: int, said: str) -> None:
    whole = sources()
    kept = dict(list(whole.messages.items())[count:])
    assert said in Page(page(replace(whole, messages=kept))).text


def test_numbers_are_written_as_the_language_does() -> None:
    given = sources(n=3_000)
    assert given.manifest.training is not None
    training = msgspec.structs.replace(given.manifest.training, n_messages=12_345)
    given = replace(given, manifest=msgspec.structs.replace(given.manifest, training=training))
    assert "12,345" in page(given, "en")
    assert "12\u00a0345" in page(given, "ru")
    assert "0,25" in page(given, "ru")


def test_facts_that_make_no_sense_do_not_stop_it() -> None:
    given = sources()
    measured = msgspec.structs.replace(
        given.manifest.measured, created_at="someday", latency_ms={"p50": 1e308, "p99": -1e308}, memory_bytes=10**30
    )
    text = Page(page(replace(given, manifest=msgspec.structs.replace(given.manifest, measured=measured)))).text
    assert "trained on someday" in text
    assert "1e+308" in text


def test_charts_say_in_words_what_they_show() -> None:
    charts = [attributes for tag, attributes in Page(page(sources())).tags if tag == "svg" and "viewbox" in attributes]
    assert len(charts) == 4
    assert all(chart["role"] == "img" and chart["aria-label"] for chart in charts)


def test_every_quoted_message_has_its_key() -> None:
    html = page(sources())
    assert html.count("<q ") == len(re.findall(r'data-key="[0-9a-f]{32}"', html)) > 20


def test_a_champion_that_is_another_model_stands_beside() -> None:
    given = replace(sources(), is_champion=False, champion=msgspec.structs.replace(model(), id="lsa.v1-11111111"))
    text = " ".join(Page(page(given)).text.split())
    assert "The champion, lsa.v1-11111111, puts 90 of 100 in the right class (80 to 95)." in text


def test_a_promise_of_little_review_is_said() -> None:
    given = sources()
    assert given.held_out is not None
    asked = replace(given, decider=decider_of(given.held_out, Promise(review=0.3)))
    text = " ".join(Page(page(asked)).text.split())
    assert "If at most 30\u00a0% may go to people" in text.replace("30 %", "30\u00a0%")
    assert "asked for" not in text


def test_a_promise_out_of_reach_is_said() -> None:
    given = sources()
    assert given.held_out is not None
    even = replace(given.held_out, probabilities=given.held_out.probabilities * 0 + 1 / 3)
    text = " ".join(Page(page(replace(given, held_out=even, decider=decider_of(even)))).text.split())
    assert "does not show that 95\u00a0% of routed messages would be right" in text.replace("95 %", "95\u00a0%")


@pytest.mark.parametrize("language", LANGUAGES)
def test_that_every_class_always_goes_to_people_is_said(language: str) -> None:
    given = sources()
    assert given.decider is not None
    decider = Decider(given.decider.record, given.decider.labels, always_review=given.decider.labels)
    text = " ".join(Page(page(replace(given, decider=decider), language)).text.split())
    assert {"en": "It routes none of them: all are of classes", "ru": "Сама она не направит ни одного"}[
        language
    ] in text
    assert not re.search("answers do not show|ответы не", text)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_rule_of_the_team_and_the_outsiders_are_said_beside_the_shares(language: str) -> None:
    given = sources(n=300)
    assert given.held_out is not None
    ruled = given.held_out.labels[0]
    decider = decider_of(given.held_out, Promise(precision=0.6), n_outsiders=40, always_review=[ruled])
    text = words(page(replace(given, decider=decider), language))
    said = {
        "en": [
            f"Your own rule leaves 33 % of all messages to people, however sure the model is: those that it puts into"
            f" {ruled}.",
            "These shares are of 300 messages: 260 of your classes, and 40 that people labelled as none of them.",
        ],
        "ru": [
            f"По вашему правилу людям уходят 33 % всех сообщений, как бы ни была уверена модель. Это сообщения, которые"
            f" она относит к классам: {ruled}.",
            "Всего в этих долях сообщений: 300. Из них к вашим классам относятся 260, а 40 люди не отнесли",
        ],
    }
    assert all(sentence in text for sentence in said[language])


def test_without_rule_and_outsiders_nothing_is_said_of_them() -> None:
    text = words(page(sources()))
    assert "Your own rule" not in text
    assert "These shares" not in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_promise_of_little_review_names_the_unknown_ones(language: str) -> None:
    given = sources(n=300)
    assert given.held_out is not None
    strange = replace(given.held_out, novelty=np.where(np.arange(300) < 30, 1, 0).astype(np.float32))
    text = words(page(replace(given, decider=decider_of(strange, Promise(review=0.3))), language))
    assert {"en": "to people and calls 10 % unknown.", "ru": "назовёт незнакомыми 10 %."}[language] in text


@pytest.mark.parametrize(
    ("language", "candidate", "said"),
    [
        ("en", "blend.v1", "Measured with linear.v1, which trains quickly, and not with this model."),
        ("en", "linear.v1", "Measured with models of the same kind"),
        ("ru", "blend.v1", "Измерено не на этой модели, а на linear.v1"),
        ("ru", "linear.v1", "Измерено на таких же моделях"),
    ],
)
def test_the_page_says_whose_curve_it_is(language: str, candidate: str, said: str) -> None:
    given = sources()
    given = replace(given, manifest=msgspec.structs.replace(given.manifest, candidate=candidate))
    assert said in words(page(given, language))


@pytest.mark.parametrize("language", LANGUAGES)
def test_both_models_are_compared_on_the_same_messages(language: str) -> None:
    given = sources()
    mine = given.held_out
    assert mine is not None
    theirs = replace(mine, keys=mine.keys[:61], truth=mine.truth[:61], probabilities=mine.probabilities[:61])
    champion = msgspec.structs.replace(model(), id="lsa.v1-11111111")
    text = words(page(replace(given, is_champion=False, champion=champion, champions_held_out=theirs), language))
    assert {
        "en": "The champion is lsa.v1-11111111. On the 61 messages that both answered, this model puts 80 of 100 in the"
        " right class and the champion 80 of 100: a difference of 0.0 (from 0.0 to 0.0).",
        "ru": "Действующая модель: lsa.v1-11111111. На 61 сообщении, на которое ответили обе, эта модель относит к"
        " верному классу 80 из 100, действующая 80 из 100: разница 0,0 (от 0,0 до 0,0).",
    }[language] in text


def test_figures_of_other_messages_say_so() -> None:
    given = replace(sources(), is_champion=False, champion=msgspec.structs.replace(model(), id="lsa.v1-11111111"))
    assert given.champion is not None
    assert given.champion.metrics is not None
    n = given.champion.metrics.n_messages
    assert f"It was checked on {n} messages, which need not be the same as above." in words(page(given))


@pytest.mark.parametrize(("value", "written"), [(-0.04, "0.0"), (0.04, "0.0"), (-0.06, "−0.1"), (0.06, "+0.1")])
def test_what_is_written_as_zero_has_no_sign(value: float, written: str) -> None:
    assert _environment("en").filters["signed"](value) == written


def test_the_page_and_decide_count_alike() -> None:
    given = sources(n=146)
    assert given.held_out is not None
    for precision in (0.8, 0.85, 0.9, 0.95):
        decider = decider_of(given.held_out, Promise(precision=precision))
        found = outlook(decider)
        said = (
            f"Of 1,000 messages, {found.routed} go by themselves, about {found.wrong} of them wrongly"
            f" ({found.wrong_low} to {found.wrong_high})."
        )
        assert said in words(page(replace(given, decider=decider)))


@pytest.mark.parametrize("language", LANGUAGES)
def test_names_of_classes_are_marked_as_what_they_are_written_in(language: str) -> None:
    given = sources(("Мошенничество", "б", "в"))
    given = replace(given, manifest=msgspec.structs.replace(given.manifest, language="ru"))
    html = page(given, language)
    assert '<bdi lang="ru">Мошенничество</bdi>' in html
    assert '<tbody lang="ru">' in html


def test_a_wide_table_says_that_it_moves() -> None:
    hint = "If the table is cut off at its right edge, move it sideways."
    assert hint in page(sources([f"класс {place}" for place in range(7)], n=280))
    assert hint not in page(sources())
