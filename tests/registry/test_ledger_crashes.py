"""A ledger whose process dies anywhere holds the first acts, each whole, and takes the rest as ever."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.ledger_crashes import Acts, Found, Model, Stretch, compare, crashed, work
from hansa.registry.ledger import Ledger
from hansa.registry.ledger_check import check


def test_processes_that_are_killed_at_any_point_leave_a_ledger_as_one_that_was_not(tmp_path: Path) -> None:
    killed, whole = tmp_path / "killed", Stretch(5, 1600, 0, 1600, 6, 4000)
    model, found = crashed(killed, whole, np.random.default_rng(6))

    assert found.crashes > 5
    assert (found.unbalanced, found.negative, found.other) == (0, 0, 0)
    assert model.entries > 1000
    with Ledger(tmp_path / "whole", new=True) as other, Ledger(killed) as ledger:
        add_all(other, Acts(5, 1600))
        assert check(ledger).head == check(other).head


def test_a_journal_that_is_cut_at_any_byte_leaves_the_first_acts(tmp_path: Path) -> None:
    path, acts = tmp_path / "ledger", Acts(7, 100)
    cut = tmp_path / "cut"
    kept = set()
    with Ledger(path, new=True) as ledger:
        for number in range(100):
            work(ledger, acts, number, number + 1)
        whole = ledger.tables.head()
        file, journal = path.read_bytes(), path.with_name("ledger-wal").read_bytes()
    for length in range(0, len(journal), 16411):  # a prime: cuts fall everywhere in a page
        cut.write_bytes(file)
        cut.with_name("cut-wal").write_bytes(journal[:length])
        model, found = Model(), Found()
        with Ledger(cut, new=True) as ledger:
            compare(ledger, acts, model, found)
            check(ledger)
            kept.add(model.entries)
            add_all(ledger, acts)
            assert check(ledger).head == whole
        assert (found.unbalanced, found.negative, found.other) == (0, 0, 0)
    assert len(kept) > 20


def add_all(ledger: Ledger, acts: Acts) -> None:
    number = 0
    while number < len(acts):
        number = work(ledger, acts, number, len(acts))
