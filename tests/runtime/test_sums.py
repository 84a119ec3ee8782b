"""What both sides know of a sum without a word, and which numbers it may hold."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from hansa.algorithms.statistics import MOST
from hansa.core.messages import Ask
from hansa.runtime.sums import CLIP, Sums, is_statistic
from tests.nodes.node_world import charter_of


def _sums(name: str, secrecy: str = "masked") -> Sums:
    return Sums(charter_of(name, secrecy), name, 3)


def _ask(round_: int = 1, value: float = 0.0, opening: str = "") -> Ask:
    return Ask(jnp.int32(round_), {"w": jnp.full(3, value)}, opening=opening)


def test_an_occasion_is_of_one_roster_round_number_and_ask() -> None:
    sums, plain = _sums("fedavg"), (_ask(), 4, 30, b"r" * 32)

    def digest(ask: Ask, number: int, size: int, roster: bytes) -> bytes:
        return sums.occasion(roster, sums.of_ask(ask), number, size).digest

    others = [(_ask(2), *plain[1:]), (_ask(value=1e-7), *plain[1:]), (_ask(opening="x"), *plain[1:])]
    others += [(plain[0], 5, *plain[2:]), (*plain[:2], 31, plain[3]), (*plain[:3], b"s" * 32)]
    found = {digest(*one) for one in (plain, *others)}
    assert len(found) == 1 + len(others)
    assert digest(_ask(), *plain[1:]) in found


def test_what_never_changes_is_said_of_a_sum_so_that_cohorts_are_watched() -> None:
    averages, curves = _sums("fedavg"), _sums("labsync_mean")
    assert (averages.weighed, averages.most) == (True, averages.charter.protection.most_rows)
    assert (curves.weighed, curves.most) == (False, 1.0)
    assert averages.of_ask(_ask()) | {"model": ""} == {
        "kind": "training", "round": 1, "model": "", "unchanging": True, "same": "rows", "cells": "",
    }  # fmt: skip
    assert [curves.of_ask(_ask(opening=kind))["cells"] for kind in ("support", "predictions", "")] == [
        "", "support", "support",
    ]  # fmt: skip
    assert _sums("aligned").of_ask(_ask())["cells"] == "support of statistics"
    statistic = averages.of_statistic("products", "support of products")
    assert (statistic["same"], statistic["cells"]) == ("rows", "support of products")
    assert averages.of_statistic("support of products", "")["same"] == ""


@pytest.mark.parametrize("width", [32, 64])
def test_numbers_of_models_and_of_statistics_are_written_each_in_its_form(width: int) -> None:
    charter = charter_of("fedavg", protection={"secrecy": "masked", "width": width})
    sums = Sums(charter, "fedavg", 3)
    assert (sums.form_of(sums.of_ask(_ask())).width, sums.form.clip) == (width, CLIP[width])
    assert sums.form_of(sums.of_statistic("statistics", "x")) == sums.statistic_form
    assert sums.statistic_form.clip == MOST


@pytest.mark.parametrize(
    ("value", "is_one"),
    [
        (np.zeros(3), True),
        (np.full(3, -3 * MOST), True),
        (np.zeros(2), False),
        (np.zeros((1, 3)), False),
        (np.zeros(3, "f4"), False),
        (np.zeros(3, bool), False),
        (np.array([0, np.nan, 0]), False),
        (np.array([0, np.inf, 0]), False),
        (np.full(3, 1e300), False),
        ([0.0, 0.0, 0.0], False),
        (None, False),
        (0.0, False),
    ],
)
def test_a_statistic_is_so_many_numbers_that_can_be_added(value: Any, is_one: bool) -> None:
    assert is_statistic(value, 3) is is_one
