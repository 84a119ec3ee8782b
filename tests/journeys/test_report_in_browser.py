"""A real browser opens the report from disk: every chart is drawn, nothing fails."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from hansa.control.report import render_report
from tests.control.made_result import LONG_NAMES, NASTY, made_result

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
BROWSER = next((found for name in NAMES if (found := shutil.which(name))), None)
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--enable-logging=stderr",
    "--virtual-time-budget=4000",
)

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(BROWSER is None, reason=f"no browser on PATH: looked for {', '.join(NAMES)}"),
]


def opened(page: str, folder: Path) -> tuple[str, str]:
    """Return the document after its scripts ran, and what the browser logged."""
    file = folder / "report.html"
    file.write_text(page, encoding="utf-8")
    command = [str(BROWSER), *FLAGS, f"--user-data-dir={folder / 'profile'}", "--dump-dom", file.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=True)
    return done.stdout, done.stderr


@pytest.mark.parametrize(
    ("changes", "charts"),
    [
        ({"parties": (NASTY, *LONG_NAMES[1:])}, 9),
        ({"scenarios": ("labsync_mean",), "rounds_done": 37}, 9),
        ({"scenarios": ("isolated", "fedavg"), "algorithm": "fedavg", "engines": []}, 3),
    ],
    ids=["eight parties, one with a nasty name", "partial run of one scenario", "no engines"],
)
def test_a_browser_draws_every_chart_without_an_error(
    changes: dict[str, object], charts: int, tmp_path: Path
) -> None:
    document, log = opened(render_report(made_result(**changes), "# charter\n"), tmp_path)  # type: ignore[arg-type]
    body = re.search(r"<body[^>]*>", document)
    assert body is not None
    assert f'data-charts="{charts}"' in body.group()
    assert 'data-errors="0"' in body.group()
    assert document.count("data-figure=") == charts
    assert "CONSOLE" not in log
    assert "Content Security Policy" not in log


def test_a_name_of_a_party_stays_text_in_the_drawn_charts(tmp_path: Path) -> None:
    document, _ = opened(render_report(made_result(parties=(NASTY, "b")), ""), tmp_path)
    assert "<b>bold" not in document
    assert "&lt;b&gt;" in document
