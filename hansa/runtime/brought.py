"""Networks of the users' own, tried on the parties' inputs and refused before anybody trains."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hansa.core.charter import Charter
from hansa.core.methods import METHODS
from hansa.data.prepare import features_of_a_row
from hansa.models.brought import lacks
from hansa.models.network import Shape
from hansa.runtime.holdings import Holding
from hansa.runtime.learning import network_code

_PARTS = {"fedper": "head", "fedrep": "head", "aligned": "reach"}
"""What a scenario asks of a network besides its predictions."""


def check_network(charter: Charter, scenario: str, holdings: Sequence[Holding]) -> None:
    """Raise CharterError for a network of the user's own that a scenario cannot train at its parties."""
    code = network_code(charter)
    if code is None or METHODS[scenario].linear:  # the latter has a network of its own
        return
    part = _PARTS.get(scenario, "__call__")
    for shape in _shapes(charter, scenario, holdings):
        if lacks(code, shape, part):
            code.refuse(
                f"has no {part}, which {scenario} needs",
                f"give it one as docs/own.md says, or leave {scenario} out of the charter",
            )


def _shapes(charter: Charter, scenario: str, holdings: Sequence[Holding]) -> list[Shape]:
    """Return the different shapes of the parties' inputs, in an order that does not change."""
    names = [frozenset(own.share.fleet.sensor_names) for own in holdings]
    counts = {len(frozenset().union(*names))} if scenario == "aligned" else {len(own) for own in names}
    preparation, flags = charter.preparation, charter.data.missing == "hold"
    readings = features_of_a_row(1, replace(preparation, age=0.0), flags=False)
    inputs = {count: features_of_a_row(count, preparation, flags) for count in sorted(counts)}
    return [Shape(count, readings, inputs[count] - count * readings) for count in inputs]
