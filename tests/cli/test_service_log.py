"""An event is one line, as text or JSON, whatever others put into it."""

import json
import logging
from collections.abc import Iterator

import pytest

from hansa.cli.service_log import log_to_stderr


@pytest.fixture(autouse=True)
def logger() -> Iterator[logging.Logger]:
    found = logging.getLogger("hansa")
    before = found.handlers[:], found.level
    yield found
    found.handlers[:], level = before
    found.setLevel(level)


def hostile() -> None:
    logging.getLogger("hansa.transport.nats").warning("why=%s", "a\nb\x1b[2J\u202e")


def test_text_is_one_line_without_control_characters(capsys: pytest.CaptureFixture[str]) -> None:
    log_to_stderr("text", "info")
    hostile()
    said = capsys.readouterr().err
    assert said.endswith(" WARNING hansa.transport.nats why=a?b?[2J?\n")
    assert said.count("\n") == 1


def test_json_is_one_map_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    log_to_stderr("json", "info")
    hostile()
    try:
        raise ValueError("two\nlines")
    except ValueError as fault:
        logging.getLogger("hansa.x").error("a fault of ours", exc_info=fault)
    first, second = (json.loads(line) for line in capsys.readouterr().err.splitlines())
    assert (first["level"], first["where"], first["event"]) == (
        "warning", "hansa.transport.nats", "why=a?b?[2J?",
    )  # fmt: skip
    assert set(first) == {"time", "level", "where", "event"}
    assert second["event"].startswith("a fault of ours | Traceback")
    assert "ValueError: two | lines" in second["event"]


def test_what_is_below_the_level_is_not_said_and_nothing_twice(capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        log_to_stderr("text", "warning")
    logging.getLogger("hansa.x").info("small")
    logging.getLogger("hansa.x").warning("large")
    assert capsys.readouterr().err.count("\n") == 1
