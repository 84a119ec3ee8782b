"""The parties of one scenario, ready to train: shares, federated statistics, inputs, rows, networks."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hansa.algorithms.components import Products
from hansa.algorithms.contract import Algorithm
from hansa.algorithms.statistics import Moments
from hansa.core import seeds
from hansa.core.charter import Charter, Party
from hansa.core.methods import BY_ROW, METHODS, partition_under
from hansa.crypto.lattice import require_tenseal
from hansa.data.oversample import require_smote
from hansa.data.prepare import Inputs
from hansa.data.targets import check_labels, target_of
from hansa.models.network import Shape
from hansa.models.rows import Rows
from hansa.runtime.brought import check_network
from hansa.runtime.holdings import Holding, holding
from hansa.runtime.kept_back import kept_rows
from hansa.runtime.large_fleet import Tell, untold
from hansa.runtime.learning import algorithm_of, network_of, output_scale
from hansa.runtime.oversampling import oversampled
from hansa.runtime.party import Member
from hansa.runtime.preparation import check_known, dressed, parts
from hansa.runtime.world import World
from hansa.simulation.components import with_components
from hansa.simulation.judged import JudgedSums
from hansa.simulation.lacking import with_fill
from hansa.simulation.protected import ProtectedSums
from hansa.simulation.scaling import scaled_inputs, union

_TOLD_EVERY = 256  # parties
KEYED_BY_LABEL = ("labsync", "labsync_mean", "mixed")


@dataclass(frozen=True, slots=True, eq=False)
class Cohort:
    """One scenario's parties before its first exchange."""

    scenario: str
    charter: Charter
    algorithm: Algorithm
    common: Any  # the coordinator's freshly drawn network
    members: list[Member]
    inputs: list[Inputs]
    statistics: Moments | None  # the sums over the cohort that scaled the inputs; None where each sums alone
    products: Products | None = None  # the sums that gave components or fills; None where there are none
    owner: NDArray[np.int64] | None = None  # (test assets,) whose kind each one is, under an uneven deal
    sensors: tuple[str, ...] = ()  # of all parties, in the order of the statistics
    sums: ProtectedSums | None = None  # what adds up terms; None: in the clear
    judge: JudgedSums | None = None  # what checks and weighs them before; None: nobody does
    kept_back: Sequence[Rows] = ()  # rows that each party keeps out of its training; none where nobody does

    @property
    def scale(self) -> float:
        """Return what a party's output is multiplied by."""
        return output_scale(self.algorithm, len(self.members))

    @property
    def unsummed(self) -> tuple[str, ...]:
        """Return the sensors that too few parties have for a protected sum."""
        if self.statistics is None or self.sums is None:
            return ()
        known = self.statistics.count.max(axis=0) > 0  # (sensors,)
        return tuple(name for name, here in zip(self.sensors, known, strict=True) if not here)


def partition_of(charter: Charter, scenario: str) -> str:
    """Return the partition under which a scenario deals the assets."""
    return partition_under(charter.partition.kind, charter.algorithm.name, scenario)


def gather(charter: Charter, scenario: str, world: World, tell: Tell = untold) -> Cohort:
    """Return the parties of a scenario; `centralised` is one party that holds everything.

    Raises DataError naming the labels that no party has, where predictions are shared by label, and
    PartyError naming a party without a single labelled row. tell: how many parties are prepared.
    """
    charter, holdings = dealt(charter, scenario, world)
    sums = _sums(charter, scenario)
    inputs, moments = scaled_inputs(charter, scenario, holdings, sums)
    inputs, products = with_components(charter, holdings, inputs, sums, alone=moments is None)
    if scenario == "aligned" and charter.preparation.lacking == "regression":
        inputs, products = with_fill(holdings, inputs, sums)
    algorithm = algorithm_of(
        charter, scenario, _key_space(charter, scenario, holdings), protected=sums is not None
    )
    members: list[Member] = []
    for party, one, own in zip(charter.roster, inputs, holdings, strict=True):
        if members and len(members) % _TOLD_EVERY == 0:
            text = f"{scenario}: preparing, {len(members):,} of {charter.parties:,} parties"
            tell(text, len(members) / charter.parties)
        rows = oversampled(charter, party.name, own.rows(one, charter, scenario))
        network = dressed(scenario, network_of(charter, scenario, party, Shape(*one.shape)), one)
        key = seeds.key(charter.seed, party.name, "batches")
        members.append(Member(party.name, algorithm, rows, network, key))
    common = network_of(charter, scenario, Party("coordinator"), Shape(*inputs[0].shape))
    if scenario == "own_scaling":
        common = dressed(scenario, common, inputs[0])
    return Cohort(
        scenario,
        charter,
        algorithm,
        common,
        members,
        inputs,
        moments,
        products,
        sensors=union(holdings),
        sums=sums,
        judge=_judge(charter, scenario, sums),
        kept_back=_kept_back(charter, scenario, world, inputs),
    )


def _sums(charter: Charter, scenario: str) -> ProtectedSums | None:
    """Return what adds up a scenario's terms; None where nothing is exchanged, or the charter is open."""
    if charter.secrecy == "open" or METHODS[scenario].exchanges == "nothing":
        return None
    return ProtectedSums(charter, scenario, [party.name for party in charter.roster], os.urandom)


def _judge(charter: Charter, scenario: str, sums: ProtectedSums | None) -> JudgedSums | None:
    """Return what judges a scenario's terms; None where nobody asks for it, or nothing is exchanged."""
    if not charter.judges or METHODS[scenario].exchanges == "nothing":
        return None
    return JudgedSums(charter, scenario, sums)


def dealt(charter: Charter, scenario: str, world: World) -> tuple[Charter, list[Holding]]:
    """Return the charter with the scenario's roster, and what each party holds, checked.

    Raises what `gather` raises, and is cheap: a run asks it of every scenario before it trains one.
    """
    if charter.training.oversample != "none":
        require_smote()
    if charter.secrecy == "encrypted":
        require_tenseal()
    if scenario == "centralised":
        charter = replace(charter, roster=(Party("centralised"),))
    shares = [parts(one, charter)[0] for one in world.shares(charter, partition_of(charter, scenario))]
    holdings = [holding(share, charter, world.spools) for share in shares]
    learnt = [one.learnt() for one in holdings]  # (keys,) each
    for share, counts in zip(shares, learnt, strict=True):
        check_known(share.party, int(counts.sum()))
    if scenario in KEYED_BY_LABEL:
        check_labels(learnt, charter)
    check_network(charter, scenario, holdings)
    return charter, holdings


def _kept_back(charter: Charter, scenario: str, world: World, inputs: Sequence[Inputs]) -> list[Rows]:
    """Return the rows that each party keeps out of its training, as its network sees them."""
    if not charter.validation.share:
        return []
    shares = world.shares(charter, partition_of(charter, scenario))
    pairs = zip(shares, inputs[: len(shares)], strict=True)
    return [kept_rows(charter, scenario, share, own, world.spools) for share, own in pairs]


def _key_space(charter: Charter, scenario: str, holdings: Sequence[Holding]) -> int:
    """Return how many keys predictions are shared under: shared rows, labels, or both."""
    by_label = target_of(charter.data).keys
    shared = max(own.shared_rows for own in holdings)
    if scenario in BY_ROW:
        return shared
    return by_label + shared if scenario == "mixed" else by_label
