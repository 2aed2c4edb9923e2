"""The report on a model for the lead of a support team: one page of HTML that needs no network.

`build.py` computes `ReportData` from a model's manifest, its held-out answers and the texts of its messages. `page.py`
renders that in Russian or English. `templates/charts.svg.jinja` draws; other pages use it too.
"""
