"""The charters that the measured rows are about: FD004 and the paper's network."""

from __future__ import annotations

from dataclasses import replace

from hansa.core.charter import Charter, Evaluation, Network, Preparation
from hansa.core.charter_reader import parse_charter

_FD004 = """
name = "fd004"
consortium = "Measured fleets"
task = "rul"
parties = {parties}
seed = {seed}
rounds = {rounds}
compare = [{compare}]

[data]
source = "cmapss"
subset = "FD004"
label_cap = {cap}

[partition]
kind = "{kind}"
{sensors}
shared_assets = {shared}

[network]
hidden = [10]

[training]
learning_rate = {step}

[protection]
secrecy = "open"

[algorithm]
name = "{algorithm}"
"""

STEP = 0.01  # chosen on validation engines: results/first-federation-search.json


def stronger(charter: Charter) -> Charter:
    """Return the charter with smoothed readings and a wider network, which needs no filter afterwards."""
    return replace(
        charter,
        preparation=Preparation(features="ewma", spans=(5.0, 15.0, 40.0)),
        network=Network(hidden=(16,)),
        evaluation=Evaluation("none"),
    )


def accurate(charter: Charter) -> Charter:
    """Return the charter with the recipe that was chosen for accuracy: results/accuracy-search.json."""
    return replace(
        charter,
        rounds=120,
        preparation=Preparation(
            features="ewma",
            spans=(3.0, 10.0, 30.0, 90.0),
            age=100.0,
            lacking="regression" if "aligned" in (charter.algorithm.name, *charter.compare) else "mean",
        ),
        network=Network(hidden=(32, 16), activation="tanh", ensemble=4),
        training=replace(charter.training, learning_rate=0.001),
        evaluation=Evaluation("none"),
    )


def fd004(  # noqa: PLR0913 - one keyword a line of the charter that a measured row changes
    *,
    parties: int,
    seed: int,
    algorithm: str = "labsync_mean",
    compare: tuple[str, ...] = (),
    rounds: int = 100,
    cap: int = 120,
    step: float = STEP,
    damping: float | None = None,
) -> Charter:
    """Return a charter for FD004 with 13 of 16 sensors a party (all of them for FedAvg)."""
    kinds = {"fedavg": "horizontal", "vertical": "vertical", "mixed": "mixed"}
    kind = kinds.get(algorithm, "hybrid")
    text = _FD004.format(
        parties=parties,
        seed=seed,
        rounds=rounds,
        compare=", ".join(f'"{name}"' for name in compare),
        cap=cap,
        kind=kind,
        sensors="" if kind == "horizontal" else "sensors_per_party = 13",
        shared=1 / 3 if "mixed" in (*compare, algorithm) else 0.0,
        step=step,
        algorithm=algorithm,
    )
    return parse_charter(text + ("" if damping is None else f"damping = {damping}\n"), "fd004")
