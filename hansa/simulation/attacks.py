"""The attacks that a red team tries on a federation: what each is, and where it comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hansa.simulation import bad_records, bad_updates
from hansa.simulation.bad_records import Spoil
from hansa.simulation.bad_updates import Send

UNATTACKED = "none"
"""The name of an exchange that nobody attacks, and of no rule."""

BACKDOOR, SHIFT = "backdoor", "shift"
"""What an attack with an aim is measured by: how often the backdoor opens; how far a class moves."""


@dataclass(frozen=True, slots=True)
class Attack:
    """One attack. `send` acts on updates, `spoil` on the records that a party learns from."""

    title: str
    kind: str  # as reports group them
    what: str  # a sentence
    source: str = ""
    send: Send | None = None
    spoil: Spoil | None = None
    aim: str = ""  # what it is measured by besides the loss: BACKDOOR, SHIFT, or nothing
    one: bool = False  # whether one party alone is concerned, as with a fault
    finite: bool = True  # whether all it sends are numbers


def _updates(title: str, what: str, source: str, send: Send) -> Attack:
    return Attack(title, "updates", what, source, send)


ATTACKS: Mapping[str, Attack] = {
    "sign_flip": _updates(
        "Sign flip", "Each bad party sends its update the other way.",
        "Li et al., AAAI 2019, experiments", bad_updates.sign_flip,
    ),
    "gaussian": _updates(
        "Gaussian noise", "Bad parties send noise ten times as large as honest numbers.",
        "Blanchard et al., NeurIPS 2017, experiments", bad_updates.gaussian,
    ),
    "replacement": _updates(
        "Scaled replacement",
        "Each bad party sends its update the other way, so long that it outweighs all others in a mean.",
        "Bagdasaryan et al., AISTATS 2020, section 4.2", bad_updates.reversed_replacement,
    ),
    "alie": _updates(
        "A little is enough", "Bad parties send the honest mean, off by as much as honest parties are.",
        "Baruch et al., NeurIPS 2019, section 3", bad_updates.alie,
    ),
    "alie_searched": _updates(
        "A little, searched", "Bad parties send the honest mean, off by what harms the rule most.",
        "Baruch et al., NeurIPS 2019; factor searched as in byzfl 0.0.11", bad_updates.alie_searched,
    ),
    "ipm": _updates(
        "Inner product", "Bad parties send twice the honest mean the other way.",
        "Xie et al., UAI 2019, section 4", bad_updates.inner_product,
    ),
    "ipm_searched": _updates(
        "Inner product, searched",
        "Bad parties send the honest mean the other way, as long as harms the rule most.",
        "Xie et al., UAI 2019; factor searched as in byzfl 0.0.11", bad_updates.inner_product_searched,
    ),
    "mimic": _updates(
        "Mimic", "All bad parties copy the honest party that is most unlike the others.",
        "Karimireddy et al., ICLR 2022, section 3", bad_updates.mimic,
    ),
    "min_max": _updates(
        "Min-max", "Bad parties go off as far as no distance is larger than between two honest parties.",
        "Shejwalkar and Houmansadr, NDSS 2021, section IV", bad_updates.min_max,
    ),
    "min_sum": _updates(
        "Min-sum",
        "Bad parties go off as far as squared distances add up to no more than an honest party's.",
        "Shejwalkar and Houmansadr, NDSS 2021, section IV", bad_updates.min_sum,
    ),
    "copy": Attack(
        "Copy", "free riders", "Bad parties send an honest party's update as theirs.", "",
        bad_updates.copied,
    ),
    "near_copy": Attack(
        "Copy, jittered", "free riders", "Bad parties send an honest party's update with a little noise.", "",
        bad_updates.nearly_copied,
    ),
    "noise": Attack(
        "Disguised noise", "free riders", "Bad parties send noise as long as an honest update.",
        "Lin et al., 2019, section 3 (random weights)", bad_updates.disguised,
    ),
    "echo": Attack(
        "Echo", "free riders", "Bad parties send what the last round's updates came to.",
        "Lin et al., 2019, section 3 (delta weights)", bad_updates.echoed,
    ),
    "replay": Attack(
        "Replay", "free riders", "Bad parties send their first update in all rounds.", "",
        bad_updates.replayed,
    ),
    "sybils": Attack(
        "Sybils", "Sybils", "Bad parties all send one and the same push into one direction.",
        "Fung et al., RAID 2020, section 3", bad_updates.sybils,
    ),
    "unlike_sybils": Attack(
        "Sybils, jittered", "Sybils", "Bad parties all push into one direction, each with noise of its own.",
        "Fung et al., RAID 2020, section 3", bad_updates.unlike_sybils,
    ),
    "nan": Attack(
        "Not a number", "broken numbers", "Bad parties send what is no number.", "",
        bad_updates.no_numbers, finite=False,
    ),
    "infinity": Attack(
        "Infinity", "broken numbers", "Bad parties send infinity.", "", bad_updates.endless, finite=False,
    ),
    "label_flip": Attack(
        "Label flip", "records", "Bad parties learn that what is worn is new, and the reverse.",
        "Tolpegin et al., ESORICS 2020, section 3", spoil=bad_records.label_flip,
    ),
    "backdoor": Attack(
        "Backdoor", "records", "Bad parties give a third of their rows a pattern and the best label.",
        "Gu et al., 2017 (BadNets), section 3", spoil=bad_records.backdoor, aim=BACKDOOR,
    ),
    "backdoor_replacement": Attack(
        "Backdoor, scaled", "records",
        "Bad parties learn the backdoor, and send updates that outweigh all others in a mean.",
        "Bagdasaryan et al., AISTATS 2020, section 4.2", bad_updates.replacement, bad_records.backdoor,
        BACKDOOR,
    ),
    "undervaluation": Attack(
        "Undervaluation", "records", "Bad parties lower the labels of one class of asset by a fifth.", "",
        spoil=bad_records.undervaluation, aim=SHIFT,
    ),
    "stuck_sensor": Attack(
        "Stuck sensor", "a fault", "No attack: at one honest party a sensor is stuck.", "",
        spoil=bad_records.stuck_sensor, one=True,
    ),
    "drifting_sensor": Attack(
        "Drifting sensor", "a fault", "No attack: at one honest party a sensor drifts away.", "",
        spoil=bad_records.drifting_sensor, one=True,
    ),
}  # fmt: skip
"""By name. Bad parties know everything, the rule too."""

UNTARGETED = tuple(name for name, one in ATTACKS.items() if not one.aim and not one.one)
"""Attacks that would make the model bad, or cost nothing: measured by the loss alone."""
