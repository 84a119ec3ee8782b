"""A member comes in: it waits for its server, says that it does, and hears when it is to stop."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from hansa.core.errors import LinkError
from hansa.transport.nats_link import Link

logger = logging.getLogger(__name__)

CONNECT_S = 30.0
_SAID_S = 2.0  # without a server after which that is said
_LOOK_S = 0.25  # how soon it is seen that the node is to stop


def come_in(link: Link, until: Callable[[], bool], seconds: float) -> bool:
    """Open a link; return whether it is up, or else the node was told to stop.

    Raises LinkError after so many seconds without a server, or with one that lets nobody in.
    """
    began, said = time.monotonic(), False
    link.begin()
    while not until():
        if link.comes_up(_LOOK_S):
            return True
        waited = time.monotonic() - began
        if waited >= seconds:
            raise _fault(link, seconds)
        if waited >= _SAID_S and not said and not link.answers:
            said = True
            logger.info("no server at %s yet; trying for %g s", ", ".join(link.addresses), seconds)
    return False


def _fault(link: Link, seconds: float) -> LinkError:
    if link.answers:
        return link.fault()
    return LinkError(
        f"no server answered for {seconds:g} s",
        do="ask the operator whether hansa coordinator run is at work, then start again",
        where=", ".join(link.addresses),
    )
