"""One folder for each party, with its own rows, sensors and settings, and the charter to run on them."""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hansa.core.charter import AlgorithmChoice, Charter, Column, Data, Label, Partition, Party
from hansa.core.charter_digest import charter_digest, roster_digest
from hansa.core.charter_rules import check_charter
from hansa.core.charter_writer import render_charter, toml_value
from hansa.core.errors import CharterError
from hansa.core.methods import METHODS, exchanging
from hansa.data.fleet import Fleet, Floats
from hansa.data.partition import Share, deal
from hansa.registry.folders import make_folder, write_bytes, write_text
from hansa.registry.whole_folder import Mark, whole_folder
from hansa.runtime.world import open_world
from hansa.simulation.charter_file import CharterFile

_ROWS, _TEST = "data.csv.gz", "test.csv.gz"


@dataclass(frozen=True, slots=True)
class Written:
    """What was written: a line for each party, and what the reader should know."""

    lines: tuple[str, ...]
    notes: tuple[str, ...]


def write_partition(file: CharterFile, data: Path | None, out: Path) -> Written:
    """Deal the charter's records and write one folder for each party into `out`, all at once.

    A party's folder holds its rows (data.csv.gz, with the target's column, which for lives is `remaining`, or
    `failed_at` where some asset has not failed), the test assets as its sensors see them (test.csv.gz) and
    party.toml. The charter.toml beside them has the partition `given`, so that the folders together run.
    Raises FolderError where `out` holds something else than an earlier partition of the same charter.
    """
    charter = file.charter
    if charter.partition.kind == "given":
        raise CharterError(
            'the partition is "given", so each party has its own file already',
            do="carry those files to the parties",
            where=charter.name,
        )
    world = open_world(charter, file.data_folder(data))
    assert world.train is not None  # one set of assets, which is dealt
    shares = deal(world.train, charter, charter.partition.kind)
    digests = {"charter_digest": charter_digest(charter), "roster_digest": roster_digest(charter)}
    given, notes = _given(charter, shares)
    with whole_folder(out, Mark("partition.json", "partition", digests)) as staging:
        write_text(staging / "charter.toml", _comments(notes) + render_charter(given))
        for share, party, test in zip(shares, given.roster, world.tests(charter), strict=True):
            _write_party(staging / share.party, share, party, test, given.data)
    return Written(tuple(_lines(shares)), notes)


def _given(charter: Charter, shares: Sequence[Share]) -> tuple[Charter, tuple[str, ...]]:
    """Return the charter of parties that bring these files, and what had to differ in it."""
    notes = []
    algorithm = charter.algorithm
    dropped = [name for name in charter.compare if name not in ("isolated", "isolated_mean")]
    if dropped:
        notes.append(f"Nobody deals the parties' own files anew, so compare leaves out {', '.join(dropped)}.")
    if charter.data.source != "table" or charter.data.test_file:
        notes.append("Each party now splits the test off its own assets; test.csv.gz is for hansa predict.")
    compare = {"isolated", "isolated_mean"} - {algorithm.name}
    schema = _own_tables(charter, shares)
    roster = _roster(charter, shares, schema)
    given = replace(charter, data=schema, partition=Partition(kind="given"), roster=roster)
    if not given.same_rows and "isolated_mean" in charter.compare:
        compare.discard("isolated_mean")
        notes.append("Each party is judged on assets of its own, so compare leaves out isolated_mean.")
    default = AlgorithmChoice(loss="cross_entropy" if charter.task == "failure" else "mse")
    unread = [key for key in _settings(algorithm, default) if not _read(key, algorithm.name)]
    if unread:
        notes.append(f"What nothing reads any more is left out: {', '.join(unread)}.")
        algorithm = replace(algorithm, **{key: getattr(default, key) for key in unread})
    training = charter.training
    kept = {algorithm.name, *charter.compare} - set(dropped)
    if training.horizon and exchanging("predictions").issuperset(kept):
        training = replace(training, horizon=0.0)
        notes.append("horizon is left out: nothing is left that trains on its own predictions alone.")
    compared = tuple(name for name in charter.compare if name in compare)
    given = replace(given, algorithm=algorithm, training=training, compare=compared)
    check_charter(given, "the charter for the parties' own files")
    return given, tuple(notes)


def _roster(charter: Charter, shares: Sequence[Share], schema: Data) -> tuple[Party, ...]:
    """Return the parties with the files that are written here."""
    return tuple(
        Party(
            share.party,
            f"{share.party}/{_ROWS}",
            sensors=_sensors(share.fleet, schema),
            hidden=party.hidden,
        )
        for share, party in zip(shares, charter.roster, strict=True)
    )


def _settings(choice: AlgorithmChoice, default: AlgorithmChoice) -> list[str]:
    """Return the settings of the algorithm that are not as they are by default."""
    keys = (field.name for field in fields(choice) if field.name != "name")
    return [key for key in keys if getattr(choice, key) != getattr(default, key)]


def _read(key: str, name: str) -> bool:
    return key in METHODS[name].settings


