"""What bad parties send in place of their updates: pure functions of what they know of one exchange.

They know everything: what the others send, and the rule. No real party does, so what a rule bears here it
bears. A function returns one update for each bad party; what is no number any more is left to the receiver.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_LOUD = 10.0  # standard deviation of noise, in root mean squares of an honest number
_NEAR = 1e-3  # length of what makes a copy unlike its model, as a share of an honest update's
_JITTER = 0.2  # length of what makes a Sybil unlike the others, as a share of its update's
_PRODUCT = 2.0  # times the honest mean that is sent the other way
_FACTORS = np.geomspace(0.1, 30.0, 12)  # among which a search begins
_FINER = 6  # factors that it looks at between the neighbours of the best one


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """What the bad parties of one exchange know."""

    honest: Floats  # (good, dim) what the others send
    own: Floats  # (bad, dim) what they would send if they were honest
    first: Floats  # (bad, dim) the same in the first exchange
    last: Floats  # (dim,) what the coordinator made of the last exchange; 0 in the first
    direction: Floats  # (dim,) of length 1, the same in all exchanges
    damage: Callable[[Floats], float]  # how far (bad, dim) move the aggregate from the honest mean
    rng: Generator

    @property
    def bad(self) -> int:
        """Return how many are bad."""
        return len(self.own)

    @property
    def parties(self) -> int:
        """Return how many there are."""
        return len(self.honest) + self.bad

    @property
    def mean(self) -> Floats:
        """Return (dim,) the mean of the honest updates."""
        return self.honest.mean(axis=0)

    @property
    def deviation(self) -> Floats:
        """Return (dim,) the sample's standard deviation of each number over the honest parties."""
        return self.honest.std(axis=0, ddof=1)

    @property
    def length(self) -> float:
        """Return the median length of an honest update."""
        return float(np.median(np.linalg.norm(self.honest, axis=1)))


Send = Callable[[Scene], Floats]
"""Returns (bad, dim), what the bad parties send."""


def sign_flip(scene: Scene) -> Floats:
    """Return (bad, dim) each party's own update the other way. Source: Li et al., AAAI 2019, experiments."""
    return -scene.own


def gaussian(scene: Scene) -> Floats:
    """Return (bad, dim) loud noise. Source: Blanchard et al., NeurIPS 2017, experiments."""
    loud = _LOUD * np.sqrt(np.mean(scene.honest**2))
    return loud * scene.rng.normal(size=scene.own.shape)  # (bad, dim)


def replacement(scene: Scene) -> Floats:
    """Return (bad, dim) own updates so long that they outweigh all others in a mean.

    Source: Bagdasaryan et al., AISTATS 2020, section 4.2 (model replacement, gamma = n / bad).
    """
    return scene.parties / scene.bad * scene.own


def reversed_replacement(scene: Scene) -> Floats:
    """Return (bad, dim) the replacement that takes the model back where it came from, and on."""
    return -replacement(scene)


def alie_factor(parties: int, bad: int) -> float:
    """Return by how many deviations bad parties can be off and still have honest ones on their far side.

    Source: Baruch et al., NeurIPS 2019, section 3 (z).
    """
    supporters = parties // 2 + 1 - bad
    share = (parties - bad - supporters) / (parties - bad)
    edge = 0.5 / parties
    return NormalDist().inv_cdf(min(max(share, edge), 1.0 - edge))


def alie(scene: Scene) -> Floats:
    """Return (bad, dim) the honest mean, off by z deviations in each number ("a little is enough")."""
    return _all(scene, scene.mean + alie_factor(scene.parties, scene.bad) * scene.deviation)


def alie_searched(scene: Scene) -> Floats:
    """Return (bad, dim) the same with the factor that moves this rule's aggregate the most."""
    return _searched(scene, scene.mean, scene.deviation)


def inner_product(scene: Scene) -> Floats:
    """Return (bad, dim) the honest mean the other way. Source: Xie et al., UAI 2019, section 4."""
    return _all(scene, -_PRODUCT * scene.mean)


def inner_product_searched(scene: Scene) -> Floats:
    """Return (bad, dim) the same with the factor that moves this rule's aggregate the most."""
    return _searched(scene, np.zeros_like(scene.mean), -scene.mean)


def mimic(scene: Scene) -> Floats:
    """Return (bad, dim) copies of the honest update that is farthest out where honest ones differ most.

    Source: Karimireddy et al., ICLR 2022, section 3; the direction is found anew in each exchange.
    """
    centred = scene.honest - scene.mean  # (good, dim)
    _, turns = np.linalg.eigh(centred @ centred.T)  # (good, good), places along the widest direction last
    return _all(scene, scene.honest[int(np.abs(turns[:, -1]).argmax())])


