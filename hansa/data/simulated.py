"""A simulated turbofan fleet of companies that differ, in the schema of C-MAPSS.

It is a caricature, not a thermodynamic model. Four health losses (efficiency and flow of the fan and
of the high-pressure compressor, HPC) start at an engine's initial wear, rise and fall with fouling and
washing, and one module's pair grows like exp until its margin is used up: the engine has failed. A
sensor shows its regime's baseline, bent by the losses, plus noise. Baselines, end shifts and noise were
measured on the training file of FD004 (per regime: mean of rows 150 cycles or more before failure; mean
of the last 6 cycles against the first 40, in two clusters of engines; scatter within engines).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hansa.data.cmapss import SENSOR_NAMES, SETTING_NAMES
from hansa.data.fleet import Dataset, Fleet, Floats

REGIME_CENTRES: Floats = np.array(
    [(0, 0, 100), (10, 0.25, 100), (20, 0.7, 100), (25, 0.62, 60), (35, 0.84, 100), (42, 0.84, 100)],
    dtype=float,
)
"""(regimes, settings): altitude in 1000 ft, Mach number, throttle resolver angle in degrees."""

INFORMATIVE = ("s2", "s3", "s4", *(f"s{n}" for n in range(6, 16)), "s17", "s20", "s21")
"""Sensors that vary within a regime; the others are constant there, as in FD004."""

_ROUTES = np.array([0.15, 0.15, 0.15, 0.15, 0.15, 0.25])  # (regimes,), FD004's share of cycles
_DRAWN_AT_ONCE = 1 << 13  # rows; what a cache holds
_HORIZON = 420  # cycles; no engine lives as long

# (sensors, regimes): s1 to s21 of a young engine
_BASELINE = np.array(
    [
        (518.67, 489.05, 491.19, 462.54, 449.44, 445.00),
        (642.20, 604.40, 607.05, 536.57, 555.31, 549.25),
        (1584.5, 1496.3, 1479.7, 1257.7, 1361.1, 1348.7),
        (1399.1, 1301.2, 1243.9, 1042.4, 1122.7, 1118.7),
        (14.62, 10.52, 9.35, 7.05, 5.48, 3.91),
        (21.60, 15.48, 13.63, 9.016, 7.989, 5.706),
        (554.27, 394.81, 334.60, 175.50, 194.51, 138.63),
        (2388.0, 2318.8, 2323.9, 1915.3, 2222.9, 2211.9),
        (9054.2, 8776.8, 8720.5, 8007.6, 8347.1, 8318.2),
        (1.300, 1.260, 1.077, 0.940, 1.022, 1.020),
        (47.24, 45.18, 44.15, 36.53, 41.69, 41.84),
        (522.18, 371.85, 314.93, 164.60, 183.07, 130.52),
        (2388.0, 2388.0, 2388.0, 2028.2, 2388.0, 2388.0),
        (8137.0, 8130.5, 8060.7, 7872.9, 8066.9, 8083.4),
        (8.398, 8.617, 9.188, 10.858, 9.288, 9.337),
        (0.03, 0.03, 0.02, 0.02, 0.02, 0.02),
        (391.6, 368.2, 363.8, 306.1, 332.8, 329.5),
        (2388, 2319, 2324, 1915, 2223, 2212),
        (100.00, 100.00, 100.00, 84.93, 100.00, 100.00),
        (39.00, 28.65, 24.54, 14.32, 14.89, 10.62),
        (23.400, 17.191, 14.725, 8.592, 8.930, 6.374),
    ]
)

# informative sensors: noise in the sensor's unit; shift at the end of life by a fan fault and by an HPC
# fault, in parts per 10,000 of the baseline; share of that shift that goes with flow, not efficiency
_RESPONSE = np.array(
    [
        (0.302, 17.2, 18.5, 0.2),  # s2, T24
        (4.04, 126.1, 91.2, 0.1),  # s3, T30
        (4.09, 208.7, 184.6, 0.1),  # s4, T50
        (0.0033, -0.6, 3.9, 0.9),  # s6, P15
        (0.414, 204.0, -42.6, 0.8),  # s7, P30
        (0.037, 3.3, 0.7, 0.6),  # s8, Nf
        (4.10, 83.8, 15.8, 0.5),  # s9, Nc
        (0.0017, 147.6, -13.2, 0.7),  # s10, epr
        (0.102, 196.6, 164.3, 0.2),  # s11, Ps30
        (0.324, 209.1, -39.0, 0.8),  # s12, phi
        (0.038, 3.3, 0.7, 0.6),  # s13, NRf
        (3.11, 75.0, 6.7, 0.5),  # s14, NRc
        (0.0204, -133.9, 114.8, 0.7),  # s15, BPR
        (0.956, 133.0, 96.5, 0.2),  # s17, htBleed
        (0.1015, 102.0, -115.8, 0.9),  # s20, W31
        (0.0603, 106.3, -112.1, 0.9),  # s21, W32
    ]
)

_FAN_GAIN = np.array(
    [0.93, 0.88, 0.95, 0.75, 1.07, 1.17]
)  # (regimes,), a fan fault shows less when throttled
_CLIMATE = np.array([0.15, 1.0, 1.0])  # shift of s2, s3, s4 per kelvin of climate
_DECIMALS = np.array([2] * 14 + [4, 2, 0, 0, 2, 2, 4])  # (sensors,), as printed in the published files


@dataclass(frozen=True, slots=True)
class Company:
    """How one company flies and keeps its engines."""

    name: str
    routes: tuple[float, ...]  # share of its cycles in each regime, (regimes,)
    climate_k: float  # offset of its temperatures that the correction to a standard day leaves, kelvin
    wear: float  # mean initial health loss; 1 is the whole margin
    growth: float  # how fast its faults grow, 1 is typical
    fan_share: float  # share of its engines that fail by the fan
    fouling: float  # health lost by dirt per cycle
    wash_every: int  # cycles between washings
    recovered: float  # share of the dirt that a washing removes


@dataclass(frozen=True, slots=True)
class _Engines:
    """What is drawn once per engine; arrays are (engines,) unless said otherwise."""

    company: NDArray[np.int64]
    fan: NDArray[np.bool_]  # fails by the fan, else by the HPC
    wear: Floats  # (engines, 4): fan efficiency, fan flow, HPC efficiency, HPC flow
    flow_weight: Floats  # the fault's flow loss; its efficiency loss is 2 minus this
    growth: Floats  # per cycle
    unworn_life: Floats  # cycles that an engine without wear or dirt would last


def simulate_fleet(
    engines: int, test_engines: int, rng: np.random.Generator, companies: int = 4, censored: float = 0.0
) -> Dataset:
    """Return a simulated dataset with the traits `company` and `fault_mode` ("fan" or "hpc") of each asset.

    Training engines run to failure, but for a share `censored` of them: those stop at a random cycle, and
    their remaining life is NaN. Test engines stop at a random cycle and their remaining life is known. Time
    is in cycles; a life lasts about 130 to 390. Companies differ in routes, climate, initial wear, fault
    growth, fault mix and washing; see `draw_companies`. Sensor suites are apart: see `sensor_suites`.
    The same generator state gives the same bytes on one platform.
    """
    roster = draw_companies(companies, rng)
    train = _fleet("train", engines, censored, roster, rng)
    return Dataset("simulated", train=train, test=_fleet("test", test_engines, None, roster, rng))


def draw_companies(companies: int, rng: np.random.Generator) -> tuple[Company, ...]:
    """Return companies fleet-a, fleet-b, ... that fly, wash and maintain differently."""
    return tuple(
        Company(
            name=_company_name(index),
            routes=tuple(0.2 * _ROUTES + 0.8 * rng.dirichlet(8 * _ROUTES)),
            climate_k=rng.uniform(-2, 2),
            wear=rng.uniform(0.05, 0.15),
            growth=rng.uniform(0.9, 1.1),
            fan_share=rng.uniform(0.3, 0.7),
            fouling=rng.uniform(0.0002, 0.0006),
            wash_every=int(rng.integers(30, 90)),
            recovered=rng.uniform(0.6, 0.9),
        )
        for index in range(companies)
    )


def sensor_suites(companies: int, rng: np.random.Generator, size: int = 13) -> tuple[tuple[str, ...], ...]:
    """Return the informative sensors that each company has, `size` of 16, in the order of the schema.

    Whatever sensor one company lacks, the next one has, as long as size is 8 or more.
    """
    order = rng.permutation(len(INFORMATIVE))
    lacking = len(INFORMATIVE) - size
    suites = []
    for company in range(companies):
        absent = {int(order[(company * lacking + i) % len(order)]) for i in range(lacking)}
        suites.append(tuple(name for i, name in enumerate(INFORMATIVE) if i not in absent))
    return tuple(suites)


def _company_name(index: int) -> str:
    """Return fleet-a to fleet-z, then fleet-27 and on."""
    return f"fleet-{chr(ord('a') + index)}" if index < 26 else f"fleet-{index + 1}"


def _fleet(
    part: str, count: int, censored: float | None, roster: tuple[Company, ...], rng: np.random.Generator
) -> Fleet:
    """Return `count` engines; censored: share that stops early unlabelled, None: all stop early, labelled."""
    drawn = _draw_engines(count, roster, rng)
    losses = _health_losses(drawn, roster)  # (engines, cycles, 4)
    life = _life(drawn, losses)  # (engines,)
    stopped = rng.random(count) < (1.0 if censored is None else censored)  # (engines,)
    lived = 0.1 + 0.88 * rng.beta(2.2, 1.2, count)  # (engines,), share of life, spread as in FD004
    stop = np.floor(life * lived).astype(np.int64)  # (engines,)
    last = np.where(stopped, stop, life)  # (engines,)
    engine, cycle = np.nonzero(np.arange(_HORIZON) < last[:, None])  # (rows,), (rows,), sorted by both
    company = drawn.company[engine]  # (rows,)
    regime = _regimes(company, roster, rng)  # (rows,)
    known = ~stopped if censored is not None else stopped  # (engines,)
    return Fleet(
        asset_names=tuple(f"{part} {number}" for number in range(1, count + 1)),
        asset=engine.astype(np.int32),
        time=cycle.astype(np.float64) + 1,
        settings=_settings(regime, rng),
        sensors=_sensors(losses[engine, cycle], regime, company, roster, rng),
        remaining=np.where(known[engine], life[engine] - cycle - 1.0, np.nan),
        setting_names=SETTING_NAMES,
        sensor_names=SENSOR_NAMES,
        traits={
            "company": np.array([roster[i].name for i in drawn.company], dtype=np.str_),
            "fault_mode": np.where(drawn.fan, "fan", "hpc"),
        },
    )


def _draw_engines(count: int, roster: tuple[Company, ...], rng: np.random.Generator) -> _Engines:
    """Return engines dealt evenly to the companies, in a random order."""
    company = rng.permutation(np.arange(count) % len(roster))  # (engines,)
    wear = np.array([c.wear for c in roster])[company]  # (engines,)
    growth = np.array([c.growth for c in roster])[company]  # (engines,)
    return _Engines(
        company=company,
        fan=rng.random(count) < np.array([c.fan_share for c in roster])[company],
        wear=wear[:, None] * rng.uniform(0, 2, (count, 4)),
        flow_weight=rng.uniform(0.7, 1.3, count),
        growth=growth / 50 * rng.uniform(0.6, 1.4, count),
        unworn_life=(148 + np.minimum(rng.gamma(1.8, 62.0, count), 230)) / growth**0.5,
    )


def _health_losses(drawn: _Engines, roster: tuple[Company, ...]) -> Floats:
    """Return (engines, cycles, 4) losses: wear, dirt and fault of the four health parameters."""
    cycle = np.arange(1, _HORIZON + 1.0)  # (cycles,)
    dirt = np.array(
        [c.fouling * (cycle - c.recovered * c.wash_every * (cycle // c.wash_every)) for c in roster]
    )[drawn.company]  # (engines, cycles)
    to_end = np.minimum(cycle - drawn.unworn_life[:, None], 0)  # (engines, cycles)
    fault = np.exp(drawn.growth[:, None] * to_end)  # (engines, cycles)
    split = np.stack([2 - drawn.flow_weight, drawn.flow_weight], axis=1)  # (engines, 2)
    fan = drawn.fan[:, None]  # (engines, 1)
    weights = np.concatenate([split * fan, split * ~fan], axis=1)  # (engines, 4)
    losses: Floats = drawn.wear[:, None, :] + dirt[:, :, None] + fault[:, :, None] * weights[:, None, :]
    return losses


def _life(drawn: _Engines, losses: Floats) -> NDArray[np.int64]:
    """Return (engines,) the first cycle at which the faulty module's mean loss uses up the margin, 1."""
    pairs = losses.reshape(*losses.shape[:2], 2, 2).mean(axis=3)  # (engines, cycles, 2): fan, HPC
    loss = np.where(drawn.fan[:, None], pairs[:, :, 0], pairs[:, :, 1])  # (engines, cycles)
    life: NDArray[np.int64] = np.argmax(loss >= 1, axis=1) + 1
    return life