def _own_tables(charter: Charter, shares: Sequence[Share]) -> Data:
    """Return the schema of the files that are written here: the charter's names and units throughout."""
    data = charter.data
    had = {name for share in shares for name in share.fleet.sensor_names}
    known = {column.name for column in data.columns}
    settings = [column for column in data.columns if column.role == "setting"]
    sensors = [column for column in data.columns if column.name in had or column.role == "category"]
    asset, time = _keys(charter)
    if data.task != "rul":  # what they were learnt for is a column already
        times = [column for column in data.columns if column.role == "time"]
        target = next(column for column in data.columns if column.role == "target")
        columns = (asset, *times, *settings, *sensors, target)
        return replace(data, file="", test_file="", columns=columns, label=Label())
    censored = any(np.isnan(share.fleet.remaining).any() for share in shares)
    name = "failed_at" if censored else "remaining"
    while name in {asset.name, time.name, *known}:
        name += "_"
    label = Label("failed_at" if censored else "target", name)
    return Data(
        source="table",
        label_cap=data.label_cap,
        label_bin=data.label_bin,
        test_share=data.test_share,
        columns=(asset, time, *settings, *sensors, Column(name, "target", time.unit)),
        label=label,
        regimes=data.regimes,
        missing=data.missing,
    )


def _keys(charter: Charter) -> tuple[Column, Column]:
    """Return the columns that tell asset and time."""
    roles = {column.role: column for column in charter.data.columns}
    return roles.get("asset", Column("asset", "asset")), roles.get("time", Column("time", "time", "cycles"))


def _write_party(folder: Path, share: Share, party: Party, test: Fleet, schema: Data) -> None:
    make_folder(folder)
    write_bytes(folder / _ROWS, _csv(_frame(share.fleet, schema)))
    seen = test.take_sensors(share.fleet.sensor_names)
    write_bytes(folder / _TEST, _csv(_frame(seen, schema)))
    lines = [
        f"# What {party.name} holds; charter.toml of the whole partition says the same.",
        f"[party.{party.name}]",
        f"data = {toml_value(_ROWS)}",
        f"sensors = {toml_value(party.sensors)}",
    ]
    lines += [f"hidden = {toml_value(party.hidden)}"] if party.hidden else []
    write_text(folder / "party.toml", "\n".join(lines) + "\n")


def _frame(fleet: Fleet, schema: Data) -> pd.DataFrame:
    """Return the rows under the names of the schema, whole numbers without a decimal point."""
    names = {column.role: column.name for column in schema.columns}
    columns = {
        names["asset"]: np.asarray(fleet.asset_names)[fleet.asset],
        **({names["time"]: _plain(fleet.time)} if "time" in names else {}),
        **{name: _plain(fleet.settings[:, i]) for i, name in enumerate(fleet.setting_names)},
        **{
            name: _plain(fleet.sensors[:, fleet.sensor_names.index(name)]) for name in _sensors(fleet, schema)
        },
        **{column.name: _words(fleet, column) for column in schema.columns if column.role == "category"},
        names["target"]: _plain(_failure(fleet) if schema.label.source == "failed_at" else fleet.remaining),
    }
    return pd.DataFrame(columns)


def _sensors(fleet: Fleet, schema: Data) -> tuple[str, ...]:
    """Return the fleet's sensors without the indicators that stand for categories."""
    listed = {column.name for column in schema.columns if column.role == "sensor"}
    return tuple(name for name in fleet.sensor_names if name in listed)


def _words(fleet: Fleet, column: Column) -> NDArray[np.object_]:
    """Return (rows,) the values of a category, None where missing; what was not listed is `other`."""
    places = [i for i, name in enumerate(fleet.sensor_names) if name.startswith(f"{column.name}=")]
    values = [fleet.sensor_names[i].removeprefix(f"{column.name}=") for i in places]
    marks = fleet.sensors[:, places]  # (rows, values)
    words = np.array(values, dtype=object)[np.nan_to_num(marks).argmax(axis=1)]  # (rows,)
    words[np.isnan(marks).any(axis=1)] = None
    return words


def _failure(fleet: Fleet) -> Floats:
    """Return (rows,) the time of failure, one number an asset; NaN where it is not known."""
    last = np.flatnonzero(np.diff(fleet.asset, append=-1))  # (assets,)
    failed_at: Floats = (fleet.time + fleet.remaining)[last][fleet.asset]  # (rows,)
    return failed_at


def _plain(values: Floats) -> Floats | NDArray[np.int64]:
    whole = (
        np.isfinite(values).all() and (np.abs(values) < 2**53).all() and (values == np.floor(values)).all()
    )
    return values.astype(np.int64) if whole else values


def _csv(frame: pd.DataFrame) -> bytes:
    text = frame.to_csv(index=False, lineterminator="\n")
    # No clock: the same records give the same bytes.
    return gzip.compress(text.encode(), compresslevel=6, mtime=0)


def _comments(notes: Sequence[str]) -> str:
    return "".join(f"# {note}\n" for note in notes) + "\n" * bool(notes)


def _lines(shares: Sequence[Share]) -> Iterator[str]:
    for share in shares:
        fleet = share.fleet
        yield (
            f"{share.party}: {len(fleet.asset_names)} assets, {fleet.rows} rows, "
            f"sensors {', '.join(fleet.sensor_names)}"
        )
