"""Change a charter in Python, look at what each party holds, and read the figures."""

from dataclasses import replace

import hansa

charter = hansa.read_charter("""
name = "wider"
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
""")

for share in hansa.partition(charter):
    print(share)

wider = replace(charter, network=replace(charter.network, hidden=(20,)))
result = hansa.run(wider)
print(result)

found = result.scenarios["labsync_mean"]
print(f"All parties joined: {found.all_cycle.filtered.rmse:.1f} cycles RMSE over every test cycle.")
for party, alone in found.parties.items():
    print(f"{party} alone: {alone.all_cycle.filtered.rmse:.1f}, with {alone.traffic.bytes_up} bytes sent.")
