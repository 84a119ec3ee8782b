"""The coordinator of a run whose parties are elsewhere: it asks, adds up, steps on, and keeps where it is.

Between two rounds everything is on the disk. A coordinator that is killed goes on from the last whole round
and asks again; parties give the answers again that they gave, so that the run ends in the same bits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from hansa.algorithms.contract import Algorithm
from hansa.core import arrays, codec
from hansa.core.charter import Charter, Party
from hansa.core.charter_digest import charter_digest
from hansa.core.errors import FolderError, MessageError
from hansa.core.framing import laid, leaves
from hansa.core.messages import Ask, Terms, Totals
from hansa.core.methods import BY_ROW, METHODS
from hansa.models.network import Shape
from hansa.models.parts import Partial, normalised
from hansa.nodes.amending import Amending, Began, Members
from hansa.nodes.asking import Asking, as_map, no_answer
from hansa.nodes.changes import MEMBERS
from hansa.nodes.coordinator_judging import CoordinatorJudging
from hansa.nodes.gathering import Gathering, OpenGathering, questions_of
from hansa.nodes.judged_gathering import JudgedGathering
from hansa.nodes.protected_gathering import ProtectedGathering
from hansa.nodes.rehearsal import Exchange, rehearsed
from hansa.nodes.schedule import schedule_of, sums_products
from hansa.nodes.seats import CoordinatorSeat
from hansa.nodes.stale_gathering import StaleGathering
from hansa.protection.enrolment import COORDINATOR
from hansa.protection.membership import Membership, read_membership
from hansa.registry.node_store import NodeStore
from hansa.runtime.coordinator import run_round
from hansa.runtime.learning import algorithm_of, network_of
from hansa.runtime.sums import Sums
from hansa.transport.seam import Transport

Watch = Callable[[int, int], None]
"""Told the rounds that are done, and all."""


@dataclass(frozen=True, slots=True)
class Beside:
    """What a coordinator does beside rounds."""

    watch: Watch
    members: Members | None = None  # who may come and go within the run; none: nobody


_MOST_INPUTS = 1 << 16  # of a network: what says more asks for memory that nobody has
_STANDING, _STATE = "standing", "state"  # the names of what is kept
_TAKEN = "taken"  # the name of what says that all parties have taken the last common numbers
_KEPT = {"kind": "state"}


@dataclass(frozen=True, slots=True, eq=False)
class Finished:
    """A run that has come to its end."""

    algorithm: Algorithm
    state: Any
    judged: Mapping[str, Any]  # verdicts, votes and shares; empty: nobody judges


@dataclass(frozen=True, slots=True, eq=False)
class _Agreed:
    """What the parties told before the first round, from which both sides know the messages of all others."""

    keys: int  # that predictions are shared under
    shape: Shape  # of the inputs of the first party
    sizes: Sequence[int]  # each party's rows, where an algorithm shows rows one by one; else 1
    adverts: Mapping[str, bytes]  # each party's key for sealed messages; none where nothing is sealed
    totals: NDArray[np.float64]  # (3 x numbers,), the sums of statistics


@dataclass(frozen=True, slots=True, eq=False)
class _Joined:
    """What the parties told when they joined."""

    keys: int
    readings: int  # sums of a kind over readings: regimes times sensors
    adverts: Mapping[str, bytes]


@dataclass(frozen=True, slots=True, eq=False)
class _Course:
    """What both sides know of a run once it is agreed."""

    algorithm: Algorithm
    due: Mapping[str, Exchange]
    first: Any  # the State before the openings
    like: Any  # the State after a round


class CoordinatorNode:
    """One run of one charter's algorithm."""

    def __init__(
        self,
        charter: Charter,
        store: NodeStore,
        transport: Transport,
        seat: CoordinatorSeat,
        beside: Beside,
    ) -> None:
        """Take the charter that all have signed; store: where this run is kept.

        Raises FolderError where the store cannot be read, or is another's.
        """
        self._charter, self._store, self._seat, self._beside = charter, store, seat, beside
        store.claim(f"{COORDINATOR} in {charter_digest(charter)}")
        self._transport = transport
        self._asking = Asking(charter, transport, store)
        self._judging = CoordinatorJudging(charter, self._asking)
        self._servers = Asking(charter, transport, store)
        self._servers.names = tuple(name for name, _ in seat.membership.servers if name != COORDINATOR)
        members = beside.members
        self._amending = None if members is None else Amending(charter, seat, self._asking, members, store)
        if members is not None:
            self._asking.expelled = lambda: members.expelled(seat.membership)

    def run(self) -> Finished:
        """Return how the run ended; what was done before, after a restart, is not done again.

        Raises PartyError for a party that refuses, MessageError for one that sends what is no answer, and
        AbortedError where one does not answer in time; the run can be gone on with after each.
        """
        kept = self._store.state(_STANDING)
        if kept is None:
            round_ = 0
            joined = self._joined()
            gathering = self._gathering(joined.adverts)
            agreed = self._prepared(gathering, joined)
        else:
            round_, agreed, self._asking.names = _standing(kept, self._charter.name)
            self._list(read_membership(self._store.state(MEMBERS) or b"", COORDINATOR))
            gathering = self._gathering(agreed.adverts)
        course = self._course(agreed)
        if kept is None:
            state = course.first
            for _ in course.algorithm.openings:
                state = self._round(course, gathering, state)
            self._judging.open(course.algorithm, state)
            self._keep(agreed, state, gathering)
        else:
            state = self._restored(course, self._store.state(_STATE))
            self._restore_judging(course, round_)
        for number in range(round_ + 1, self._charter.rounds + 1):
            now = None if gathering.has_settled(number) else self._amended(agreed, number - 1)
            if now is not None:
                agreed = now
                self._keep(agreed, state, gathering)
                gathering = self._gathering(agreed.adverts)
            self._asking.begin(number)
            for _ in range(1 + len(course.algorithm.preludes)):
                state = self._round(course, gathering, state)
            state = self._judging.passed(course.algorithm, number, state)
            self._keep(agreed, state, gathering)
            self._beside.watch(number, self._charter.rounds)
        return self._finished(agreed, course.algorithm, state)

    def _amended(self, agreed: _Agreed, done: int) -> _Agreed | None:
        """Return what is agreed once members, or their keys, have changed after a round; None: none has."""
        if self._amending is None or not done:
            return None
        self._asking.begin(done, len(schedule_of(self._charter, agreed.keys).kinds(done)))
        if not self._amending.amended(Began(agreed.totals, agreed.keys)):
            return None
        self._list(self._seat.membership)
        return replace(agreed, adverts=self._amending.known.met["adverts"])

    def _list(self, membership: Membership) -> None:
        """Go on with the members of a list."""
        self._seat.membership = membership
        self._charter = self._asking.charter = replace(self._charter, roster=membership.roster)

    def _round(self, course: _Course, gathering: Gathering, state: Any) -> Any:
        def exchange(ask: Ask) -> Totals | Sequence[Terms]:
            return gathering.totals(ask, course.due[ask.opening].terms, addressed=course.algorithm.addressed)

        return run_round(course.algorithm, state, exchange)

    def _finished(self, agreed: _Agreed, algorithm: Algorithm, state: Any) -> Finished:
        """Return the end of a run, after each party has taken the last common numbers."""
        last = self._charter.rounds + 1
        self._asking.begin(last)
        if self._store.state(_TAKEN) is None:
            questions = questions_of(self._asking.names, algorithm.ask(state))
            wrong: dict[str, MessageError] | None = {} if self._judging.rounds else None
            for name, body in self._asking.ask("finish", questions, all_of_them=False, wrong=wrong):
                if wrong is None:  # where bad parties are borne, what they say of the end ends nothing
                    as_map(body, name, "finish")
            self._judging.tell()
            self._store.keep({_TAKEN: b""})  # who has heard the farewell is gone, and answers no more
        else:
            told = schedule_of(self._charter, agreed.keys).kinds(last)
            self._asking.begin(last, len(told) - 1)
        self._asking.farewell()
        self._servers.begin(last)
        self._servers.farewell()
        return Finished(algorithm, state, self._judging.found())

    # --- before the first round ------------------------------------------------------------------------

    def _joined(self) -> _Joined:
        """Return what the parties say when they join, once all have signed the list of members."""
        shown = codec.encode(self._seat.membership.value)
        told = self._asking.tell("join", membership=shown)
        keys, readings = self._keys(told), _alike(told, "readings")
        met = self._seat.met(told | self._servers.tell("join", membership=shown), self._seat.membership)
        self._asking.tell("meet", **met)
        self._servers.tell("meet", **met)
        return _Joined(keys, readings, met["adverts"])

    def _keys(self, told: Mapping[str, Mapping[str, Any]]) -> int:
        """Return how many keys predictions are shared under: of labels, which all know, or of shared rows."""
        name = self._charter.algorithm.name
        if name not in BY_ROW and name != "mixed":
            return _alike(told, "keys")
        keys = {party: _whole(one.get("keys"), party) for party, one in told.items()}
        for party, number in keys.items():
            if number > 2 * self._charter.protection.most_rows:
                raise no_answer(party, "join")
        return max(keys.values())

    def _gathering(self, adverts: Mapping[str, bytes]) -> Gathering:
        if self._judging.rounds is not None:
            return JudgedGathering(self._asking, self._judging.rounds)
        if self._charter.secrecy == "open":
            if self._charter.lateness.rule == "stale":
                return StaleGathering(self._asking, self._charter, self._transport, self._store)
            return OpenGathering(self._asking)
        sums = Sums(self._charter, self._charter.algorithm.name, len(self._asking.names))
        own = self._seat.channels(adverts)
        return ProtectedGathering(self._asking, self._servers, sums, own, self._store)

    def _prepared(self, gathering: Gathering, joined: _Joined) -> _Agreed:
        """Return what is agreed once statistics are summed and every party is ready."""
        totals, enough = gathering.statistics("statistics", joined.readings)
        scaled = self._asking.tell("scale", totals=totals, enough=enough)
        if sums_products(self._charter):
            products, _ = gathering.statistics("products", _alike(scaled, "pairs"))
            self._asking.tell("turn", totals=products)
        ready = self._asking.tell("start", keys=joined.keys)
        self._judging.check_kept_back(sum(one.get("keeps") is True for one in ready.values()))
        in_clear = METHODS[self._charter.algorithm.name].in_clear
        sizes = [self._size(one.get("rows"), name) if in_clear else 1 for name, one in ready.items()]
        shapes = {name: _shape(one.get("shape"), name) for name, one in ready.items()}
        first, shape = next(iter(shapes.items()))
        for name, own in shapes.items():
            if own != shape and METHODS[self._charter.algorithm.name].exchanges == "weights":
                raise MessageError(
                    f"its network has other inputs than that of {first}",
                    do="see that all have the same charter",
                    where=name,
                )
        return _Agreed(joined.keys, shape, sizes, joined.adverts, totals)

    def _size(self, rows: Any, name: str) -> int:
        if not 0 < _whole(rows, name) <= self._charter.protection.most_rows:
            raise no_answer(name, "start")
        return int(rows)

    def _course(self, agreed: _Agreed) -> _Course:
        charter, scenario = self._charter, self._charter.algorithm.name
        algorithm = algorithm_of(charter, scenario, agreed.keys, protected=charter.secrecy != "open")
        common = network_of(charter, scenario, Party(COORDINATOR), agreed.shape)
        if scenario == "own_scaling":
            common = normalised(common, agreed.shape.inputs)
        own: Any = common
        if scenario == "aligned":
            own = Partial(common, jnp.ones(agreed.shape.inputs))
        due, like = rehearsed(algorithm, common, own, agreed.shape.inputs, agreed.sizes)
        self._judging.check_size(due[""].terms[0])
        return _Course(algorithm, due, algorithm.start(common), like)

    def _keep(self, agreed: _Agreed, state: Any, gathering: Gathering) -> None:
        """Keep where the run stands, at the end of a round."""
        value = {
            "round": self._asking.round,
            "keys": agreed.keys,
            "shape": agreed.shape.plain,
            "sizes": list(agreed.sizes),
            "adverts": dict(agreed.adverts),
            "totals": agreed.totals,
            "names": list(self._asking.names),
        }
        members = codec.encode(self._seat.membership.value)
        kept = {_STANDING: codec.encode(value), _STATE: _laid(state), MEMBERS: members}
        self._store.keep(kept | gathering.states() | self._judging.states(self._asking.round, _laid))

    def _restored(self, course: _Course, kept: bytes | None) -> Any:
        try:
            return arrays.restore(course.like, leaves(_KEPT, course.like, kept or b""))
        except ValueError as fault:
            raise _damaged(self._charter.name) from fault

    def _restore_judging(self, course: _Course, round_: int) -> None:
        try:
            self._judging.restore(round_, self._store.state, lambda kept: self._restored(course, kept))
        except (KeyError, TypeError, ValueError) as fault:
            raise _damaged(self._charter.name) from fault


