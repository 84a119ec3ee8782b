"""Charters of four parties on a cleaned Bosch table: horizontal, vertical, hybrid, and hybrid by own files.

Components as in the paper: 22 of each line group, L0-L2 and L3. In the vertical charter each line group is
shared between two parties, by stations in their order, for the paper does not say who has what.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from hansa.core.charter import Charter, Column
from hansa.core.charter_reader import parse_charter
from hansa.core.errors import DataError
from hansa.data.bosch_file import ASSET, TARGET

PARTIES = 4
GROUPS = ("L0-L2", "L3")
COMPONENTS = 22  # of each line group; Llasag Rosero et al., 2024

_HEAD = f"""
consortium = "Four plants with one kind of line"
task = "failure"
parties = {PARTIES}
rounds = 15
compare = ["centralised", "isolated", "isolated_mean"]

[data]
source = "table"
file = "bosch.parquet"
missing = "hold"

[preparation]
features = "pca"
components = {COMPONENTS}

[network]
hidden = []

[columns.{ASSET}]
role = "asset"

[columns.{TARGET}]
role = "target"

[columns.any]
role = "sensor"
"""
_KINDS = {"horizontal": "fedavg", "vertical": "vertical", "hybrid": "labsync_mean"}


@dataclass(frozen=True, slots=True)
class Blocks:
    """The columns that are left, by line group."""

    columns: Mapping[str, tuple[str, ...]]

    @property
    def features(self) -> tuple[str, ...]:
        """Return all columns in their order."""
        return tuple(name for block in self.columns.values() for name in block)


def group_of(feature: str) -> str:
    """Return the line group of a column: L3, or the lines before it."""
    return GROUPS[1] if feature.startswith("L3_") else GROUPS[0]


def blocks_of(features: Sequence[str], where: str) -> Blocks:
    """Return the columns by line group. Raises DataError where a group has fewer than two."""
    found = {group: tuple(name for name in features if group_of(name) == group) for group in GROUPS}
    for group, columns in found.items():
        if len(columns) < 2:
            raise DataError(
                f"the rules leave {len(columns)} columns of the lines {group}",
                do="give the publisher's whole file, with all four lines",
                where=where,
            )
    return Blocks(found)


def own_columns(features: Sequence[str], party: int) -> tuple[str, ...]:
    """Return the columns of a party that has one line group: the first half of the parties has L0-L2."""
    group = GROUPS[party * len(GROUPS) // PARTIES]
    return tuple(name for name in features if group_of(name) == group)


def charters(blocks: Blocks, rows: int, failures: int) -> dict[str, Charter]:
    """Return the charters by name, each on tables that lie beside it."""
    found = {kind: _dealt(kind, blocks, (rows - failures) / failures) for kind in _KINDS}
    hybrid = found["hybrid"]
    return found | {
        "given": replace(
            hybrid,
            name="bosch-given",
            compare=("isolated",),
            data=replace(hybrid.data, file=""),
            partition=replace(hybrid.partition, kind="given"),
            roster=tuple(replace(party, data=f"parties/{party.name}.parquet") for party in hybrid.roster),
        )
    }


def _dealt(kind: str, blocks: Blocks, balance: float) -> Charter:
    """Return the charter of a partition that is dealt; balance: good rows a failed one."""
    text = f'name = "bosch-{kind}"{_HEAD}[partition]\nkind = "{kind}"\n'
    text += f'[algorithm]\nname = "{_KINDS[kind]}"\n'
    text += f"[training]\nlearning_rate = 0.01\nweight_decay = 1\nfailure_weight = {round(balance)}\n"
    plain = parse_charter(text, f"{kind}.toml")
    sensors = [Column(name, "sensor", group=group_of(name)) for name in blocks.features]
    columns = tuple(column for column in plain.data.columns if column.role != "sensor")
    roster = [
        replace(party, sensors=_sensors(kind, blocks, number)) for number, party in enumerate(plain.roster)
    ]
    return replace(plain, data=replace(plain.data, columns=(*columns, *sensors)), roster=tuple(roster))


def _sensors(kind: str, blocks: Blocks, party: int) -> tuple[str, ...]:
    if kind == "horizontal":
        return ()
    whole = own_columns(blocks.features, party)
    if kind == "hybrid":
        return whole
    half = (len(whole) + 1) // 2
    return whole[:half] if party % 2 == 0 else whole[half:]
