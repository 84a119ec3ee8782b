"""What a red team shall try: rules and attacks by name, who is bad, and what a charter leaves no room for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from hansa.core import seeds
from hansa.core.charter import Charter, DefenceChoice, Gate, Reward, Validation
from hansa.core.charter_choices import word_faults
from hansa.core.charter_defence_rules import defence_faults
from hansa.core.defences import BEFORE, DEFENCES
from hansa.core.errors import CharterError
from hansa.core.methods import JUDGED, METHODS
from hansa.simulation.attacks import ATTACKS, UNATTACKED

_MIXED = "nnm+geometric_median"
"""What is tried beside every rule alone: neighbours mixed before a rule."""


@dataclass(frozen=True, slots=True)
class AttackPlan:
    """What is tried on one charter."""

    charter: Charter  # without a rule of its own
    rules: tuple[str, ...]  # none, a rule, or nnm+rule
    attacks: tuple[str, ...]
    bad: tuple[str, ...]  # parties
    trusted: str  # the party that all trust, where a rule needs one
    left_out: Mapping[str, str]  # rules that the charter cannot have, and why

    def under(self, rule: str) -> Charter:
        """Return the charter under a rule that bears the bad parties."""
        return _defended(self.charter, rule, len(self.bad), self.trusted)


def plan(
    charter: Charter,
    rules: Sequence[str] = (),
    attacks: Sequence[str] = (),
    bad: int | None = None,
    rounds: int | None = None,
) -> AttackPlan:
    """Return what is tried; no rules or attacks: all. bad: parties; none: as many as its own rule bears.

    Raises CharterError for an unknown word, for a charter that nobody can attack so, and where too many
    parties would be bad.
    """
    _check_attacked(charter)
    for word, named, offered in (("rule", rules, _offered()), ("attack", attacks, tuple(ATTACKS))):
        for name in named:
            for fault in word_faults("", word, name, offered):
                raise CharterError(fault.what, do=fault.do, where=f"--{word}s")
    count = charter.defence.bad if bad is None else bad
    if not 1 <= count <= charter.parties - 2:
        most = f"write 1 to {charter.parties - 2}" if charter.parties > 2 else "let more parties take part"
        what = f"{count} of {charter.parties} parties cannot be bad: an attack needs two that are not"
        raise CharterError(what, do=most, where="--bad")
    own = _written(charter.defence)
    base = replace(
        charter,
        compare=(),
        defence=DefenceChoice(),
        validation=Validation(),
        gate=Gate(),
        reward=Reward(),
        rounds=rounds or charter.rounds,
    )
    chosen = _bad(charter, count)
    honest = [party.name for party in charter.roster if party.name not in chosen]
    trusted = charter.defence.trusted or honest[0]
    wanted = tuple(dict.fromkeys(rules)) or _every(own)
    left_out = {rule: why for rule in wanted if (why := _why_not(base, rule, len(chosen), trusted))}
    kept = tuple(rule for rule in wanted if rule not in left_out)
    return AttackPlan(base, kept, tuple(dict.fromkeys(attacks)) or tuple(ATTACKS), chosen, trusted, left_out)


def _defended(charter: Charter, rule: str, bad: int, trusted: str) -> Charter:
    if rule == UNATTACKED:
        return replace(charter, defence=DefenceChoice())
    before, _, name = rule.rpartition("+")
    whom = trusted if DEFENCES[name].trusted else ""
    return replace(charter, defence=DefenceChoice(name, before or "none", bad, whom))


def rule_title(rule: str) -> str:
    """Return what reports call a rule."""
    before, _, name = rule.rpartition("+")
    if name == UNATTACKED:
        return "No rule"
    return DEFENCES[name].title + (f" after {before.upper()}" if before else "")


def _check_attacked(charter: Charter) -> None:
    name = charter.algorithm.name
    if METHODS[name].exchanges == "nothing":
        raise CharterError(
            f"under {name} parties send nothing that could be bad",
            do=f"choose one of {', '.join(sorted(JUDGED))} in [algorithm]",
            where="attack",
        )
    if name not in JUDGED:
        raise CharterError(
            f"nobody has attacks for {name}, {METHODS[name].unjudged}",
            do=f"choose one of {', '.join(sorted(JUDGED))} in [algorithm]",
            where="attack",
        )


def _offered() -> tuple[str, ...]:
    mixed = [f"{before}+{rule}" for before in BEFORE if before != "none" for rule in DEFENCES]
    return (UNATTACKED, *DEFENCES, *mixed)


def _written(choice: DefenceChoice) -> str:
    return choice.rule if choice.before == "none" else f"{choice.before}+{choice.rule}"


def _every(own: str) -> tuple[str, ...]:
    """Return all rules, a charter's own first of those that are mixed."""
    return tuple(dict.fromkeys((UNATTACKED, *DEFENCES, own, _MIXED)))


def _bad(charter: Charter, count: int) -> tuple[str, ...]:
    """Return who is bad, by the charter's seed; whom all trust is not."""
    names = [party.name for party in charter.roster if party.name != charter.defence.trusted]
    order = seeds.generator(charter.seed, "attack", "bad").permutation(len(names))
    return tuple(names[place] for place in sorted(order[:count]))


def _why_not(charter: Charter, rule: str, bad: int, trusted: str) -> str:
    """Return why a charter cannot have a rule; empty: it can."""
    return next((fault.what for fault in defence_faults(_defended(charter, rule, bad, trusted))), "")
