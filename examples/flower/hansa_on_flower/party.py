"""The ClientApp: a member's node."""

from hansa.nodes.over_flower import party_app

app = party_app()
