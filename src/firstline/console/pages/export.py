"""The labels as a file, for leads and admins: made while it is sent, so that none lies on the disk."""

from firstline.console.page import page
from firstline.console.visit import Answer, Visit
from firstline.messages.exports.written import Row, csv_of
from firstline.store.exported import read_exported
from firstline.store.messages import now


@page("/import/labels.csv", role="lead", lane="slow")
def labels(visit: Visit) -> Answer:
    """All labelled messages with their labels, as `firstline export --labelled` writes them."""
    parts = csv_of(Row(message) for message in read_exported(visit.place.database, is_labelled=True))
    headers = {
        "Content-Disposition": f'attachment; filename="labels-{now():%Y-%m-%d}.csv"',
        "Cache-Control": "no-store",
    }
    # The first part here: if the database cannot be read, the answer is a page that says so.
    return Answer(next(parts), headers=headers, media_type="text/csv", parts=parts)
