"""Run a charter into a folder: result, models and report. The same as `hansa run first.toml`."""

from pathlib import Path

import hansa

charter = Path(__file__).with_name("first.toml")
result = hansa.run(charter, out="runs/first", progress=True)
print(result)
print("Open runs/first/report.html in a browser.")
