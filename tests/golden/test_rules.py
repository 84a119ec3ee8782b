"""What byzfl 0.0.11 answers, kept; `tests/golden/remake_rules.py` makes it anew.

Its Krum takes parties - bad - 1 neighbours, one more than the paper: it is ours against one bad party fewer.
Its Multi-Krum does too, so that it and ours differ where the last to be taken is a near thing.
"""

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

from hansa.judging.before import longest_clipped, nearest_neighbours
from hansa.judging.centres import centered_clipping, geometric_median, mean
from hansa.judging.coordinates import meamed, median, trimmed_mean
from hansa.judging.selection import krum, mda, monna, multi_krum
from hansa.judging.table import table_of_products

KNOWN = json.loads(Path(__file__).with_name("rules.json").read_text(encoding="utf-8"))
EVERY = pytest.mark.parametrize("case", KNOWN)
BY_TABLE = {
    "mean": lambda table, bad: mean(table),
    "krum": lambda table, bad: krum(table, bad - 1),
    "mda": mda,
    "monna": lambda table, bad: monna(table, bad, 1),
    "geometric_median": lambda table, bad: geometric_median(table),
    "centered_clipping": lambda table, bad: centered_clipping(table),
    "nnm": lambda table, bad: nearest_neighbours(table, bad)[1],
    "arc": lambda table, bad: longest_clipped(table, bad)[1],
}
BY_UPDATES = {"median": lambda updates, bad: median(updates), "trimmed_mean": trimmed_mean, "meamed": meamed}


@EVERY
@pytest.mark.parametrize("name", BY_TABLE)
def test_weights_from_a_table_give_what_byzfl_gives(case: str, name: str) -> None:
    bad, updates = KNOWN[case]["bad"], np.array(KNOWN[case]["updates"])
    found = BY_TABLE[name](table_of_products(updates @ updates.T), bad) @ updates
    assert_allclose(found, KNOWN[case]["answers"][name], atol=1e-6)


@EVERY
@pytest.mark.parametrize("name", BY_UPDATES)
def test_rules_of_coordinates_give_what_byzfl_gives(case: str, name: str) -> None:
    found = BY_UPDATES[name](np.array(KNOWN[case]["updates"], np.float32), KNOWN[case]["bad"])
    assert_allclose(found, KNOWN[case]["answers"][name], atol=1e-6)


def test_multi_krum_takes_other_parties_than_byzfl_in_two_near_things() -> None:
    other = []
    for case, one in KNOWN.items():
        updates = np.array(one["updates"])
        found = multi_krum(table_of_products(updates @ updates.T), one["bad"]) @ updates
        if not np.allclose(found, one["answers"]["multi_krum"], atol=1e-6):
            other.append(case)
    assert len(other) == 2
