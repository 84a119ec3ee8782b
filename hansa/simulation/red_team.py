"""A red team: one charter, trained under each rule while it is attacked in each way.

All runs have the same seed, deal, parties and bad parties, and differ by nothing else. Figures are those of
the parties that are not bad; a run that leaves the finite numbers has none, which is a result.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray

from hansa.core.charter import Charter, Protection
from hansa.core.errors import AbortedError, PartyError
from hansa.core.methods import METHODS
from hansa.core.tasks import TASKS
from hansa.data.targets import target_of
from hansa.judging.verdicts import LESS, REJECTED
from hansa.models.rows import held
from hansa.protection.shared_sketch import LEAST_SIZE
from hansa.runtime.party import Member
from hansa.simulation.attack_aims import Aims, aims, class_mean, opened
from hansa.simulation.attack_plan import AttackPlan, rule_title
from hansa.simulation.attacks import ATTACKS, BACKDOOR, SHIFT, UNATTACKED, Attack
from hansa.simulation.bad_records import spoiled
from hansa.simulation.cohort import Cohort
from hansa.simulation.exam import Exam
from hansa.simulation.federation import Federation, Progress
from hansa.simulation.judged import JudgedSums
from hansa.simulation.protected import ProtectedSums
from hansa.simulation.session import Session
from hansa.simulation.world import World
from hansa.simulation.wrongdoing import Wrongdoers


@dataclass(frozen=True, slots=True)
class Counts:
    """Verdicts on some parties, as shares of their updates."""

    rejected: float
    less: float  # down-weighted


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one rule under one attack."""

    rule: str
    attack: str
    touched: tuple[str, ...]  # the parties that are bad, or at fault
    figures: Mapping[str, float]  # the compared measure by protocol; empty where the run broke
    loss: Mapping[str, float]  # by protocol, how much worse than unattacked and undefended, in percent
    broke: int  # the round in which the finite numbers were left; 0: none
    why: str  # it broke, as the run says; empty: it did not
    bad: Counts | None  # verdicts on the parties touched; None where nobody is judged
    others: Counts | None
    accused: tuple[str, ...]  # the parties that the angles of all rounds say ride free, or are faulty
    stayed: int  # rounds in which too few were left, so that the last model stayed
    aim: float | None = None  # the attack's own measure
    aim_before: float | None = None  # the same without the attack, under the same rule

    def value(self) -> dict[str, Any]:
        """Return the plain value."""
        return asdict(self) | {"touched": list(self.touched), "accused": list(self.accused)}


Watch = Callable[[Progress], None]

_LEAST = 1e-9  # figure that others are measured by


