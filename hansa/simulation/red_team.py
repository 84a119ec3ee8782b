"""A red team: one charter, trained under each rule while it is attacked in each way.

All runs have the same seed, deal, parties and bad parties, and differ by nothing else. A run that leaves the
finite numbers has no figures, which is a result.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any

import jax
import numpy as np

from hansa.core.charter import Charter, Protection
from hansa.core.errors import AbortedError, PartyError
from hansa.data.targets import target_of
from hansa.models.rows import Rows, held
from hansa.protection.shared_sketch import LEAST_SIZE
from hansa.runtime.exam import Exam
from hansa.runtime.party import Member
from hansa.runtime.world import World
from hansa.simulation.attack_aims import Aims, aims, class_mean, opened
from hansa.simulation.attack_outcome import Outcome, accused, counts, figures_of, losses, shift
from hansa.simulation.attack_plan import AttackPlan, rule_title
from hansa.simulation.attacks import ATTACKS, BACKDOOR, SHIFT, UNATTACKED, Attack
from hansa.simulation.bad_records import spoiled
from hansa.simulation.cohort import Cohort
from hansa.simulation.federation import Federation, Progress, Watch
from hansa.simulation.judged import JudgedSums, Tamper
from hansa.simulation.protected import ProtectedSums
from hansa.simulation.session import Session
from hansa.simulation.wrongdoing import Wrongdoers

_FIRST = (UNATTACKED, UNATTACKED)  # the run that all others are measured by


class RedTeam:
    """The runs of one plan, over records that are read once."""

    def __init__(self, plan: AttackPlan, world: World) -> None:
        """Prepare the parties. Raises what a run of the charter raises before it trains."""
        self._federation = Federation(plan.charter, world=world)
        self._plain = self._federation.gathered(plan.charter.algorithm.name)
        self.plan = _with_products(plan, self._plain[0])
        self._ruled = _ruled(self.plan, world) or self._plain
        places = {party.name: place for place, party in enumerate(plan.charter.roster)}
        self._honest = [place for name, place in places.items() if name not in plan.bad]
        self.aims = aims(*self._plain, world, [places[name] for name in plan.bad])
        self.left_out = dict(_cannot(plan, self._plain[0], self.aims))
        self._before: dict[tuple[str, str], float] = {}  # what is aimed at, unattacked, by rule and aim
        self._first: Mapping[str, float] = {}  # the figures of the first run

    def runs(self) -> list[tuple[str, str]]:
        """Return rules and attacks in the order in which they are trained; unattacked, undefended first."""
        attacks = [name for name in self.plan.attacks if name not in self.left_out]
        wanted = {UNATTACKED: [UNATTACKED]} | {rule: [UNATTACKED, *attacks] for rule in self.plan.rules}
        return [(rule, attack) for rule, every in wanted.items() for attack in every]

    def outcomes(self, watch: Watch) -> Iterator[Outcome]:
        """Yield the outcome of each run; watch: told of the rounds under one rule, all attacks together.

        Raises PartyError where the charter leaves the finite numbers without any attack.
        """
        runs, rounds = self.runs(), self.plan.charter.rounds
        for number, (rule, attack) in enumerate(runs):
            under = [place for place, one in enumerate(runs) if one[0] == rule]

            def told(done: int, rule: str = rule, under: list[int] = under, number: int = number) -> None:
                trained = (number - under[0]) * rounds + done
                share = (number + done / rounds) / len(runs)
                watch(Progress(rule, trained, len(under) * rounds, share))

            yield self._run(rule, attack, told)

    def described(self, outcomes: Sequence[Outcome]) -> dict[str, Any]:
        """Return the plain value of what was tried and what came of it, so far."""
        attacks = {name: ATTACKS[name] for name in self.plan.attacks if name not in self.left_out}
        words = ("title", "kind", "what", "source", "aim")
        return {
            **self._federation.about,
            "bad": list(self.plan.bad),
            "rules": {rule: rule_title(rule) for rule, _ in self.runs()},
            "attacks": {name: {word: getattr(one, word) for word in words} for name, one in attacks.items()},
            "rules_left_out": dict(self.plan.left_out),
            "attacks_left_out": self.left_out,
            "pattern": list(self.aims.sensors),
            "undervalued": self.aims.class_title,
            "complete": len(outcomes) == len(self.runs()),
            "outcomes": [one.value() for one in outcomes],
        }

    def close(self) -> None:
        """Give back the disk space that large parties' prepared rows take."""
        self._federation.close()

    def _run(self, rule: str, name: str, told: Callable[[int], None]) -> Outcome:
        attack = ATTACKS.get(name)
        touched = self.plan.bad[:1] if attack and attack.one else self.plan.bad
        session = self._session(rule, name, touched)
        with closing(session), np.errstate(all="ignore"):
            turn, why = _trained(session, told)
            if why is not None and (rule, name) == _FIRST:
                raise why
            figures = {} if why else figures_of(session, self._honest)
            aim = None if why else self._aim(session, rule, attack)
        if (rule, name) == _FIRST:
            self._first = figures
        before = self._before.get((rule, attack.aim)) if attack else None
        judge = session.cohort.judge
        assert judge is not None
        return Outcome(
            rule,
            name,
            touched,
            figures,
            losses(figures, self._first, session.cohort.charter.task),
            turn if why else 0,
            why.what if why else "",
            *counts(judge, touched),
            accused(judge),
            len(judge.memory.kept),
            shift(aim, before) if attack and attack.aim == SHIFT else aim,
            before if attack and attack.aim == BACKDOOR else None,
        )

    def _session(self, rule: str, name: str, touched: Sequence[str]) -> Session:
        charter, attack = self.plan.under(rule), ATTACKS.get(name)
        cohort, exams = self._plain if rule == UNATTACKED else self._ruled
        tamper: Tamper | None = None
        members = cohort.members
        if attack and attack.send:
            tamper = Wrongdoers(charter, cohort.scenario, touched, attack.send, name)
        if attack and attack.spoil:
            members = [
                _spoiled(cohort, place, self.aims, name) if member.name in touched else member
                for place, member in enumerate(members)
            ]
        judge = _judge(charter, cohort.scenario, tamper)
        cohort = replace(cohort, charter=charter, members=members, judge=judge)
        return Session(cohort, exams, charter.rounds)

    def _aim(self, session: Session, rule: str, attack: Attack | None) -> float | None:
        """Return how near an attack came to its aim; of an unattacked run, note it for all aims."""
        measures = {BACKDOOR: opened, SHIFT: class_mean}
        if attack is not None:
            return measures[attack.aim](session, self.aims, self._honest) if attack.aim else None
        for aim in {ATTACKS[name].aim for name in self.plan.attacks if name not in self.left_out} - {""}:
            self._before[rule, aim] = measures[aim](session, self.aims, self._honest)
        return None


