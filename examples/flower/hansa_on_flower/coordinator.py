"""The ServerApp: the consortium's coordinator."""

from hansa.nodes.over_flower import coordinator_app

app = coordinator_app()