class RedTeam:
    """The runs of one plan, over records that are read once."""

    def __init__(self, plan: AttackPlan, world: World) -> None:
        """Prepare the parties."""
        self._scenario = plan.charter.algorithm.name
        self._places = {party.name: place for place, party in enumerate(plan.charter.roster)}
        self._judged = [place for name, place in self._places.items() if name not in plan.bad]
        self._federation = Federation(plan.charter, world=world)
        self.plan = plan
        self._cohorts: dict[bool, tuple[Cohort, list[Exam]]] = {}
        cohort, exams = self._gathered(judged=False)
        self.plan = _with_products(plan, cohort)
        self.aims = aims(cohort, exams, world, [self._places[name] for name in plan.bad])
        self.left_out = dict(self._cannot(cohort))
        self._before: dict[tuple[str, str], float] = {}  # an aim's measure by rule and aim
        self._first: Mapping[str, float] = {}  # the figures of the unattacked, undefended run

    def runs(self) -> list[tuple[str, str]]:
        """Return rules and attacks in the order in which they are trained; unattacked, undefended first."""
        attacks = [name for name in self.plan.attacks if name not in self.left_out]
        rules = dict.fromkeys([UNATTACKED, *self.plan.rules])
        wanted = {rule: [UNATTACKED, *attacks] for rule in rules}
        if UNATTACKED not in self.plan.rules:
            wanted[UNATTACKED] = [UNATTACKED]
        return [(rule, attack) for rule, every in wanted.items() for attack in every]

    def described(self, outcomes: Sequence[Outcome]) -> dict[str, Any]:
        """Return the plain value of what was tried and what came of it, so far."""
        attacks = {name: ATTACKS[name] for name in self.plan.attacks if name not in self.left_out}
        words = ("title", "kind", "what", "source", "aim")
        return {
            **self._federation.about,
            "bad": list(self.plan.bad),
            "rules": {rule: rule_title(rule) for rule in dict.fromkeys(rule for rule, _ in self.runs())},
            "attacks": {name: {word: getattr(one, word) for word in words} for name, one in attacks.items()},
            "rules_left_out": dict(self.plan.left_out),
            "attacks_left_out": self.left_out,
            "pattern": list(self.aims.sensors),
            "undervalued": self.aims.class_title,
            "complete": len(outcomes) == len(self.runs()),
            "outcomes": [one.value() for one in outcomes],
        }

    def outcomes(self, watch: Watch) -> Iterator[Outcome]:
        """Yield the outcome of each run; watch: told of the rounds under one rule, all attacks together."""
        runs, rounds = self.runs(), self.plan.charter.rounds
        for number, (rule, attack) in enumerate(runs):
            under = [place for place, one in enumerate(runs) if one[0] == rule]

            def told(done: int, rule: str = rule, under: list[int] = under, number: int = number) -> None:
                trained = (number - under[0]) * rounds + done
                share = (number + done / rounds) / len(runs)
                watch(Progress(rule, trained, len(under) * rounds, share))

            yield self._run(rule, attack, told)

    def _cannot(self, cohort: Cohort) -> Iterator[tuple[str, str]]:
        """Yield the attacks that this charter leaves no room for, and why."""
        in_memory = all(hasattr(member.rows, "x") for member in cohort.members)
        for name in self.plan.attacks:
            attack = ATTACKS[name]
            if not attack.finite and cohort.sums is not None:
                yield name, f'under secrecy "{self.plan.charter.secrecy}" every word is a finite number'
            elif attack.spoil is not None and not in_memory:
                yield name, "a party's rows are read in pieces and cannot be changed in memory"
            elif attack.aim == BACKDOOR and not self.aims.sensors:
                yield name, "the bad parties have no sensor in common"
            elif attack.aim == SHIFT and not self.aims.class_title:
                yield name, "the data tell no classes of assets and no operating regimes"

    def _gathered(self, *, judged: bool) -> tuple[Cohort, list[Exam]]:
        """Return the parties as a charter with or without a rule prepares them."""
        if judged not in self._cohorts:
            charter = self.plan.charter
            if judged:
                rule = next(one for one in self.plan.rules if one != UNATTACKED)
                charter = self.plan.under(rule)
            federation = Federation(charter, world=self._federation.world)
            self._cohorts[judged] = federation.gathered(self._scenario)
        return self._cohorts[judged]

    def _run(self, rule: str, name: str, told: Callable[[int], None]) -> Outcome:
        attack = ATTACKS.get(name)
        touched = self._touched(attack)
        session = self._session(rule, name, touched)
        turn, why = 1, ""
        with closing(session), np.errstate(all="ignore"):
            try:
                session.open()
                while session.done < session.rounds:
                    turn = session.done + 1
                    session.step()
                    told(session.done)
            except (PartyError, AbortedError) as fault:
                why = fault.what
            figures = {} if why else self._figures(session)
            aim = self._aim(session, rule, attack) if not why else None
        if (rule, name) == (UNATTACKED, UNATTACKED):
            self._first = figures
        before = self._before.get((rule, attack.aim)) if attack else None
        judge = session.cohort.judge
        assert judge is not None
        return Outcome(
            rule,
            name,
            touched,
            figures,
            {protocol: self._loss(protocol, figure) for protocol, figure in figures.items()},
            turn if why else 0,
            why,
            *_counts(judge, touched),
            tuple(
                dict.fromkeys(who for one in judge.memory.findings() if one.accuses for who in one.parties)
            ),
            len(judge.memory.kept),
            aim if attack is None or attack.aim != SHIFT else _shift(aim, before),
            None if attack is None or attack.aim == SHIFT else before,
        )

    def _touched(self, attack: Attack | None) -> tuple[str, ...]:
        if attack is None:
            return self.plan.bad
        return self.plan.bad[:1] if attack.one else self.plan.bad

    def _session(self, rule: str, name: str, touched: Sequence[str]) -> Session:
        charter, attack = self.plan.under(rule), ATTACKS.get(name)
        cohort, exams = self._gathered(judged=rule != UNATTACKED)
        send = attack.send if attack else None
        tamper = Wrongdoers(charter, self._scenario, touched, send, name) if send else None
        judge = self._judge(charter, tamper)
        members = [self._spoiled(cohort, member, name, touched) for member in cohort.members]
        cohort = replace(cohort, charter=charter, members=members, judge=judge)
        return Session(cohort, exams, charter.rounds)

    def _judge(self, charter: Charter, tamper: Wrongdoers | None) -> JudgedSums:
        """Return what sums terms up; a run's own, as no node sums for one occasion twice."""
        if charter.defence.rule == "none":  # what masks and shares leave of a sum is the sum
            charter = replace(charter, protection=Protection("open"))
        if charter.secrecy == "open":
            return JudgedSums(charter, self._scenario, None, tamper)
        sums = ProtectedSums(charter, self._scenario, list(self._places), os.urandom)
        return JudgedSums(charter, self._scenario, sums, tamper)

    def _spoiled(self, cohort: Cohort, member: Member, name: str, touched: Sequence[str]) -> Member:
        attack = ATTACKS.get(name)
        if attack is None or attack.spoil is None or member.name not in touched:
            return member
        spot = self.aims.spot(cohort, self._places[member.name], name)
        target = target_of(cohort.charter.data)
        return replace(member, rows=spoiled(held(member.rows), attack.spoil, spot, target, self._scenario))

    def _figures(self, session: Session) -> dict[str, float]:
        """Return the compared measure by protocol, of the common model or of the parties that are not bad."""
        task, told = TASKS[session.cohort.charter.task], session.predictions()
        exams, reading = session.exams, METHODS[self._scenario].reading
        together = all(exams[0].asks_the_same(one) for one in exams)
        if together and reading == "one model":
            scores = list(exams[0].score(told[0]))
        elif together and reading == "joined":
            joined: NDArray[np.float32] = np.mean([told[place] for place in self._judged], axis=0)
            scores = list(exams[0].score(joined))
        else:
            solo = [exams[place].score(told[place]) for place in self._judged]
            scores = [first.mean(others) for first, *others in zip(*solo, strict=True)]
        return {
            protocol: float(score.value()[task.compared])
            for protocol, score in zip(task.protocols, scores, strict=True)
        }

    def _loss(self, protocol: str, figure: float) -> float:
        """Return by how many percent a figure is worse than that of the first run."""
        task = TASKS[self.plan.charter.task]
        more = 100.0 * (figure / max(self._first[protocol], _LEAST) - 1.0)
        return 0.0 - more if task.measures[task.compared].higher else more

    def _aim(self, session: Session, rule: str, attack: Attack | None) -> float | None:
        """Return how near an attack came to its aim; of an unattacked run, note it for all aims."""
        if attack is None:
            for aim in {ATTACKS[name].aim for name in self.plan.attacks if name not in self.left_out} - {""}:
                self._before[rule, aim] = self._measured(session, aim)
            return None
        return self._measured(session, attack.aim) if attack.aim else None

    def _measured(self, session: Session, aim: str) -> float:
        measure: Callable[[Session, Aims, Sequence[int]], float]
        measure = opened if aim == BACKDOOR else class_mean
        return measure(session, self.aims, self._judged)


