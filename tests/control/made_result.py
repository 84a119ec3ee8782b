"""A made-up result.json with plausible figures, for tests of what is shown rather than of what is learned."""

from __future__ import annotations

from typing import Any

import numpy as np

from hansa.core.methods import METHODS

NASTY = "</script><b>bold & \"quoted\"</b> 'party' {{ 7 * 7 }}"
"""A party's name that would become markup, script or template code on a careless page."""

LONG_NAMES = (
    "Nordic Regional Airways Maintenance and Engineering GmbH & Co. KG",
    "plant-b",
    "Compagnie Internationale des Turbines à Gaz, Établissement de Saint-Nazaire",
    "Österreichische Luftfahrtwerke",
    "four",
    "Hanseatic Wind and Turbine Leasing (Lübeck) Limited",
    "Ångström Power",
    "eastern-cargo-operations-and-long-haul-division-of-the-group-without-any-space",
)

_LEVELS = {  # scenario: (reading, own all-cycle RMSE, mean solo RMSE, bytes sent per round)
    "centralised": ("one model", 14.62, 14.62, 0),
    "isolated": ("mean of parties", 15.41, 15.41, 0),
    "isolated_mean": ("joined", 14.93, 15.41, 0),
    "fedavg": ("one model", 14.88, 14.88, 1508),
    "fedprox": ("one model", 14.90, 14.90, 1508),
    "fedavgm": ("one model", 14.95, 14.95, 1508),
    "fedadam": ("one model", 15.02, 15.02, 1508),
    "fedyogi": ("one model", 15.04, 15.04, 1508),
    "fednova": ("one model", 14.87, 14.87, 1516),
    "scaffold": ("one model", 15.10, 15.10, 3004),
    "fsvrg": ("one model", 15.08, 15.08, 3020),
    "fedper": ("mean of parties", 14.92, 14.92, 1460),
    "fedrep": ("mean of parties", 14.96, 14.96, 1460),
    "own_scaling": ("mean of parties", 14.93, 14.93, 1508),
    "ditto": ("mean of parties", 14.84, 14.84, 1508),
    "fine_tuned": ("mean of parties", 14.98, 14.98, 1480),
    "clustered": ("mean of parties", 14.94, 14.94, 1508),
    "aligned": ("joined", 14.71, 15.01, 1570),
    "hyfdca": ("joined", 16.64, 17.30, 68),
    "own": ("one model", 15.02, 15.02, 1502),
    "own_personal": ("mean of parties", 15.11, 15.11, 1512),
    "vertical": ("joined", 14.55, 15.08, 490_000),
    "fedbcd": ("joined", 14.58, 15.10, 490_000),
    "vafl": ("joined", 14.61, 15.12, 310_000),
    "fdml": ("joined", 14.66, 15.50, 310_000),
    "afsgd_vp": ("joined", 14.69, 15.52, 310_000),
    "labsync": ("joined", 14.79, 15.62, 122_496),
    "labsync_mean": ("joined", 14.76, 15.58, 968),
    "mixed": ("joined", 14.70, 15.44, 41_200),
    "trees": ("one model", 14.60, 14.60, 310_000),
}
_SENSORS = tuple(f"s{i}" for i in (2, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 17, 20, 21))


def made_result(
    parties: tuple[str, ...] = ("party-1", "party-2", "party-3", "party-4"),
    scenarios: tuple[str, ...] = tuple(_LEVELS),
    rounds_done: int = 100,
    **changes: Any,
) -> dict[str, Any]:
    """Return a result of 100 planned rounds; `changes` replace keys of the top level."""
    rng = np.random.default_rng(7)
    made: dict[str, Any] = {
        "charter": "fd004-hybrid",
        "charter_digest": "3f9c" * 16,
        "roster_digest": "a071" * 16,
        "seed": 7,
        "algorithm": "labsync_mean",
        "rounds": 100,
        "rounds_done": rounds_done,
        "complete": rounds_done == 100,
        "label_cap": 120,
        "time_unit": "cycles",
        "dataset": "C-MAPSS FD004",
        "partition": "hybrid",
        "secrecy": "masked",
        "cohort": 3,
        "filter": "kalman",
        "seconds": 41.2,
        "peak_memory_mb": 812.0,
        "parties": {name: _party(rng, len(parties)) for name in parties},
        "scenarios": {name: _scenario(rng, name, parties, rounds_done) for name in scenarios},
        "engines": [_engine(rng, asset, scenarios) for asset in (31, 87, 112, 190, 201, 244)],
    }
    return made | changes


