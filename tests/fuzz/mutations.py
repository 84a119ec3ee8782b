"""Messages that are nearly right: of bytes, or of the values that the bytes stand for."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from hansa.core import codec

_DEEP: Any = []
for _ in range(60):
    _DEEP = [_DEEP]

odd_values = st.sampled_from(
    [-1, -(2**70), 2**63, 2**70, 255, True, False, None, 0.5, float("nan"), float("inf"), "", "p1", b"",
     bytes(31), bytes(33), bytes(32), bytes(64), bytes(5000), [], {}, [[]], {"a": 1}, {1: b""}, _DEEP,
     np.zeros(32, np.uint8), np.zeros((2, 2)), list(range(300))]
)  # fmt: skip
"""What a field should not be: of another kind, too long, too deep, or out of every range."""


@st.composite
def changed_bytes(draw: st.DrawFn, seed: bytes) -> bytes:
    """Return a message with a byte flipped, cut off, put in, taken out, said twice, or more behind it."""
    at = draw(st.integers(0, max(len(seed) - 1, 0)))
    return draw(
        st.one_of(
            st.integers(0, 255).map(lambda byte: seed[:at] + bytes([byte]) + seed[at + 1 :]),
            st.just(seed[:at]),
            st.binary(min_size=1, max_size=9).map(lambda more: seed + more),
            st.builds(
                lambda put, cut: seed[:at] + put + seed[at + cut :], st.binary(max_size=9), st.integers(0, 9)
            ),
            st.just(seed + seed),
            st.just(seed[:at] + seed),
        )
    )


@st.composite
def changed_values(draw: st.DrawFn, seed: bytes) -> bytes:
    """Return the canonical bytes of a message's value after one to three changes, each anywhere in it."""
    value = codec.decode(seed)
    for _ in range(draw(st.integers(1, 3))):
        value = _changed(draw, value)
    return codec.encode(value)


def _changed(draw: st.DrawFn, value: Any) -> Any:
    inner = list(value.items()) if isinstance(value, dict) else value
    if isinstance(inner, list) and inner and draw(st.integers(0, 4)):
        at = draw(st.integers(0, len(inner) - 1))
        if isinstance(value, dict):
            return value | {inner[at][0]: _changed(draw, inner[at][1])}
        return _changed_list(draw, inner, at)
    return draw(st.one_of(odd_values, st.just([value]), st.just([value, value]), _resized(value)))


def _changed_list(draw: st.DrawFn, value: list[Any], at: int) -> list[Any]:
    other = draw(st.integers(0, len(value) - 1))
    deeper = [*value[:at], _changed(draw, value[at]), *value[at + 1 :]]
    swapped = list(value)
    swapped[at], swapped[other] = value[other], value[at]
    repeated = [*value[:at], value[at], *value[at:]]
    copied = [*value[:at], value[other], *value[at + 1 :]]
    without = [*value[:at], *value[at + 1 :]]
    return draw(st.sampled_from([deeper, deeper, deeper, swapped, repeated, copied, without, value * 40]))


def _resized(value: Any) -> st.SearchStrategy[Any]:
    if isinstance(value, bytes):
        return st.sampled_from([value[:-1], value + b"\0", value * 2, value[::-1], list(value[:40])])
    if type(value) is int:
        return st.sampled_from([value + 1, value - 1, -value - 1, float(value), str(value), bool(value)])
    return odd_values
