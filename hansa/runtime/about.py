"""What a charter's models say of themselves."""

from __future__ import annotations

from hansa.core.charter import Charter, Column, Party
from hansa.runtime.scoring import About


def about_model(charter: Charter, digest: str, own: Party, sensors: tuple[str, ...]) -> About:
    """Return what a model says of itself; digest: the charter's. own: whose it is."""
    columns = [column for column in charter.data.columns if _needed(column, sensors)]
    needed = {column.role for column in columns}
    given = [Column("asset", "asset")]
    given += [Column("time", "time", "cycles")] if charter.task == "rul" else []
    target = next((one for one in charter.data.columns if one.role == "target"), None)
    return About(
        name=own.name,
        charter=charter.name,
        charter_digest=digest,
        task=charter.task,
        time_unit=time_unit(charter),
        cap=charter.data.label_cap,
        filter=charter.evaluation.filter,
        columns=(*(column for column in given if column.role not in needed), *columns),
        target=target if charter.task == "price" else None,
        named=own.columns,
        units=own.units,
    )


def time_unit(charter: Charter) -> str:
    """Return the unit of the charter's times."""
    units = [column.unit for column in charter.data.columns if column.role == "time"]
    return (units or ["cycles"])[0] or "time units"


def _needed(column: Column, sensors: tuple[str, ...]) -> bool:
    if column.role == "sensor":
        return column.name in sensors
    return column.role in ("asset", "time", "setting", "category")
