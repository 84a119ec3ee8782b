"""Reads the text of policy.toml, and gives the one that a new member starts with."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from hansa.core.charter_toml import RecordReader, parse_toml
from hansa.core.errors import CharterError
from hansa.core.methods import TRAINABLE
from hansa.core.site_policy import SitePolicy, span_of

AMENDMENTS = ("ask", "countersign")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_MOST_THREADS = 4096


def parse_policy(text: str, where: str = "policy.toml") -> SitePolicy:
    """Return the policy that a TOML text writes down; a key that is left out forbids nothing but own code.

    where: the name of the file, for errors only. Raises CharterError that names the line and the key.
    """
    policy = SitePolicy()
    for key, raw in parse_toml(text, where).items():
        line = _at_line(text, key, where)
        found = getattr(RecordReader(SitePolicy, line, {}).read({key: raw}), key)
        _check(key, found, line)
        policy = replace(policy, **{key: found})
    return policy


def policy_template() -> str:
    """Return a commented policy that forbids nothing but code of the members' own."""
    return _TEMPLATE


def _at_line(text: str, key: str, where: str) -> str:
    """Return the file and the line that a key of the top level stands in."""
    written = re.compile(rf"""[\[\s]*["']?{re.escape(key)}["']?\s*[=.\]]""")
    lines = (number for number, line in enumerate(text.splitlines(), 1) if written.match(line))
    number = next(lines, None)
    return where if number is None else f"{where}, line {number}"


def _check(key: str, value: Any, where: str) -> None:
    """Pass if a key says what it can say; else raise CharterError."""
    rule = _RULES[key]
    for one in value if isinstance(value, tuple) else (value,):
        if not rule[0](one):
            shown = f'"{one}"' if isinstance(one, str) else one
            raise CharterError(f"{key} has {shown}", do=f"write {rule[1]}", where=where)


def _is_digest(text: str) -> bool:
    return _DIGEST.fullmatch(text) is not None


def _is_span(text: str) -> bool:
    try:
        span_of(text)
    except ValueError:
        return False
    return True


_SHA = "64 digits of 0 to 9 and a to f, as hansa charter digest and hansa charter check --json print them"
_RULES: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "charters": (_is_digest, _SHA),
    "algorithms": (lambda name: name in TRAINABLE, f"some of {', '.join(TRAINABLE)}"),
    "own_code": (_is_digest, _SHA),
    "epsilon": (lambda most: 0.0 < most < float("inf"), "a number above 0"),
    "hours": (_is_span, 'spans such as "20:00-06:00", in UTC, or leave the key out'),
    "bytes_per_day": (lambda most: 0 < most < 1 << 63, "a whole number above 0"),
    "threads": (lambda most: 0 < most <= _MOST_THREADS, f"a whole number from 1 to {_MOST_THREADS}"),
    "amendments": (lambda word: word in AMENDMENTS, f"one of {', '.join(AMENDMENTS)}"),
}

_TEMPLATE = """\
# What this site allows. It only narrows what a signed charter allows; a key that is left out narrows nothing,
# but code of the members' own runs only if it is listed. Take the # away from a line to use it.

# Digests of the charters that may run here. Left out: the one that was joined.
# charters = ["0000000000000000000000000000000000000000000000000000000000000000"]

# The algorithms that may run here. Left out: any.
# algorithms = ["fedavg", "labsync_mean"]

# Digests of networks and algorithms of the members' own that may run here. Left out: none may.
# own_code = ["0000000000000000000000000000000000000000000000000000000000000000"]

# The most of a privacy budget that this site would spend. Charters add no noise yet: kept and shown.
# epsilon = 8.0

# When this site answers, in UTC. Outside these hours it waits, and the run waits for it. Left out: always.
# hours = ["20:00-06:00"]

# Bytes that may leave in a day (UTC), in each run.
# bytes_per_day = 1_000_000_000

# Threads that may compute.
# threads = 4

# When a member joins, leaves or has a new key: ask a person here, or countersign what is lawful at once.
# amendments = "ask"
"""
