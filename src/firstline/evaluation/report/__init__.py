"""The report on a model for the lead of a support team: one page of HTML that needs no network.

`build.py` computes `ReportData` from a model's manifest, its held-out answers and the texts of its messages. `page.py`
renders that in Russian or English. `templates/charts.svg.jinja` draws; other pages use it too.
"""

from firstline.evaluation.report.build import Sources, build_report
from firstline.evaluation.report.data import ReportData
from firstline.evaluation.report.page import LANGUAGES, render_report
from firstline.evaluation.report.quoting import reports_that_quote

__all__ = ["LANGUAGES", "ReportData", "Sources", "build_report", "render_report", "reports_that_quote"]
