"""The schema of the C-MAPSS turbofan data, which the simulated fleet shares.

A charter of these sources needs neither [columns] nor [regimes]: what stands here is filled in. A
[columns.NAME] of the charter changes that column alone.

Source: A. Saxena, K. Goebel, D. Simon, N. Eklund, "Damage Propagation Modeling for Aircraft Engine
Run-to-Failure Simulation", PHM08, table 2; the six operating points are those of its data set.
"""

from __future__ import annotations

from hansa.core.charter import Column, Regimes

TURBOFAN_SOURCES = ("cmapss", "simulated")

TRAIN_ENGINES = {"FD001": 100, "FD002": 260, "FD003": 100, "FD004": 249}
"""Engines that run to failure, by subset of C-MAPSS."""

_SETTINGS = (("setting_1", "kft"), ("setting_2", ""), ("setting_3", ""))  # altitude, Mach, throttle angle
_UNITS = {
    "s1": "degR",  # T2, total temperature at the fan inlet
    "s2": "degR",  # T24
    "s3": "degR",  # T30
    "s4": "degR",  # T50
    "s5": "psi",  # P2
    "s6": "psi",  # P15
    "s7": "psi",  # P30
    "s8": "rpm",  # Nf, fan speed
    "s9": "rpm",  # Nc, core speed
    "s11": "psi",  # Ps30
    "s13": "rpm",  # NRf
    "s14": "rpm",  # NRc
    "s18": "rpm",  # Nf_dmd
    "s19": "rpm",  # PCNfR_dmd
    "s20": "lb/s",  # W31
    "s21": "lb/s",  # W32
}
_PAPER_SENSORS = (2, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 17, 20, 21)  # FedLabSync paper, C-MAPSS study

TURBOFAN_COLUMNS = tuple(Column(name, "setting", unit) for name, unit in _SETTINGS) + tuple(
    Column(f"s{number}", "sensor" if number in _PAPER_SENSORS else "ignore", _UNITS.get(f"s{number}", ""))
    for number in range(1, 22)
)
"""Three settings and 21 sensors; the five that the paper leaves out are ignored."""

TURBOFAN_REGIMES = Regimes(
    kind="centres",
    centres=(
        (0.0, 0.0, 100.0),
        (10.0, 0.25, 100.0),
        (20.0, 0.7, 100.0),
        (25.0, 0.62, 60.0),
        (35.0, 0.84, 100.0),
        (42.0, 0.84, 100.0),
    ),
)
"""Altitude in thousand feet, Mach number and throttle angle of the six operating points."""


def default_columns(source: str) -> tuple[Column, ...]:
    """Return the columns that a source knows, whatever its charter lists."""
    return TURBOFAN_COLUMNS if source in TURBOFAN_SOURCES else ()


def default_regimes(source: str) -> Regimes:
    """Return the regimes of a charter without [regimes]."""
    return TURBOFAN_REGIMES if source in TURBOFAN_SOURCES else Regimes()
