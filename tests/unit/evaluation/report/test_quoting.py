import os
from pathlib import Path

import pytest

from firstline.evaluation.report.build import build_report
from firstline.evaluation.report.page import render_report
from firstline.evaluation.report.quoting import reports_that_quote
from firstline.files import whole_file
from tests.reports import sources


def test_a_report_is_found_by_a_message_that_it_quotes(tmp_path: Path) -> None:
    data = build_report(sources())
    (tmp_path / "a.html").write_text(render_report(data, "en"), "utf-8")
    (tmp_path / "b.html").write_text("<p>no messages</p>", "utf-8")
    assert reports_that_quote(tmp_path, [bytes.fromhex(data.suspects[0].key)]) == [tmp_path / "a.html"]


def test_other_messages_find_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(render_report(build_report(sources()), "en"), "utf-8")
    assert reports_that_quote(tmp_path, [bytes(16)]) == []


def test_a_workspace_without_reports_has_none(tmp_path: Path) -> None:
    assert reports_that_quote(tmp_path / "reports", [bytes(16)]) == []


def test_what_is_not_a_page_is_passed_over(tmp_path: Path) -> None:
    data = build_report(sources())
    (tmp_path / "a.html").mkdir()
    (tmp_path / "b.html").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "c.html")
    (tmp_path / "d.html").write_text(render_report(data, "en"), "utf-8")
    assert reports_that_quote(tmp_path, [bytes.fromhex(data.suspects[0].key)]) == [tmp_path / "d.html"]


def test_a_page_that_was_never_finished_is_found(tmp_path: Path) -> None:
    data = build_report(sources())
    with pytest.raises(KeyboardInterrupt), whole_file(tmp_path / "a.html") as unfinished:
        unfinished.write_text(render_report(data, "en"), "utf-8")
        assert reports_that_quote(tmp_path, [bytes.fromhex(data.suspects[0].key)]) == [unfinished]
        raise KeyboardInterrupt