def _regimes(
    company: NDArray[np.int64], roster: tuple[Company, ...], rng: np.random.Generator
) -> NDArray[np.int64]:
    """Return (rows,) regimes, drawn afresh each cycle from the company's routes."""
    edges = np.cumsum([c.routes for c in roster], axis=1)[company]  # (rows, regimes)
    drawn = rng.random((len(company), 1))  # (rows, 1)
    regime: NDArray[np.int64] = (drawn > edges[:, :-1]).sum(axis=1)  # (rows,)
    return regime


def _settings(regime: NDArray[np.int64], rng: np.random.Generator) -> Floats:
    """Return (rows, 3) settings a little above their regime's centre, as in FD004; never below zero."""
    jitter = rng.uniform((-0.002, 0, 0), (0.008, 0.002, 0), (len(regime), 3))  # (rows, 3)
    jitter[regime == 0, 0] *= 0.3
    settings: Floats = np.maximum(REGIME_CENTRES[regime] + jitter, 0)  # (rows, 3)
    return settings.round(4)


def _sensors(
    losses: Floats,
    regime: NDArray[np.int64],
    company: NDArray[np.int64],
    roster: tuple[Company, ...],
    rng: np.random.Generator,
) -> Floats:
    """Return (rows, 21) readings of engines with these losses (rows, 4), rounded as published.

    The draws follow one another, so no reading depends on how many are drawn at once.
    """
    found = np.empty((len(regime), len(_DECIMALS)))  # (rows, 21)
    for start in range(0, len(regime), _DRAWN_AT_ONCE):
        rows = slice(start, start + _DRAWN_AT_ONCE)
        found[rows] = _readings(losses[rows], regime[rows], company[rows], roster, rng)
    return found


def _readings(
    losses: Floats,
    regime: NDArray[np.int64],
    company: NDArray[np.int64],
    roster: tuple[Company, ...],
    rng: np.random.Generator,
) -> Floats:
    """Return what `_sensors` does, of rows that are drawn at once."""
    noise, fan, hpc, flow = _RESPONSE.T  # (16,) each
    per_loss = np.stack([fan * (1 - flow), fan * flow, hpc * (1 - flow), hpc * flow]) / 10_000  # (4, 16)
    seen = losses.copy()  # (rows, 4)
    seen[:, :2] *= _FAN_GAIN[regime][:, None]
    columns = [SENSOR_NAMES.index(name) for name in INFORMATIVE]
    readings = _BASELINE.T[regime]  # (rows, 21)
    bent = readings[:, columns] * (1 + seen @ per_loss)  # (rows, 16)
    bent[:, :3] += np.array([c.climate_k for c in roster])[company][:, None] * _CLIMATE  # s2, s3, s4
    readings[:, columns] = bent + noise * rng.standard_normal(bent.shape)
    return np.stack(
        [np.round(readings[:, i], _DECIMALS[i]) for i in range(len(_DECIMALS))], axis=1
    )  # (rows, 21)
