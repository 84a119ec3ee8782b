"""The main job on real engines: the figures that the README's reader is promised."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.charters import fd004
from hansa.simulation.federation import Federation


@pytest.mark.slow
def test_four_fleets_learn_fd004_together(cmapss_folder: Path) -> None:
    federation = Federation(fd004(parties=4, seed=7, compare=("centralised", "vertical")), cmapss_folder)
    for _ in federation.train(lambda _: None, lambda: False):
        pass
    found = {name: one.all_cycle.filtered for name, one in federation.finished.items()}
    assert found["centralised"].rmse <= 15.0
    assert found["vertical"].rmse <= 15.0
    assert found["labsync_mean"].rmse <= 15.2
    assert found["labsync_mean"].mae <= 9.5
