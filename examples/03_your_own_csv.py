"""Train on your own table. In a shell, `hansa data describe pumps.csv` writes this charter for you."""

import csv
import math
from pathlib import Path

import hansa

with Path("pumps.csv").open("w", newline="", encoding="utf-8") as file:
    rows = csv.writer(file)
    rows.writerow(["pump", "hour", "temperature", "vibration", "hours_left"])
    for pump in range(12):
        life = 60 + 5 * pump
        for hour in range(life):
            wear = hour / life
            rows.writerow(
                [f"P{pump}", hour, 60 + 20 * wear**2, 1 + wear + 0.1 * math.sin(hour), life - 1 - hour]
            )

result = hansa.run("""
name = "pumps"
consortium = "Three utilities"
parties = 3
rounds = 10

[data]
source = "table"
file = "pumps.csv"
label_cap = 40

[columns]
pump = { role = "asset" }
hour = { role = "time", unit = "h" }
temperature = { role = "sensor", unit = "degC" }
vibration = { role = "sensor" }
hours_left = { role = "target" }

[partition]
kind = "horizontal"

[algorithm]
name = "fedavg"
""")
print(result)
