"""One party's records: its own table, or its share of records that a charter deals for a trial."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from hansa.core.charter import Charter, Party
from hansa.core.errors import CharterError, PartyError
from hansa.core.methods import BY_ROW
from hansa.data.fleet import Fleet
from hansa.data.partition import Share
from hansa.runtime.large_fleet import LargeShare
from hansa.runtime.spool import Spools
from hansa.runtime.world import open_world


@dataclass(frozen=True, slots=True, eq=False)
class Records:
    """What a party learns from, and what it is judged on."""

    party: Party
    share: Share | LargeShare
    test: Fleet
    spools: Spools


def own_records(charter: Charter, name: str, data: Path | None) -> Records:
    """Return a party's records. Raises CharterError, DataError and PartyError as their reading does.

    data: the party's table where the charter's partition is `given`; else the folder of the records that the
    charter deals, of which every party of a trial has a copy.
    """
    places = {party.name: place for place, party in enumerate(charter.roster)}
    if name not in places:
        raise CharterError(
            f"no party of the charter is called {name}",
            do="ask the operator for its name",
            where=charter.name,
        )
    party = charter.roster[places[name]]
    if charter.partition.kind != "given":
        world = open_world(charter, data)
        share = world.shares(charter, charter.partition.kind)[places[name]]
        return Records(party, share, world.tests(charter)[places[name]], world.spools)
    if charter.algorithm.name in BY_ROW or charter.algorithm.name == "mixed":
        raise PartyError(
            f"{charter.algorithm.name} matches rows of several tables, and each lies behind its own firewall",
            do='write name = "labsync_mean" or "aligned" under [algorithm]',
            where=name,
        )
    own = replace(party, data=party.data if data is None else data.name)
    alone = replace(charter, roster=(own,))
    world = open_world(alone, Path() if data is None else data.parent)
    return Records(own, world.shares(alone, "given")[0], world.tests(alone)[0], world.spools)
