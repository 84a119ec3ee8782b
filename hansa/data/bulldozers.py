"""The bulldozers sales (Kaggle "Blue Book for Bulldozers", Fast Iron, 2013) as a table for a charter.

What is prepared looks at no price: dates become numbers, what was not reported becomes an empty cell, and
values of a category that few sales have are left to `other`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hansa.core.charter import (
    AlgorithmChoice,
    Charter,
    Column,
    Data,
    Evaluation,
    Network,
    Partition,
    Party,
    Preparation,
    Protection,
    Training,
    proposed_secrecy,
)
from hansa.core.errors import DataError
from hansa.data.columnar import is_columnar

SALE, PRICE, PARTY = "SalesID", "SalePrice", "party"
TRAIN, TEST = "train.csv", "test.csv"
DEALS = {"auctioneer": "auctioneerID", "product_group": "ProductGroup", "state": "state"}
"""What parties may be made of, and the publisher's column that tells it."""

PRICES = (4_000.0, 160_000.0)  # USD; the publisher's sales lie between 4,750 and 142,000
SPLIT_YEAR = 2012  # sales before it are learnt from
TEST_SHARE = 0.3  # of each auctioneer's sales of that year: the last ones by date
LEAST_ROWS = 300  # of a party of its own
LEAST_SALES = 20  # that a value of a category needs, to be listed

_KEYS = (
    SALE,
    PRICE,
    "saledate",
    "YearMade",
    "MachineHoursCurrentMeter",
    "auctioneerID",
    "fiProductClassDesc",
)
_REACH = 100.0  # of a party's one step, which FedAdam scales: far over what it adds to roots
_UNKNOWN_YEAR = 1900  # the publisher writes 1000 for an unknown year
_NOTHING = "none"  # stands for an empty cell: the option does not exist on this kind of machine
CATEGORIES = (
    "ProductGroup",
    "ProductSize",
    "fiProductClassDesc",
    "fiModelDesc",
    "fiBaseModel",
    "fiSecondaryDesc",
    "fiModelSeries",
    "fiModelDescriptor",
    "state",
    "UsageBand",
    "Enclosure",
    "Drive_System",
    "Transmission",
    "Hydraulics",
    "Forks",
    "Pad_Type",
    "Ride_Control",
    "Stick",
    "Turbocharged",
    "Blade_Extension",
    "Blade_Width",
    "Enclosure_Type",
    "Engine_Horsepower",
    "Pushblock",
    "Ripper",
    "Scarifier",
    "Tip_Control",
    "Tire_Size",
    "Coupler",
    "Coupler_System",
    "Grouser_Tracks",
    "Hydraulics_Flow",
    "Track_Type",
    "Undercarriage_Pad_Width",
    "Stick_Length",
    "Thumb",
    "Pattern_Changer",
    "Grouser_Type",
    "Blade_Type",
    "Travel_Controls",
    "Differential_Type",
    "Steering_Controls",
)
_NUMBERS: Mapping[str, str] = {
    "sold": "year",
    "age": "year",
    "log_hours": "",
    "log_class": "",
    "log_sales": "",
}


@dataclass(frozen=True, slots=True, eq=False)
class Sales:
    """What was learnt from and what is judged, with their columns as a charter lists them."""

    train: pd.DataFrame  # one row a sale
    test: pd.DataFrame
    columns: tuple[Column, ...]
    parties: tuple[str, ...]  # in the order of their sales to learn from


def read_sales(path: Path) -> pd.DataFrame:
    """Return the publisher's rows that have a price; path: CSV or Parquet.

    Raises DataError for a file that is missing, or lacks a column.
    """
    if not path.is_file():
        raise DataError("there is no such file", do="check the path", where=str(path))
    try:
        raw = pd.read_parquet(path) if is_columnar(path) else pd.read_csv(path, low_memory=False)
        missing = [name for name in (*_KEYS, *CATEGORIES) if name not in raw.columns]
        if not missing:
            raw["saledate"] = pd.to_datetime(raw["saledate"])
    except (ValueError, OSError) as fault:
        raise DataError(
            f"is no table of sales ({fault})", do="give CSV or Parquet", where=str(path)
        ) from fault
    if missing:
        raise DataError(
            f"has no column {', '.join(missing[:5])}",
            do="give the publisher's TrainAndValid.csv, or Train.csv",
            where=str(path),
        )
    return raw[raw[PRICE].notna()].reset_index(drop=True)


def prepared(raw: pd.DataFrame, deal: str, where: str = "the sales") -> Sales:
    """Return the sales to learn from and those of the test; raw: as `read_sales` returns it.

    The test is the last part by date of each auctioneer's sales of the split year; its others and all sales
    before are learnt from. Parties of few sales are joined. deal: one of DEALS. where: what to call the rows.
    Raises DataError where nothing is left on one side.
    """
    test = in_test(raw)  # (rows,)
    if test.all() or not test.any():
        do = f"give the sales of {SPLIT_YEAR}, too, and of years before"
        raise DataError(f"no sale of {SPLIT_YEAR} is left for the test", do=do, where=where)
    table = _features(raw, ~test)
    table[PARTY] = _parties(raw[DEALS[deal]].astype(str), deal)
    train = table[~test].reset_index(drop=True)
    parties = tuple(
        train[PARTY].value_counts().sort_index().sort_values(ascending=False, kind="stable").index
    )
    return Sales(train, table[test].reset_index(drop=True), _columns(train), parties)


