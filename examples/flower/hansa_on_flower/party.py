"""The ClientApp: a member's node."""

from hansa.runtime.over_flower import party_app

app = party_app()
