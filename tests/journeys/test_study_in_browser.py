"""A real browser opens a study's page from disk: its chart is drawn, nothing fails."""

import re
from pathlib import Path

from hansa.control.study_page import render_study
from tests.control.test_study_page import made
from tests.journeys.test_report_in_browser import opened, pytestmark

__all__ = ["pytestmark"]  # the same mark: needs a browser


def test_the_chart_of_a_study_is_drawn_and_no_script_fails(tmp_path: Path) -> None:
    study, summary = made()
    page, log = opened(render_study(study, summary), tmp_path)
    body = re.search(r"<body[^>]*>", page)
    assert body
    assert 'data-errors="0"' in body[0]
    assert 'data-charts="1"' in body[0]
    assert "Refused to" not in log
