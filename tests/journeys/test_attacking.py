"""A consortium wants to know what three bad members of seven could do, and which rule would bear them."""

import json
from collections.abc import Callable
from pathlib import Path

from click.testing import Result

from hansa.core.charter_digest import charter_digest
from hansa.simulation.charter_file import read_charter_file

CHARTER = """\
name = "seven-makers"
consortium = "Seven makers"
parties = 7
seed = 3
rounds = 6

[data]
source = "simulated"
engines = 14
test_engines = 5

[partition]
kind = "horizontal"

[network]
hidden = [10]
activation = "sigmoid"

[training]
learning_rate = 0.01

[protection]
secrecy = "open"

[algorithm]
name = "fedavg"
"""
ATTACKS = "replacement,nan,backdoor,undervaluation,stuck_sensor"


def test_the_page_says_what_attacks_cost_and_which_rule_bears_them(
    hansa: Callable[..., Result], tmp_path: Path
) -> None:
    charter, out = tmp_path / "seven.toml", tmp_path / "out"
    charter.write_text(CHARTER, encoding="utf-8")
    rules = "none,median,nnm+geometric_median,bulyan"

    done = hansa("attack", charter, "--rules", rules, "--attacks", ATTACKS, "--bad", 3, "--out", out)

    assert done.exit_code == 0, done.stderr
    found = json.loads((out / "attack.json").read_text(encoding="utf-8"))
    assert found["charter_digest"] == charter_digest(read_charter_file(charter).charter)
    runs = {(one["rule"], one["attack"]): one for one in found["outcomes"]}
    assert len(runs) == 3 * 6
    assert runs["none", "nan"]["broke"] == 1
    spoiled, borne = (runs[rule, "replacement"]["loss"]["all_cycle"] for rule in ("none", "median"))
    assert spoiled > 100
    assert borne < spoiled / 5
    assert runs["median", "nan"]["bad"]["rejected"] == 1.0
    for line in (
        f"Attacks on seven-makers: simulated, 3 bad parties: {', '.join(found['bad'])}.",
        "bulyan needs 15 parties to bear 3 bad ones, and there are 7.",
        f"Page: {out / 'attack.html'}",
    ):
        assert line in done.stdout
    assert done.stdout.endswith(f"{out}\n")
    assert "about" in done.stderr or "none: round" in done.stderr
    page = (out / "attack.html").read_text(encoding="utf-8")
    assert "Geometric median after NNM" in page
    assert "Every attack under every rule" in page

    again = hansa(
        "attack", charter, "--rules", "median", "--attacks", "alie", "--rounds", 1, "--out", out, "--json"
    )
    assert again.exit_code == 0, again.stderr
    told = json.loads(again.stdout)
    assert told == json.loads((out / "attack.json").read_text(encoding="utf-8"))
    assert [(one["rule"], one["attack"]) for one in told["outcomes"]] == [
        ("none", "none"), ("median", "none"), ("median", "alie"),
    ]  # fmt: skip
    assert len(told["bad"]) == 1


def test_a_masked_charter_learns_that_one_member_can_spoil_the_sum(
    hansa: Callable[..., Result], tmp_path: Path
) -> None:
    charter = tmp_path / "masked.toml"
    charter.write_text(CHARTER.replace('"open"', '"masked"'), encoding="utf-8")
    done = hansa("attack", charter, "--attacks", "replacement,nan", "--rounds", 2, "--out", tmp_path / "out")
    assert done.exit_code == 0, done.stderr
    assert 'nan: under secrecy "masked" every word is a finite number.' in done.stdout
    assert 'under secrecy "masked" nobody sees more than their sum' in done.stdout
    assert "the worst is Scaled replacement" in done.stdout
