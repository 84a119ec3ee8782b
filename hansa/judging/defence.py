"""The one door to the robust rules: parties' weights from a table, or the aggregate from updates in clear."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from hansa.core.defences import BEFORE, DEFENCES
from hansa.core.errors import CharterError
from hansa.judging.before import longest_clipped, nearest_neighbours
from hansa.judging.centres import centered_clipping, clipped, geometric_median, mean
from hansa.judging.coordinates import meamed, median, trimmed_mean
from hansa.judging.networks import Floats32
from hansa.judging.selection import krum, krum_set, mda, monna, multi_krum
from hansa.judging.table import Floats, Table, table_of
from hansa.judging.trust import cosine_clusters, fltrust, foolsgold

_BY_TABLE: Mapping[str, Callable[[Table, int], Floats]] = {
    "mean": lambda table, bad: mean(table),
    "clipped": lambda table, bad: clipped(table),
    "krum": krum,
    "multi_krum": multi_krum,
    "mda": mda,
    "geometric_median": lambda table, bad: geometric_median(table),
    "centered_clipping": lambda table, bad: centered_clipping(table),
    "foolsgold": lambda table, bad: foolsgold(table),
    "cosine_clusters": cosine_clusters,
}
_BY_TRUST: Mapping[str, Callable[[Table, int, int], Floats]] = {
    "monna": monna,
    "fltrust": lambda table, bad, trusted: fltrust(table, trusted),
}
_BY_COORDINATE: Mapping[str, Callable[[Floats32, int], Floats32]] = {
    "median": lambda updates, bad: median(updates),
    "trimmed_mean": trimmed_mean,
    "meamed": meamed,
}
_MIXING: Mapping[str, Callable[[Table, int], tuple[Table, Floats]]] = {
    "none": lambda table, bad: (table, np.eye(table.parties)),
    "nnm": nearest_neighbours,
    "arc": longest_clipped,
}


def weights(name: str, before: str, table: Table, bad: int, trusted: int | None = None) -> Floats:
    """Return (parties,) weights w >= 0 of sum 1 at most: the aggregate is sum_i w_i u_i.

    What lacks in the sum counts for no change. name: a rule of `DEFENCES` that needs a table; before: one of
    `BEFORE`; bad: how many parties may send anything; trusted: the place of the party that all trust.
    Raises CharterError where the rule cannot be used so, or parties are too few.
    """
    _check(name, before, table.parties, bad, "table")
    if DEFENCES[name].trusted and trusted is None:
        raise _refused(
            f"the rule {name} needs a party that all trust", "name that party, or choose another rule"
        )
    seen, mixing = _MIXING[before](table, bad)
    if trusted is not None and name in _BY_TRUST:
        found = _BY_TRUST[name](seen, bad, trusted)  # (parties,)
    else:
        found = _BY_TABLE[name](seen, bad)  # (parties,)
    return found @ mixing  # (parties,)


def aggregate(name: str, before: str, updates: Floats32, bad: int) -> Floats32:
    """Return the (dim,) aggregate of (parties, dim) updates, finite, by a rule that needs them in clear.

    name, before, bad and errors as in `weights`.
    """
    _check(name, before, len(updates), bad, "updates")
    if before == "none" and name in _BY_COORDINATE:
        return _BY_COORDINATE[name](updates, bad)  # (dim,)
    seen, mixing = _MIXING[before](table_of(updates), bad)
    mixed = updates if before == "none" else mixing.astype(np.float32) @ updates  # (parties, dim)
    if name == "bulyan":
        return meamed(mixed[krum_set(seen, bad)], 2 * bad)  # (dim,)
    return _BY_COORDINATE[name](mixed, bad)  # (dim,)


def _check(name: str, before: str, parties: int, bad: int, needs: str) -> None:
    """Raise CharterError unless the rule is known, sees what it needs, and has parties enough."""
    if name not in DEFENCES or DEFENCES[name].needs != needs:
        known = ", ".join(one for one, defence in DEFENCES.items() if defence.needs == needs)
        raise _refused(f"no rule {name} judges by {needs}", f"choose one of {known}")
    if before not in BEFORE:
        raise _refused(f"nothing called {before} comes before a rule", f"choose one of {', '.join(BEFORE)}")
    least = DEFENCES[name].least(bad)
    if bad < 0 or parties < least:
        raise _refused(
            f"{parties} parties are too few for the rule {name} against {bad} bad ones",
            f"have {least} parties, or choose another rule or fewer bad ones",
        )


def _refused(what: str, do: str) -> CharterError:
    return CharterError(what, do=do, where="defence")
