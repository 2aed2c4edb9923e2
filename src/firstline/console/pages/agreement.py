"""How far people agree, which classes they mix up, and how much there is to decide. For leads."""

from collections import Counter
from datetime import timedelta

from firstline.console.page import page
from firstline.console.visit import Answer, Visit
from firstline.console.words import later
from firstline.evaluation.agreement import LEAST, agreement
from firstline.store.agreement import labelled_twice, labellers
from firstline.store.cases import open_cases
from firstline.store.messages import now

_LAST = 1_000
_DAYS = 7
_MOST_PAIRS, _MOST_CLASSES = 10, 20


@page("/agreement", role="lead", menu=later("Agreement"))
def figures(visit: Visit) -> Answer:
    """The agreement on the last messages that were labelled twice; too few are counted, not measured."""
    with visit.place.database.connect() as connection:
        units = labelled_twice(connection, _LAST)
        cases = Counter(open_cases(connection, visit.console.split.read(connection)).values())
        people = labellers(connection, now() - timedelta(days=_DAYS))
    measured = agreement(units) if len(units) >= LEAST else None
    return visit.render(
        "agreement.html.jinja",
        cases=cases,
        n_cases=cases.total(),
        n_twice=len(units),
        least=LEAST,
        measured=measured,
        mixed_up=measured.mixed_up[:_MOST_PAIRS] if measured else [],
        by_class=[one for one in measured.classes if one.n_agreed < one.n_messages][:_MOST_CLASSES] if measured else [],
        people=people,
        days=_DAYS,
    )
