"""One party's view: its own folder, carried to its own machine, scores its own rows, and nothing else."""

import shutil
from pathlib import Path

import pandas as pd

import hansa
from hansa.data.simulated import simulate_fleet  # stands for the party's own records

CHARTER = """
name = "view"
consortium = "Three airlines"
parties = 3
rounds = 5
[data]
source = "simulated"
engines = 12
test_engines = 6
[partition]
kind = "hybrid"
sensors_per_party = 13
"""


def own_rows(sensors: tuple[str, ...]) -> pd.DataFrame:
    """Return new rows as the party has them: its sensors alone."""
    import numpy as np

    fleet = simulate_fleet(1, 2, np.random.default_rng(0)).test.take_sensors(sensors)
    names = [fleet.asset_names[asset] for asset in fleet.asset]
    readings = pd.DataFrame(np.hstack([fleet.settings, fleet.sensors]))
    readings.columns = [*fleet.setting_names, *fleet.sensor_names]
    return readings.assign(asset=names, time=fleet.time)


hansa.run(CHARTER, out="runs/view")
shutil.rmtree("north", ignore_errors=True)
shutil.copytree("runs/view/models/labsync_mean/party-1", "north")  # all that party-1 takes home

model = hansa.load("north")
print("The folder holds:", ", ".join(sorted(path.name for path in Path("north").iterdir())))
print("Its sensors:", ", ".join(model.inputs.sensors))
print(model.predict(own_rows(model.inputs.sensors)).groupby("asset").tail(1).to_string(index=False))
