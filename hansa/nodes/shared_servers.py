"""One of the three servers of a shared sum, wherever it runs; a server that starts again draws nothing anew.

Coins come from a secret that is on the server's disk before the run's first sum, so that for one occasion
there is one coin, however often its process is killed.
"""

from __future__ import annotations

import os

from hansa.crypto.agreement import derived
from hansa.crypto.signing import KEY_BYTES
from hansa.protection.enrolment import Channels
from hansa.protection.occasion import Occasion, Past
from hansa.protection.shared_form import SharedForm
from hansa.protection.shared_products import ProductServer
from hansa.protection.shared_server import SharedServer
from hansa.registry.node_store import NodeStore

_COINS = "coins"  # the name of what a server's coins come from


def kept_secret(store: NodeStore) -> bytes:
    """Return the secret that a server's coins come from, which is kept from the first time on."""
    kept = store.state(_COINS)
    if kept is None:
        kept = os.urandom(KEY_BYTES)
        store.keep({_COINS: kept})
    return kept


def shared_server(channels: Channels, occasion: Occasion, past: Past, secret: bytes) -> SharedServer:
    """Return this node's server of a sum.

    Raises RefusedError for one that is not after all others, AbortedError for one that would tell too much.
    """
    if not isinstance(occasion.form, SharedForm):
        return SharedServer(channels, occasion, past)
    server = ProductServer(channels, occasion, past)
    server.keep_coin(derived(secret, b"coin", occasion.digest))
    return server