def min_max(scene: Scene) -> Floats:
    """Return (bad, dim) what is as far off as no honest update finds unusual.

    The largest distance from an honest update is the largest between two of these.
    Source: Shejwalkar and Houmansadr, NDSS 2021, section IV, along the deviations.
    """
    apart = scene.honest[:, None] - scene.honest[None]  # (good, good, dim)
    most = (apart**2).sum(axis=-1).max()
    gaps = scene.mean - scene.honest  # (good, dim)
    turn, slope = -scene.deviation, -gaps @ scene.deviation  # (dim,), (good,)
    rest = most - (gaps**2).sum(axis=1)  # (good,)
    return _all(scene, scene.mean + float(_reach(turn, slope, rest).min()) * turn)


def min_sum(scene: Scene) -> Floats:
    """Return (bad, dim) the same for sums of squared distances from all honest updates.

    Source: as `min_max`.
    """
    apart = scene.honest[:, None] - scene.honest[None]  # (good, good, dim)
    most = (apart**2).sum(axis=(1, 2)).max() / len(scene.honest)  # of a mean
    gaps = scene.mean - scene.honest  # (good, dim); their mean is 0
    turn = -scene.deviation  # (dim,)
    rest = np.array([most - (gaps**2).sum(axis=1).mean()])  # (1,)
    return _all(scene, scene.mean + float(_reach(turn, np.zeros(1), rest)[0]) * turn)


def copied(scene: Scene) -> Floats:
    """Return (bad, dim) the first honest party's update: no work of their own."""
    return _all(scene, scene.honest[0])


def nearly_copied(scene: Scene) -> Floats:
    """Return (bad, dim) the same, each with so little noise that no two messages are the same."""
    return copied(scene) + _NEAR * scene.length * _turns(scene)


def disguised(scene: Scene) -> Floats:
    """Return (bad, dim) noise of honest length. Source: Lin et al., 2019, section 3 (random weights)."""
    return scene.length * _turns(scene)


def echoed(scene: Scene) -> Floats:
    """Return (bad, dim) the last aggregate. Source: Lin et al., 2019, section 3 (delta weights)."""
    return _all(scene, scene.last)


def replayed(scene: Scene) -> Floats:
    """Return (bad, dim) each party's own first update, in all exchanges."""
    return scene.first.copy()


def sybils(scene: Scene) -> Floats:
    """Return (bad, dim) one push into one direction. Source: Fung et al., RAID 2020, section 3."""
    return _all(scene, scene.length * scene.direction)


def unlike_sybils(scene: Scene) -> Floats:
    """Return (bad, dim) the same push, each with noise of its own, so that no two are alike."""
    return scene.length * (scene.direction + _JITTER * _turns(scene))  # (bad, dim)


def no_numbers(scene: Scene) -> Floats:
    """Return (bad, dim) of what is no number."""
    return np.full_like(scene.own, np.nan)


def endless(scene: Scene) -> Floats:
    """Return (bad, dim) of infinity."""
    return np.full_like(scene.own, np.inf)


def _turns(scene: Scene) -> Floats:
    """Return (bad, dim) random directions of length 1."""
    noise = scene.rng.normal(size=scene.own.shape)  # (bad, dim)
    return np.asarray(noise / np.linalg.norm(noise, axis=1, keepdims=True))


def _all(scene: Scene, one: Floats) -> Floats:
    """Return (bad, dim) one update for every bad party."""
    return np.tile(one, (scene.bad, 1))


def _searched(scene: Scene, start: Floats, turn: Floats) -> Floats:
    """Return (bad, dim) copies of start + factor * turn with the factor that does the most damage."""

    def best(factors: Floats) -> int:
        return int(np.argmax([scene.damage(_all(scene, start + one * turn)) for one in factors]))

    place = best(_FACTORS)
    low, high = _FACTORS[max(place - 1, 0)], _FACTORS[min(place + 1, len(_FACTORS) - 1)]
    finer = np.append(np.geomspace(low, high, _FINER + 2)[1:-1], _FACTORS[place])
    return _all(scene, start + finer[best(finer)] * turn)


def _reach(turn: Floats, slope: Floats, rest: Floats) -> Floats:
    """Return the largest steps g with g^2 |turn|^2 + 2 g slope <= rest, entry by entry."""
    square = float(turn @ turn)
    if not square:
        return np.zeros_like(rest)
    root = np.sqrt(slope**2 + square * np.maximum(rest, 0.0))
    return np.maximum((root - slope) / square, 0.0)
