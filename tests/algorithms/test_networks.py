"""Every algorithm runs any network: two convolutions that predict by their mean, over encoded messages."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from hansa.algorithms.aligned import Aligned
from hansa.algorithms.clustered import Clustered
from hansa.algorithms.contract import Algorithm
from hansa.algorithms.ditto import Ditto
from hansa.algorithms.fedavg import FedAvg
from hansa.algorithms.fednova import FedNova
from hansa.algorithms.fine_tuned import FineTuned
from hansa.algorithms.fsvrg import Fsvrg
from hansa.algorithms.isolated import Isolated
from hansa.algorithms.labsync import FedLabSync
from hansa.algorithms.personal import Personal
from hansa.algorithms.prediction_sharing import PredictionSharing
from hansa.algorithms.scaffold import Scaffold
from hansa.core import seeds
from hansa.core.charter import Network
from hansa.models.build import drawn
from hansa.models.losses import SharedLoss
from hansa.models.network import Shape
from hansa.models.parts import Partial, normalised
from hansa.models.training import Recipe
from hansa.runtime.party import Member
from tests.batteries.roster import KEYS, SOME, Played, Seat, exchanges, leaves, played_on

SHAPE = Shape(1, 2, 1)  # one sensor's two readings, and a flag
DESIGN = Network((4,), "tanh", "linear", "convolution", (3,), 2, 1, ensemble=2)
RECIPE = Recipe("adam", 0.05, 1, 1)  # a row a step: one length of batch to compile
ALGORITHMS: list[Algorithm] = [  # one of each kind of message, memory and frame
    FedAvg(RECIPE, proximal=0.5),
    Ditto(RECIPE, 0.3),
    Personal(RECIPE, "head"),
    Personal(RECIPE, "normaliser"),
    Aligned(RECIPE),
    PredictionSharing(RECIPE, SharedLoss(), KEYS),
    FedLabSync(RECIPE, SharedLoss()),
]
ALIKE: list[Algorithm] = [  # they train and send as one of those
    Isolated(RECIPE),
    FedNova(RECIPE),
    Scaffold(Recipe("sgd", 0.05, 1, 1)),
    Fsvrg(Recipe("sgd", 0.05, 1, 1)),
    FineTuned(RECIPE, 2),
    Personal(RECIPE, "head", in_turn=True),
    Clustered(RECIPE, 2, 2),
]


def _network(owner: str, behind: bool) -> Any:
    made = drawn(seeds.generator(1, owner, "network"), DESIGN, SHAPE)
    return normalised(made, SHAPE.inputs) if behind else made


def _member(seat: Seat, algorithm: Algorithm, behind: bool) -> Member:
    network = _network(seat.name, behind)
    if isinstance(algorithm, Aligned):
        network = Partial(network, jnp.asarray([1.0, 1.0, float(seat.name == "a")]))  # others have no flag
    return Member(seat.name, algorithm, seat.learnt_from(), network, seeds.key(1, seat.name, "batches"))


@pytest.mark.parametrize(
    "algorithm",
    [*ALGORITHMS, *(pytest.param(one, marks=pytest.mark.slow) for one in ALIKE)],
    ids=lambda one: f"{type(one).__name__}-{getattr(one, 'private', '')}",
)
def test_an_ensemble_of_convolutions_learns(algorithm: Algorithm) -> None:
    behind = getattr(algorithm, "private", "") == "normaliser"
    common = _network("common", behind)
    members = [_member(seat, algorithm, behind) for seat in (SOME[0], SOME[2])]  # as many rows each
    for member in members:
        member.join()
    opened = Played(algorithm.start(common), members)
    done = played_on(algorithm, opened, exchanges(algorithm, 1))
    for member in done.members:
        found = done.network(member.name, algorithm)
        assert np.isfinite(float(member.local.loss))
        for start in (_network(member.name, behind), common):
            for fresh, trained in zip(leaves(start), leaves(found), strict=True):
                assert trained.shape == fresh.shape
                assert not np.array_equal(trained, fresh)
