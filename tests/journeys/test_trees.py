"""A consortium whose members accept open secrecy grows trees, on dealt records and on files of their own."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import Result

from hansa.models.boosted import BASE
from hansa.runtime.scoring import Boosted, load
from hansa.runtime.world import open_world
from hansa.simulation.charter_file import read_charter_file
from tests.batteries import columns_apart

xgb = pytest.importorskip("xgboost", reason="needs XGBoost: pip install 'hansa[trees]'")
if not xgb.build_info().get("USE_FEDERATED"):
    pytest.skip("this xgboost has no federated plugin", allow_module_level=True)
Hansa = Callable[..., Result]
TREES = '[algorithm]\nname = "trees"\n\n[trees]\ndepth = 2\nrate = 0.5\n'
OPEN = '\n[protection]\nsecrecy = "open"\n'


def test_trees_are_refused_until_the_charter_is_open_and_then_run_and_score(
    hansa: Hansa, tiny: Any, new_rows: Path, tmp_path: Path
) -> None:
    text = tiny().replace('kind = "hybrid"', 'kind = "horizontal"').replace("sensors_per_party = 13", "")
    text = text.replace(OPEN, "")
    charter = tmp_path / "trees.toml"
    charter.write_text(f"{text}\n{TREES}")
    refused = hansa("run", charter, "--out", tmp_path / "out")
    assert refused.exit_code == 2
    assert refused.stderr.count("\n") == 1
    assert 'write secrecy = "open" in [protection] if all members agree' in refused.stderr
    assert not (tmp_path / "out").exists()

    charter.write_text(f"{text}\n{TREES}{OPEN}")
    assert "listens on every network address" in hansa("charter", "check", charter).stdout
    done = hansa("run", charter, "--out", tmp_path / "out")
    assert done.exit_code == 0, done.stderr
    assert done.stdout.startswith("Boosted trees on simulated, 2 parties")
    assert "In clear, each round" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    scored = hansa("predict", tmp_path / "out", new_rows)
    assert scored.exit_code == 0, scored.stderr
    assert scored.stdout.startswith("asset,time,remaining,remaining_raw\n")
    whole = hansa("predict", tmp_path / "out", new_rows, "--party", "party-1")
    assert whole.exit_code == 2
    assert "holds one model, of trees, and no part of party-1" in whole.stderr


def test_trees_over_aligned_files_are_those_of_the_columns_side_by_side(hansa: Hansa, tmp_path: Path) -> None:
    whole = columns_apart.pumps()
    columns_apart.write(tmp_path, whole, whole)
    charter = tmp_path / "charter.toml"
    charter.write_text(columns_apart.own_files("trees") + "\n[trees]\ndepth = 2\nrate = 0.5\n")
    done = hansa("run", charter, "--out", tmp_path / "out")
    assert done.exit_code == 0, done.stderr
    result = json.loads((tmp_path / "out" / "result.json").read_text())
    assert result["scenarios"]["trees"]["reading"] == "one model"

    model = load(tmp_path / "out")
    assert isinstance(model, Boosted)
    world = open_world(read_charter_file(charter).charter, tmp_path)
    pairs = list(zip(model.inputs, world.own, strict=True))
    x = np.concatenate([inputs.of(own.train) for inputs, own in pairs], axis=1)
    y = np.clip(world.own[0].train.remaining, 0, 20) / 20
    settings = {"max_depth": 2, "eta": 0.5, "base_score": BASE, "tree_method": "hist", "nthread": 1}
    pooled = xgb.train(settings, xgb.DMatrix(x, label=y), 2)
    seen = np.concatenate([inputs.of(own.test) for inputs, own in pairs], axis=1)
    expected = pooled.predict(xgb.DMatrix(seen)) * 20  # of the cap
    test = world.own[0].test
    named = pd.Series(np.asarray(test.asset_names)[test.asset], name="pump")
    rows = pd.DataFrame({"pump": named, "hour": test.time}).merge(whole, on=["pump", "hour"])
    np.testing.assert_allclose(model.predict(rows)["remaining_raw"], expected, rtol=1e-5)