def _standing(kept: bytes, charter: str) -> tuple[int, _Agreed, tuple[str, ...]]:
    """Return the rounds that are done, what was agreed, and which members take part."""
    try:
        value = codec.decode(kept)
        shape = _shape(value["shape"], charter)
        agreed = _Agreed(value["keys"], shape, value["sizes"], value["adverts"], value["totals"])
        return value["round"], agreed, tuple(map(str, value["names"]))
    except (KeyError, TypeError, ValueError, MessageError) as fault:
        raise _damaged(charter) from fault


def _laid(state: Any) -> bytes:
    return laid(_KEPT, state)


def _damaged(charter: str) -> FolderError:
    return FolderError(
        "where the run stands cannot be read", do="start the run again in another folder", where=charter
    )


def _alike(told: Mapping[str, Mapping[str, Any]], name: str) -> int:
    """Return a number that all parties tell alike; raises MessageError naming the first that does not."""
    numbers = {party: _whole(one.get(name), party) for party, one in told.items()}
    first = next(iter(numbers.values()))
    for party, number in numbers.items():
        if number != first:
            raise no_answer(party, "join")
    return first


def _whole(value: Any, name: str) -> int:
    if type(value) is not int or not 0 <= value < 1 << 31:
        raise no_answer(name, "join")
    return value


def _shape(value: Any, name: str) -> Shape:
    try:
        sensors, readings, beside, lookups = value
        found = Shape(sensors, readings, beside, tuple((first, count) for first, count in lookups))
    except (TypeError, ValueError) as fault:
        raise no_answer(name, "start") from fault
    for number in (*found[:3], *(one for pair in found.lookups for one in pair)):
        if type(number) is not int or not 0 <= number <= _MOST_INPUTS:
            raise no_answer(name, "start")
    if not 0 < found.inputs <= _MOST_INPUTS:
        raise no_answer(name, "start")
    return found