def _with_products(plan: AttackPlan, cohort: Cohort) -> AttackPlan:
    """Return the plan without the rules for which three servers would need a larger network."""
    numbers = sum(leaf.size for leaf in jax.tree.leaves(cohort.common))
    if plan.charter.secrecy != "shared" or numbers >= LEAST_SIZE:
        return plan
    why = f"the network has {numbers} numbers, and products of updates tell those of fewer than {LEAST_SIZE}"
    gone = {rule: why for rule in plan.rules if rule != UNATTACKED}
    kept = tuple(rule for rule in plan.rules if rule not in gone)
    return replace(plan, rules=kept, left_out={**plan.left_out, **gone})


def _shift(mean: float | None, before: float | None) -> float | None:
    """Return by how many percent a mean prediction is off that of the unattacked run."""
    return None if mean is None or not before else 100.0 * (mean / before - 1.0)


def _counts(judge: JudgedSums, touched: Sequence[str]) -> tuple[Counts | None, Counts | None]:
    """Return verdicts on the parties touched, and on the others; none where there were no verdicts."""
    found: dict[bool, Counter[str]] = {True: Counter(), False: Counter()}
    for verdict in judge.memory.verdicts:
        found[verdict.party in touched][verdict.outcome] += 1
    if not judge.memory.verdicts:
        return None, None

    def shares(counted: Counter[str]) -> Counts:
        every = max(counted.total(), 1)
        return Counts(counted[REJECTED] / every, counted[LESS] / every)

    return shares(found[True]), shares(found[False])
