"""The quality of the champion: how often it is right, what each promise would mean, what it confuses."""

from dataclasses import dataclass

from firstline.bundle.promise import Promise, read_promise, write_promise
from firstline.bundle.registry import champion_id
from firstline.console.cards import pieces
from firstline.console.charts import growth_chart, promise_chart
from firstline.console.deciding import champion_or_none, deciding, require_fresh, stale
from firstline.console.page import page
from firstline.console.progress import told
from firstline.console.visit import Answer, Visit
from firstline.console.words import later
from firstline.errors import BundleError, RequestError
from firstline.evaluation.report.data import Pair
from firstline.evaluation.report.page import is_of_this_version, page_policy
from firstline.evaluation.report.quality import Quality, Stop
from firstline.evaluation.report.writing import report_file
from firstline.files import read_small
from firstline.store.database import writing_rows
from firstline.store.jobs import add_job
from firstline.store.named import NamedMessage, read_named
from firstline.types import Label

_MOST_PAIRS = 6
_EXAMPLES = 2
_WEAKEST = 10
_MOST_REPORT_BYTES = 50_000_000


@dataclass(frozen=True)
class Quoted:
    """A message that was confused: its text in pieces, its label, and what the model said."""

    pieces: list[tuple[str, bool]]
    label: Label
    predicted: Label


@page("/quality", role="lead", menu=later("Quality"))
def quality(visit: Visit) -> Answer:
    """The champion's figures, and the promise to choose."""
    done = visit.query.get("done")
    try:
        champion = champion_id(visit.place.models)
        found = visit.console.qualities.of(champion) if champion else None
    except BundleError:
        return visit.render("quality.html.jinja", found=None, is_broken=True)
    if found is None:
        return visit.render("quality.html.jinja", found=None, is_broken=False)
    grown = told(found.report.growth) if found.report.growth else None
    shown = _shown(found, visit.query.get("precision"))
    curve = found.report.routing.curve if found.report.routing else ()
    return visit.render(
        "quality.html.jinja",
        is_broken=False,
        found=found,
        before=str(found.promise),
        shown=shown,
        at=found.stops.index(shown) if shown else 0,
        chart_of_promise=promise_chart(curve) if curve else None,
        growth=growth_chart(grown) if grown else None,
        grown=grown,
        pairs=_pairs(visit, found),
        weakest=_WEAKEST,
        has_report=_report(visit, found.report.facts.id) is not None,
        done=done if done in ("promise", "report") else "",
    )


@page("/quality/promise", role="lead", method="POST")
def promise(visit: Visit) -> Answer:
    """Promise another precision. A running service follows it."""
    wanted = _promise(visit.form.get("precision"))
    with deciding(visit, "console, promise") as champion:
        if read_promise_or_none(visit) != wanted:
            require_fresh(visit, champion)
            if str(read_promise_or_none(visit)) != visit.form.get("before"):
                raise stale()
            write_promise(visit.place.models, wanted)
    return visit.go_to("/quality?done=promise")


@page("/quality/report", role="lead")
def report(visit: Visit) -> Answer:
    """The whole report on the champion, in a sandbox of its own."""
    champion = champion_or_none(visit)
    content = _report(visit, champion) if champion else None
    if content is None:
        raise RequestError(
            "report_missing",
            later("There is no report on this model yet."),
            later("Ask for it on the page Quality."),
            status=404,
        )
    return Answer(content, headers={"Content-Security-Policy": page_policy()})


@page("/quality/report", role="lead", method="POST")
def write(visit: Visit) -> Answer:
    """Have the worker write the report."""
    champion = champion_or_none(visit)
    if champion is None or champion != visit.form.get("champion"):
        raise stale()
    with writing_rows(visit.place.database) as connection:
        add_job(connection, "report", {"model": champion}, visit.person.name)
    return visit.go_to("/quality?done=report")


def read_promise_or_none(visit: Visit) -> Promise | None:
    """The promise in force; None if its file is damaged, which a new promise mends."""
    try:
        return read_promise(visit.place.models)
    except BundleError:
        return None


def _promise(given: str) -> Promise:
    """Raises `RequestError` for what is not a share between 0 and 1."""
    try:
        return Promise(precision=round(float(given), 4))
    except ValueError:
        raise RequestError(
            "promise", later("A promise is a share between 0 and 1."), later("Choose one on the page Quality."), 422
        ) from None


def _shown(found: Quality, asked: str) -> Stop | None:
    """The stop that a query asks for, or else the one in force, or else the highest within reach."""
    by_name = {f"{stop.precision:g}": stop for stop in found.stops}
    chosen = by_name.get(asked) or by_name.get(f"{found.promise.precision or 0:g}")
    reached = [stop for stop in found.stops if not stop.offer.outlook.is_out_of_reach]
    return chosen or next(iter(reached[-1:] or found.stops[:1]), None)


def _report(visit: Visit, model: str) -> bytes | None:
    """The page about a model; None if there is none that this version wrote."""
    try:
        content = read_small(report_file(visit.place, model), _MOST_REPORT_BYTES)
    except OSError:
        return None
    return content if is_of_this_version(content.decode(errors="replace")) else None


def _pairs(visit: Visit, found: Quality) -> list[tuple[Pair, list[Quoted]]]:
    """What is confused most, each with messages that are still stored and still have the label they had."""
    shown = list(zip(found.report.pairs, found.examples, strict=False))[:_MOST_PAIRS]
    keys = [key for _, examples in shown for key in examples]
    stored = read_named(visit.place.database, keys) if keys else {}
    return [(pair, _quoted(pair, [stored[key] for key in examples if key in stored])) for pair, examples in shown]


def _quoted(pair: Pair, stored: list[NamedMessage]) -> list[Quoted]:
    other = {pair.first: pair.second, pair.second: pair.first}
    known = [one for one in stored if len(one.labels) == 1 and one.labels[0] in other]
    return [Quoted(pieces(one.text), one.labels[0], other[one.labels[0]]) for one in known[:_EXAMPLES]]