def _trained(session: Session, told: Callable[[int], None]) -> tuple[int, PartyError | AbortedError | None]:
    """Return the last round of a session that is trained to its end, and what ended it before."""
    turn = 1
    try:
        session.open()
        while session.done < session.rounds:
            turn = session.done + 1
            session.step()
            told(session.done)
    except (PartyError, AbortedError) as fault:
        return turn, fault
    return turn, None


def _ruled(plan: AttackPlan, world: World) -> tuple[Cohort, list[Exam]] | None:
    """Return the parties as a charter with a rule prepares them, whichever it is; None: none has one."""
    for rule in plan.rules:
        if rule != UNATTACKED:
            return Federation(plan.under(rule), world=world).gathered(plan.charter.algorithm.name)
    return None


def _judge(charter: Charter, scenario: str, tamper: Tamper | None) -> JudgedSums:
    """Return what sums terms up; a run's own, as no node sums for one occasion twice."""
    if charter.defence.rule == UNATTACKED:  # what masks and shares leave of a sum is the sum
        charter = replace(charter, protection=Protection("open"))
    if charter.secrecy == "open":
        return JudgedSums(charter, scenario, None, tamper)
    sums = ProtectedSums(charter, scenario, [party.name for party in charter.roster], os.urandom)
    return JudgedSums(charter, scenario, sums, tamper)


def _spoiled(cohort: Cohort, place: int, found: Aims, name: str) -> Member:
    """Return a party with the rows that an attack leaves it."""
    member, spoil = cohort.members[place], ATTACKS[name].spoil
    assert spoil is not None
    target = target_of(cohort.charter.data)
    rows = spoiled(held(member.rows), spoil, found.spot(cohort, place, name), target, cohort.scenario)
    return replace(member, rows=rows)


def _cannot(plan: AttackPlan, cohort: Cohort, found: Aims) -> Iterator[tuple[str, str]]:
    """Yield the attacks that a charter leaves no room for, and why."""
    in_memory = all(isinstance(member.rows, Rows) for member in cohort.members)
    for name in plan.attacks:
        attack = ATTACKS[name]
        if not attack.finite and cohort.sums is not None:
            yield name, f'under secrecy "{plan.charter.secrecy}" every word is a finite number'
        elif attack.spoil is not None and not in_memory:
            yield name, "a party's rows are read in pieces and cannot be changed in memory"
        elif attack.aim == BACKDOOR and not found.sensors:
            yield name, "the bad parties have no sensor in common"
        elif attack.aim == SHIFT and not found.class_title:
            yield name, "the data tell no classes of assets and no operating regimes"


def _with_products(plan: AttackPlan, cohort: Cohort) -> AttackPlan:
    """Return the plan without the rules for which three servers would need a larger network."""
    numbers = sum(leaf.size for leaf in jax.tree.leaves(cohort.common))
    if plan.charter.secrecy != "shared" or numbers >= LEAST_SIZE:
        return plan
    why = f"the network has {numbers} numbers, and products of updates tell those of fewer than {LEAST_SIZE}"
    gone = {rule: why for rule in plan.rules if rule != UNATTACKED}
    kept = tuple(rule for rule in plan.rules if rule not in gone)
    return replace(plan, rules=kept, left_out={**plan.left_out, **gone})
