"""A real browser opens a red team's page from disk: no script fails, nothing is refused."""

import re
from pathlib import Path

from hansa.control.attack_page import render_attacks
from tests.control.made_attack import made_attack
from tests.journeys.test_report_in_browser import opened, pytestmark

__all__ = ["pytestmark"]  # the same mark: needs a browser


def test_the_page_of_attacks_opens_without_an_error(tmp_path: Path) -> None:
    page, log = opened(render_attacks(made_attack()), tmp_path)
    body = re.search(r"<body[^>]*>", page)
    assert body
    assert 'data-errors="0"' in body[0]
    assert "Refused to" not in log