def charter_of(sales: Sales) -> Charter:
    """Return the charter of a simulation with these parties, which learn together.

    A round is one step along the gradient over all rows of all parties, which the coordinator scales as Adam
    does: what is learnt is what one who has all sales would learn. Chosen on sales before those of the test:
    benchmarks/results/price-search.json.
    """
    data = Data(
        task="price", source="table", file=TRAIN, test_file=TEST, columns=sales.columns, missing="hold"
    )
    return Charter(
        name="bulldozers",
        consortium="Sellers of used machines",
        seed=7,
        rounds=400,
        data=data,
        partition=Partition(kind="horizontal", deal="column", by=PARTY),
        preparation=Preparation(),
        network=Network(hidden=(32, 16), activation="tanh", embedding=4),
        training=Training("sgd", learning_rate=_REACH, batch_size=len(sales.train)),
        algorithm=AlgorithmChoice("fedadam", server_rate=0.01),
        evaluation=Evaluation("none"),
        protection=Protection(proposed_secrecy(len(sales.parties))),
        roster=tuple(Party(name) for name in sales.parties),
    )


def baselines_of(sales: Sales) -> Charter:
    """Return the charter of one who has all sales, and of parties that learn alone."""
    return replace(
        alone_of(sales), rounds=60, training=Training(learning_rate=0.0005), compare=("centralised",)
    )


def alone_of(sales: Sales) -> Charter:
    """Return the charter of parties that learn alone, by what did best for them where choices were made."""
    return replace(
        charter_of(sales),
        name="bulldozers-baselines",
        rounds=120,
        training=Training(learning_rate=0.001, batch_size=512),
        algorithm=AlgorithmChoice("isolated"),
    )


def in_test(raw: pd.DataFrame) -> NDArray[np.bool_]:
    """Return (rows,) which sales are judged."""
    last = raw[raw["saledate"].dt.year == SPLIT_YEAR].sort_values(["saledate", SALE])
    place = last.groupby("auctioneerID").cumcount()
    sales = last.groupby("auctioneerID")[SALE].transform("size")
    judged = last.index[place >= sales - (TEST_SHARE * sales).round()]
    return np.isin(raw.index, judged)


def _features(raw: pd.DataFrame, learnt: NDArray[np.bool_]) -> pd.DataFrame:
    """Return the columns of the table; learnt: (rows,), by which frequencies are counted."""
    sold = raw["saledate"]
    year = sold.dt.year + (sold.dt.day_of_year - 1) / 365.25
    made = raw["YearMade"].where(raw["YearMade"] > _UNKNOWN_YEAR)
    hours = raw["MachineHoursCurrentMeter"].where(raw["MachineHoursCurrentMeter"] > 0)
    sales = raw.loc[learnt, "fiModelDesc"].value_counts()
    table = {
        SALE: raw[SALE],
        PRICE: raw[PRICE].astype(float),
        "sold": year.round(3),
        "age": (year - made).clip(lower=0).round(2),
        "log_hours": np.log10(hours).round(4),
        "log_class": _class_size(raw["fiProductClassDesc"]).round(4),
        "log_sales": np.log10(1 + raw["fiModelDesc"].map(sales).fillna(0)).round(4),
    }
    words = {name: raw[name].astype("string").str.strip().fillna(_NOTHING) for name in CATEGORIES}
    return pd.DataFrame(table | words)


def _class_size(described: pd.Series) -> pd.Series:
    """Return log10 of the lower end of the class's power, weight or depth, empty where it states none."""
    low = described.astype("string").str.extract(r" - ([0-9.]+)")[0].astype(float)
    return np.log10(1 + low)


def _parties(value: pd.Series, deal: str) -> pd.Series:
    """Return the party of each row; values with too few rows are joined."""
    rows = value.groupby(value).transform("size")
    plain = value.str.replace(r"[^A-Za-z0-9]+", "-", regex=True).str.strip("-").str.lower()
    return (f"{deal.replace('_', '-')}-" + plain).where(rows >= LEAST_ROWS, "others")


def _columns(train: pd.DataFrame) -> tuple[Column, ...]:
    """Return the columns as a charter lists them; a value is listed if enough sales have it."""
    listed = [Column(SALE, "asset"), Column(PRICE, "target", "USD", *PRICES)]
    listed += [Column(name, "sensor", unit) for name, unit in _NUMBERS.items()]
    for name in CATEGORIES:
        sales = train[name].value_counts()
        values = tuple(sorted(sales.index[sales >= LEAST_SALES]))
        if len(values) > 1:
            listed.append(Column(name, "category", values=values))
    return (*listed, Column(PARTY, "ignore"))
