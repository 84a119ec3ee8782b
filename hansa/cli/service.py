"""What the services share: their log, their page for monitoring, and how they are stopped."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from types import FrameType
from typing import Any

import click

from hansa.cli.commands import STOPPED
from hansa.cli.service_log import FORMS, LEVELS, log_to_stderr
from hansa.core.errors import HansaError

logger = logging.getLogger(__name__)

_OPTIONS = (
    click.option("--metrics", metavar="PORT", type=int, help="Show /metrics, /health and /ready on a port."),
    click.option("--metrics-host", metavar="HOST", default="127.0.0.1", show_default=True, help="Where."),
    click.option(
        "--log", type=click.Choice(FORMS), default="text", show_default=True, help="Form of the log."
    ),
    click.option("--log-level", type=click.Choice(LEVELS), default="info", show_default=True, help="From."),
    click.option("--stay", is_flag=True, help="When the run is over, stay until stopped."),
)


@dataclass(frozen=True, slots=True)
class ServiceOptions:
    """How a service shows what it does."""

    metrics: int | None
    metrics_host: str
    log: str
    log_level: str
    stay: bool


def service_options(command: Callable[..., None]) -> Callable[..., None]:
    """Return a command with the options of a service, which it gets as one value named `options`."""

    @wraps(command)
    def taken(
        metrics: int | None, metrics_host: str, log: str, log_level: str, stay: bool, **rest: Any
    ) -> None:
        command(options=ServiceOptions(metrics, metrics_host, log, log_level, stay), **rest)

    for option in reversed(_OPTIONS):
        taken = option(taken)
    return taken


@contextmanager
def service(options: ServiceOptions, clock: Callable[[], datetime]) -> Iterator[Any]:
    """Yield the vital signs of a service, which are shown meanwhile; a fault goes to its log as well."""
    from hansa.cli.vital_page import vital_page
    from hansa.nodes.vital_signs import VitalSigns

    log_to_stderr(options.log, options.log_level)
    signs = VitalSigns(clock)
    with vital_page(signs, options.metrics_host, options.metrics):
        try:
            yield signs
        except HansaError as fault:
            signs.end("ended")
            if options.log == "json":  # the line that all commands end with is no JSON
                logger.error("%s", fault)
                raise click.exceptions.Exit(2) from fault
            raise
        except KeyboardInterrupt as stop:
            if options.log == "json":
                logger.info("stopped")
                raise click.exceptions.Exit(STOPPED) from stop
            raise


@contextmanager
def stopping() -> Iterator[threading.Event]:
    """Yield what is set once Ctrl-C or SIGTERM comes."""
    stop = threading.Event()

    def note(number: int, frame: FrameType | None) -> None:
        stop.set()

    before = {one: signal.signal(one, note) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def stop_as_by_keyboard() -> None:
    """Have SIGTERM do what Ctrl-C does: all is closed in order, a server of our own too."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)


def stay() -> None:
    """Return once Ctrl-C or SIGTERM comes: who watches can see how the run has ended."""
    with stopping() as stop:
        stop.wait()
