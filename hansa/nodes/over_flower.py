"""A consortium's nodes as apps of Flower: the same homes and the same run, carried by its SuperLink.

The folders are those of `hansa coordinator` and `hansa party`. An app of Flower names them: the coordinator's
in its run configuration, a party's in its SuperNode's node configuration, both as `hansa-home`.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hansa.core.errors import CharterError, FolderError
from hansa.nodes.coordinator_home import CoordinatorHome
from hansa.nodes.coordinator_service import CoordinatorService
from hansa.nodes.party_home import PartyHome
from hansa.nodes.party_service import PartyService
from hansa.nodes.seats import CoordinatorSeat
from hansa.nodes.stages import servers_of
from hansa.protection.enrolment import COORDINATOR
from hansa.registry.alone import alone_in
from hansa.transport.flower import FlowerTransport
from hansa.transport.flower_door import Desk, client_app
from hansa.transport.flower_letters import Writer
from hansa.transport.flower_quiet import quiet_flower
from hansa.transport.seam import Answer

logger = logging.getLogger(__name__)

HOME = "hansa-home"


def coordinator_app() -> Any:
    """Return the ServerApp that coordinates. Raises LinkError where Flower is missing or would call home."""
    quiet_flower()
    from flwr.serverapp import ServerApp

    def main(grid: Any, context: Any) -> None:
        home = CoordinatorHome(_home(context.run_config))
        service = coordinating(home)
        writer = Writer(home.run, COORDINATOR, home.identity.signing)

        def wire(seat: CoordinatorSeat) -> AbstractContextManager[FlowerTransport]:
            keys = {one.party.name: one.key for one in seat.membership.parties}
            return nullcontext(FlowerTransport(grid, writer, keys))

        service.run_over(wire, _said)

    app = ServerApp()
    app.main()(main)
    return app


def coordinating(home: CoordinatorHome) -> CoordinatorService:
    """Return an operator's service. Raises CharterError where its sums take servers."""
    service = CoordinatorService(home, _now)
    if servers := servers_of(service.charter):
        raise CharterError(
            f"takes {' and '.join(servers)} beside the coordinator, and Flower has parties alone",
            do="run hansa coordinator run, hansa server run and hansa party run",
            where=service.charter.name,
        )
    return service


def party_app() -> Any:
    """Return the ClientApp of a party. Raises LinkError where Flower is missing or would call home."""
    return client_app(_desk)


def _desk(context: Any) -> Desk:
    home = PartyHome(_home(context.node_config))
    invitation = home.joined().invitation
    writer = Writer(invitation.run, home.name, home.credential(invitation.key).signing)

    @contextmanager
    def opened() -> Iterator[Answer]:
        with alone_in(home.joined().folder), closing(PartyService(home, _now)) as service:
            yield service.answer_in_hours(lambda: False)

    return Desk(writer, invitation.coordinator, opened)


def _home(config: Any) -> Path:
    if HOME not in config:
        raise FolderError("is not named", do="name it in Flower's configuration", where=HOME)
    return Path(str(config[HOME]))


def _said(done: int, rounds: int) -> None:
    logger.info("round done round=%d of=%d", done, rounds)


def _now() -> datetime:
    return datetime.now(UTC)
