"""The start: what the workspace holds, and what to do next."""

from firstline.console.page import page
from firstline.console.visit import Answer, Visit
from firstline.console.words import later
from firstline.labelling.overview import overview


@page("/", role="annotator", menu=later("Start"))
def start(visit: Visit) -> Answer:
    """Counts of messages, labels and classes."""
    found = overview(visit.place)
    return visit.render("start.html.jinja", found=found, n_unlabelled=found.n_messages - found.n_labelled)