def made_outcome(
    task: str,
    scenarios: tuple[str, ...] = ("centralised", "isolated", "isolated_mean", "fedavg"),
    **changes: Any,
) -> dict[str, Any]:
    """Return a result of the task `failure` or `price`; the trained fedavg is second best to centralised."""
    rng = np.random.default_rng(9)
    made = made_result(scenarios=scenarios, algorithm="fedavg", task=task, engines=[])
    made |= {"price_unit": "EUR"} if task == "price" else {}
    for of_lives in ("label_cap", "time_unit", "filter"):
        del made[of_lives]
    levels = {"centralised": 0.04, "fedavg": 0.03, "isolated_mean": 0.02}
    for name, scenario in made["scenarios"].items():
        gain = levels.get(name, 0.0)
        scenario["test"] = outcome(task, gain)
        turns = scenario["history"]["round"]
        own = {"auprc": [0.1 + gain] * len(turns), "rmsle": [0.3 - gain] * len(turns)}
        key = {"failure": "auprc", "price": "rmsle"}[task]
        scenario["history"] = {"round": turns, "train_loss": scenario["history"]["train_loss"], key: own[key]}
        for protocol in ("all_cycle", "last_cycle"):
            del scenario[protocol]
        for place, party in enumerate(scenario["parties"].values()):
            party["test"] = outcome(task, gain - 0.002 * place)
            del party["all_cycle"], party["last_cycle"]
    labels = {
        "failure": [[0.0, 900], [1.0, 100]],
        "price": [[1000.0 * 1.1**step, int(rng.integers(1, 9))] for step in range(64)],
    }
    for party in made["parties"].values():
        party["labels"] = labels[task]
    return made | changes


def outcome(task: str, gain: float) -> dict[str, float]:
    """Return figures that are better the larger gain is."""
    if task == "price":
        return {"rmsle": 0.3 - gain, "mae": 9000.0 - 1e4 * gain, "median_share": 0.2 - gain}
    names = ("auprc", "mcc", "macro_f", "f_failed", "f_good", "accuracy")
    return {name: 0.1 * (place + 1) + gain for place, name in enumerate(names)} | {"threshold": 0.4 - gain}


def _party(rng: np.random.Generator, parties: int) -> dict[str, Any]:
    assets = int(249 / parties + rng.integers(-2, 3))
    at_cap = int(assets * rng.uniform(110, 140))
    shares = rng.dirichlet(np.full(6, 12.0))
    owned = sorted(rng.choice(len(_SENSORS), 13, replace=False))
    return {
        "assets": assets,
        "rows": assets * 120 + at_cap,
        "sensors": [_SENSORS[i] for i in owned],
        "labels": [[low, assets] for low in range(120)] + [[120, at_cap]],
        "regime_share": [round(float(share), 4) for share in shares],
        "censored_assets": int(rng.integers(0, 20)),
    }


def _scenario(rng: np.random.Generator, name: str, parties: tuple[str, ...], rounds: int) -> dict[str, Any]:
    reading, own, solo, sent = _LEVELS[name]
    turns = np.arange(rounds + 1)
    wobble = rng.normal(0, 0.06, rounds + 1) * (1 + 6 * np.exp(-turns / 10))
    rmse = own + 68 * np.exp(-turns / 2.2) + 2.4 * np.exp(-turns / 18) + wobble
    rmse[-1] = own
    loss = own / 1200 + 0.3 * np.exp(-turns / 2.4) + rng.normal(0, 0.0002, rounds + 1)
    spread = 0.0 if METHODS[name].reading == "one model" else 0.35
    moves = np.random.default_rng(len(name.partition("_")[0])).normal(
        0, spread, len(parties)
    )  # as isolated, its mean
    solos = dict(zip(parties, (solo + moves - moves.mean()).tolist(), strict=True))
    return {
        "reading": reading,
        "all_cycle": _errors(own),
        "last_cycle": _errors(own * 1.31),
        "history": {
            "round": turns.tolist(),
            "train_loss": [round(float(v), 6) for v in loss],
            "rmse": [round(float(v), 4) for v in rmse],
        },
        "seconds": round(float(rng.uniform(2, 7)), 2),
        "classes": {
            "fault_mode": {
                "fan": {"assets": 41, "all_cycle": own * 1.04, "last_cycle": own * 1.36},
                "hpc": {"assets": 207, "all_cycle": own * 0.99, "last_cycle": own * 1.3},
            }
        },
        "parties": {
            party: {
                "all_cycle": _errors(error),
                "last_cycle": _errors(error * 1.31),
                "bytes_up": sent * rounds + (220 * rounds if sent else 0),
                "bytes_down": sent * rounds + (260 * rounds if sent else 0),
                "array_bytes_up": sent * rounds,
                "array_bytes_down": sent * rounds,
            }
            for party, error in solos.items()
        },
    }


def _errors(rmse: float) -> dict[str, Any]:
    raw = {"rmse": rmse * 1.083, "mae": rmse * 0.69, "nasa": rmse**2 * 9.4}
    return {"rmse": rmse, "mae": rmse * 0.625, "nasa": rmse**2 * 7.1, "filter": "kalman", "raw": raw}


def _engine(rng: np.random.Generator, asset: int, scenarios: tuple[str, ...]) -> dict[str, Any]:
    rows = int(rng.integers(140, 320))
    left = int(rng.integers(8, 70))
    true = np.minimum(120, rows - np.arange(rows) - 1 + left)
    raw, filtered = {}, {}
    for name in scenarios:
        noisy = np.clip(true + rng.normal(0, 13, rows) + 6 * np.sin(np.arange(rows) / 21), 0, 135)
        smooth = np.empty(rows)
        level = 120.0
        for i, value in enumerate(noisy):
            level += 0.2055 * (value - level)
            smooth[i] = level
        raw[name] = [round(float(v), 2) for v in noisy]
        filtered[name] = [round(float(v), 2) for v in smooth]
    return {
        "asset": f"test {asset}",
        "time": list(range(1, rows + 1)),
        "true": true.tolist(),
        "raw": raw,
        "filtered": filtered,
    }
