"""What [defence], [validation], [gate] and [reward] ask of the rest of a charter."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hansa.core.charter import MOST_SUMMED, Charter, DefenceChoice, Gate, Reward
from hansa.core.charter_choices import Fault
from hansa.core.defences import DEFENCES, Defence
from hansa.core.methods import BROUGHT, JUDGED, METHODS, PRODUCED

MOST_JUDGED = 200  # a table grows as their square, and so does what a rule takes
_OPEN = 'write secrecy = "open" in [protection] if all members agree to show their updates'
_SHARED = (
    'write secrecy = "shared" in [protection], where servers know the angles between updates and no more'
)


def defence_faults(charter: Charter) -> Iterator[Fault]:
    """Yield what cannot hold of the rule, the validation, the gate and the reward."""
    senders = [
        name for name in (charter.algorithm.name, *charter.compare) if METHODS[name].exchanges != "nothing"
    ]
    yield from _rule_faults(charter, senders)
    yield from _validation_faults(charter)
    yield from _gate_faults(charter, senders)
    yield from _reward_faults(charter, senders)
    yield from _credit_faults(charter)


def _rule_faults(charter: Charter, senders: Sequence[str]) -> Iterator[Fault]:
    choice = charter.defence
    if choice.rule == "none":
        for key in ("before", "bad", "trusted"):
            if getattr(choice, key) != getattr(DefenceChoice(), key):
                yield Fault(
                    "defence", f"{key} means nothing without a rule", f"remove {key}, or write a rule"
                )
        return
    rule = DEFENCES[choice.rule]
    yield from _method_faults(charter, "defence", f"the rule {choice.rule}", senders)
    if charter.parties > MOST_JUDGED:
        what = f"tables of distances are for {MOST_JUDGED} parties at most, and there are {charter.parties}"
        yield Fault("defence", what, "remove [defence], or let fewer parties join")
    yield from _secrecy_faults(charter, rule, senders)
    if charter.parties < rule.least(choice.bad):
        what = f"{choice.rule} needs {rule.least(choice.bad)} parties to bear {choice.bad} bad ones"
        yield Fault("defence", f"{what}, and there are {charter.parties}", _fewer(charter))
    yield from _named_faults(charter, rule)


def _fewer(charter: Charter) -> str:
    """Return the lawful ways out where a rule needs more parties."""
    choice = charter.defence
    most = max((bad for bad in range(choice.bad) if fits(charter, choice.rule, bad)), default=None)
    ways = [f"write bad = {most}"] if most is not None else []
    return ", or ".join([*ways, *_other_rules(charter)]) or "let more parties join, or remove [defence]"


def _other_rules(charter: Charter) -> list[str]:
    """Return the way out to other rules that bear as many bad parties, if there are any."""
    choice = charter.defence
    others = [
        name for name, one in DEFENCES.items() if name != "mean" and one.trusted == bool(choice.trusted)
        and not (one.remembers and choice.before != "none")
        and fits(charter, name, choice.bad) and allowed(charter, one)
    ]  # fmt: skip
    return [f"write one of these as rule: {', '.join(others)}"] if others else []


def fits(charter: Charter, rule: str, bad: int) -> bool:
    """Return whether there are parties enough for a rule to bear so many bad ones."""
    return charter.parties >= DEFENCES[rule].least(bad)


def allowed(charter: Charter, rule: Defence) -> bool:
    """Return whether the charter's secrecy leaves what a rule looks at."""
    if charter.secrecy == "open":
        return True
    return charter.secrecy == "shared" and _by_servers(rule)


def _by_servers(rule: Defence) -> bool:
    """Return whether distances within a round are all that a rule looks at, and no party is published."""
    return rule.needs == "table" and not rule.one and not rule.remembers


def _method_faults(charter: Charter, table: str, what: str, senders: Sequence[str]) -> Iterator[Fault]:
    if not senders:
        yield Fault(table, f"{what} has nothing to judge: parties exchange nothing", f"remove [{table}]")
    for name in senders:
        if name not in JUDGED:
            do = f"leave {name} out, or remove [{table}]; judged are {', '.join(sorted(JUDGED))}"
            yield Fault(table, f"{what} cannot judge {name}, {METHODS[name].unjudged}", do)
        if METHODS[name].exchanges == "predictions" and charter.algorithm.loss == "sum":
            why = "whose predictions add up to the label under loss sum, so that none is like another"
            yield Fault(table, f"{what} cannot judge {name}, {why}", 'write loss = "mse" in [algorithm]')


def _secrecy_faults(charter: Charter, rule: Defence, senders: Sequence[str]) -> Iterator[Fault]:
    choice, level = charter.defence, charter.secrecy
    if level in ("masked", "encrypted"):
        what = f'{choice.rule} compares updates, and under secrecy "{level}" nobody sees more than their sum'
        enough = charter.parties - choice.bad >= charter.protection.cohort
        ways = [_SHARED] if _by_servers(rule) and PRODUCED.issuperset(senders) and enough else []
        yield Fault("defence", what, ", or ".join([*ways, _OPEN]))
        return
    if level != "shared":
        return
    ways = [*_other_rules(charter), _OPEN]
    if rule.one:
        what = f'{choice.rule} picks one party, whose update would be published under secrecy "shared"'
        yield Fault("defence", what, "; or ".join(ways))
    elif not allowed(charter, rule):
        seen = "updates themselves" if rule.needs == "updates" else "updates of several rounds together"
        what = f'{choice.rule} looks at the {seen}, which nobody sees under secrecy "shared"'
        yield Fault("defence", what, "; or ".join(ways))
    yield from _unseen_faults("defence", senders)
    others, cohort = charter.parties - choice.bad, charter.protection.cohort
    if others < cohort:
        what = f"without {choice.bad} bad parties {others} are left, and a sum is over {cohort}"
        yield Fault("defence", what, f"write bad = {max(charter.parties - cohort, 0)}")


