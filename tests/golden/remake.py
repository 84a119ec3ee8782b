"""Writes the known answers anew: `python -m tests.golden.remake`, then review the difference.

A difference means that models, digests or messages of an older version are no longer those of this one.
"""

import json
from pathlib import Path
from typing import Any

import jax
import numpy as np

from hansa.algorithms.contract import Algorithm
from hansa.algorithms.fedavg import FedAvg
from hansa.algorithms.isolated import Isolated
from hansa.algorithms.labsync import FedLabSync, label_maps
from hansa.algorithms.prediction_sharing import PredictionSharing
from hansa.core import codec
from hansa.models.filters import gains
from hansa.models.losses import SharedLoss
from hansa.transport.memory import frame
from tests.batteries.roster import ALIKE, BY_LABEL, KEYS, RECIPE, Seat, opened, played
from tests.oracles.orders import shuffle

ANSWERS = Path(__file__).with_name("learning.json")

FEDERATIONS: dict[str, tuple[Algorithm, tuple[Seat, ...]]] = {
    "isolated": (Isolated(RECIPE), BY_LABEL),
    "fedavg": (FedAvg(RECIPE), ALIKE),
    "labsync_mean": (PredictionSharing(RECIPE, SharedLoss(), KEYS, damping=0.3), BY_LABEL),
    "labsync": (FedLabSync(RECIPE, SharedLoss(), damping=0.3), BY_LABEL),
}


def exact() -> dict[str, Any]:
    """Return answers that must be the same on every machine."""
    algorithm, seats = FEDERATIONS["labsync_mean"]
    ask = algorithm.ask(opened(algorithm, seats).state)
    value = {
        "name": "hansa",
        "arrays": [np.arange(6, dtype=np.float32).reshape(2, 3), np.int8(-1)],
        "none": None,
    }
    return {
        "digest": codec.digest(value),
        "opening frame": frame(ask).hex(),
        "order of 12 rows": shuffle(jax.random.key(5), 12, np.float32(12)).tolist(),
        "order of 7 rows": shuffle(jax.random.key(5), 12, np.float32(7)).tolist(),
        "map of party b": label_maps([np.array(seat.keys) for seat in BY_LABEL])[1].tolist(),
    }


def near() -> dict[str, list[float]]:
    """Return answers that must be the same to float tolerance: last biases and losses, and filter gains."""
    found = {"gains": [float(gain) for gain in gains(6)]}
    for name, (algorithm, seats) in FEDERATIONS.items():
        done = played(algorithm, seats)
        biases = [float(done.network(seat.name, algorithm).biases[-1][0]) for seat in seats]
        losses = [float(done.local(seat.name).loss) for seat in seats]
        found[name] = biases + losses
    return found


def main() -> None:
    """Write the file."""
    rounded = {name: [round(number, 6) for number in numbers] for name, numbers in near().items()}
    ANSWERS.write_text(json.dumps({"exact": exact(), "near": rounded}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
