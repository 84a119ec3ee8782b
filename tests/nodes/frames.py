"""Frames taken apart and put together again, for tests that change one."""

from typing import Any

import numpy as np

from hansa.core import codec


def opened(data: bytes) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return what the head of a frame says besides its arrays, and these by their names."""
    length = int.from_bytes(data[:4], "little")
    head = codec.decode(data[4 : 4 + length])
    at, leaves = 4 + length, {}
    for name, dtype, shape in head.pop("arrays"):
        at += -at % 64
        count = int(np.prod(shape))
        leaves[name] = np.frombuffer(data, dtype, count, at).reshape(shape)
        at += count * np.dtype(dtype).itemsize
    assert at == len(data)
    return head, leaves


def closed(head: dict[str, Any], leaves: dict[str, np.ndarray]) -> bytes:
    """Return the frame of a head and arrays, whatever they are."""
    listed = [[name, leaf.dtype.str, list(leaf.shape)] for name, leaf in leaves.items()]
    made = codec.encode(head | {"arrays": listed})
    data = len(made).to_bytes(4, "little") + made
    for leaf in leaves.values():
        data += bytes(-len(data) % 64) + leaf.tobytes()
    return data