def _unseen_faults(table: str, senders: Sequence[str]) -> Iterator[Fault]:
    """Yield the methods of which three servers learn no angles."""
    for name in senders:
        if name not in PRODUCED:
            what = f'under secrecy "shared" nobody learns angles between the terms of {name}'
            yield Fault(table, what, f"leave {name} out, remove [{table}], or {_OPEN}")


def _named_faults(charter: Charter, rule: Defence) -> Iterator[Fault]:
    choice, names = charter.defence, [party.name for party in charter.roster]
    if rule.trusted and choice.trusted not in names:
        what = f"{choice.rule} holds updates against those of a party that all trust"
        do = f"write trusted, the name of a party: {', '.join(names[:8])}"
        yield Fault("defence", f"{what}, and {_named(choice.trusted)}", do)
    if choice.trusted and not rule.trusted:
        yield Fault("defence", f"trusted means nothing to {choice.rule}", "remove trusted")
    if choice.before != "none" and (choice.rule == "mean" or rule.remembers):
        what = f"{choice.rule} takes updates as they are, and before is {choice.before}"
        yield Fault("defence", what, "remove before, or write geometric_median as rule")


def _named(name: str) -> str:
    return f'"{name}" is none of the parties' if name else "none is named"


def _validation_faults(charter: Charter) -> Iterator[Fault]:
    wanted = [table for table, on in (("gate", charter.gate.every), ("reward", _measured(charter))) if on]
    if wanted and not charter.validation.share:
        what = f"[{wanted[0]}] needs assets that nobody trains on, and parties keep none back"
        yield Fault("validation", what, "write share = 0.2")
    if charter.validation.share and not wanted:
        what = "share keeps assets out of training that nothing uses"
        yield Fault("validation", what, "remove it, or write every = 10 in [gate]")


def _measured(charter: Charter) -> bool:
    return charter.reward.measure != "none"


def _gate_faults(charter: Charter, senders: Sequence[str]) -> Iterator[Fault]:
    gate = charter.gate
    if not gate.every:
        for key in ("quorum", "tolerance"):
            if getattr(gate, key) != getattr(Gate(), key):
                yield Fault(
                    "gate", f"{key} means nothing where nobody votes", f"remove {key}, or write every"
                )
        return
    if not senders:
        yield Fault("gate", "there is no model to vote on: parties exchange nothing", "remove [gate]")
    for name in senders:
        if name in (*BROUGHT, "trees"):
            what = f"the gate goes back to an earlier model, which {name} cannot"
            yield Fault("gate", what, f"leave {name} out, or remove [gate]")
    if gate.quorum is not None and gate.quorum > charter.parties:
        what = f"quorum is {gate.quorum} and there are {charter.parties} parties"
        yield Fault("gate", what, f"write {charter.parties} or fewer")


def _credit_faults(charter: Charter) -> Iterator[Fault]:
    for service, price in charter.credits.prices:
        if not service or price < 1:
            what = f'the price of "{service}" is {price}'
            yield Fault("credits", what, "name a service, and write a whole number of at least 1")


def _reward_faults(charter: Charter, senders: Sequence[str]) -> Iterator[Fault]:
    reward = charter.reward
    if reward.measure == "none":
        for key in ("every", "credits", "pays"):
            if getattr(reward, key) != getattr(Reward(), key):
                yield Fault("reward", f"{key} means nothing without a measure", f"remove {key}")
        return
    yield from _method_faults(charter, "reward", "the reward", senders)
    if charter.secrecy in ("masked", "encrypted"):
        what = f'under secrecy "{charter.secrecy}" nothing is known of a single party, and nothing to pay by'
        ways = [f'{_SHARED}, with measure = "gradient"'] if PRODUCED.issuperset(senders) else []
        yield Fault("reward", what, "; or ".join([*ways, _OPEN]))
        return
    yield from _part_faults(charter)
    if charter.secrecy == "shared":
        yield from _unseen_faults("reward", senders)
    if charter.secrecy == "shared" and reward.measure == "shapley":
        what = 'shapley needs models without a party, and under secrecy "shared" no such sum is opened'
        yield Fault("reward", what, f'write measure = "gradient", or {_OPEN}')
    elif charter.secrecy == "shared":
        yield from _product_faults(charter)


def _part_faults(charter: Charter) -> Iterator[Fault]:
    rule = charter.defence.rule
    if rule != "none" and DEFENCES[rule].needs == "updates":
        what = f"{rule} works number by number, so that no party has a part of the step to be paid for"
        yield Fault("reward", what, "write geometric_median as rule, or remove [reward]")


def _product_faults(charter: Charter) -> Iterator[Fault]:
    if 2 * charter.parties > MOST_SUMMED:
        what = f"each party is a validator too, and {MOST_SUMMED} at most are in a sum"
        yield Fault("reward", what, f"let {MOST_SUMMED // 2} parties join at most, or {_OPEN}")
