"""Random acts on a credits ledger by a process that is killed, and a plain model of what must then be there.

Act number N follows from the seed and N alone: whoever comes after a crash knows what was done from the last
entry's name, and adds acts before it again to see that they have no second effect. A process kills itself
inside a statement of SQLite, at any step of its machine, or is killed by its parent at any time.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import subprocess
import sys
import time
from dataclasses import astuple, dataclass, field, replace
from pathlib import Path

import numpy as np

from hansa.core.credit_acts import Act, Agree, Earn, Expire, Issue, Spend, Transfer
from hansa.core.credits import ISSUED, NEVER, POOL, Slip, Terms
from hansa.core.errors import LedgerError
from hansa.registry.ledger import Ledger

PARTIES = tuple(f"p{number}" for number in range(8))
PRICES = (("audit", 19), ("scoring", 3))
KINDS = ("issue", "earn", "spend", "transfer", "expire")
_OFTEN = (0.04, 0.2, 0.4, 0.34, 0.02)
_ROOT = Path(__file__).resolve().parents[1]
_START = 1000  # seconds: the time of the first act; each is a second after the one before


class Acts:
    """The acts of one seed, by number."""

    def __init__(self, seed: int, count: int) -> None:
        """Draw all choices at once; count: of acts."""
        rng = np.random.default_rng(seed)
        self._kinds = rng.choice(len(KINDS), count, p=_OFTEN)  # (acts,)
        self._choices = rng.integers(1, 64, (count, 4))  # (acts, 4)

    def __len__(self) -> int:
        return len(self._kinds)

    def __getitem__(self, number: int) -> tuple[Slip, Act]:
        slip = Slip(f"act {number}", _START + number, number, "digest")
        first, second, amount, term = self._choices[number].tolist()
        party, other = PARTIES[first % 8], PARTIES[second % 8]
        kind = KINDS[self._kinds[number]]
        if number == 0:
            return slip, Agree(Terms(PARTIES, PRICES))
        if kind == "issue":
            return slip, Issue(40 * amount)
        if kind == "earn":
            shares = {party: amount, other: term}
            return slip, Earn(tuple(sorted(shares.items())), 8 * term if term < 60 else None)
        if kind == "spend":
            return slip, Spend(party, PRICES[second % 2][0])
        return slip, Transfer(party, other, amount) if kind == "transfer" else Expire()


@dataclass(slots=True)
class Model:
    """What the ledger must hold: plain sums by account and time of expiry, and no more."""

    held: dict[tuple[str, int], int] = field(default_factory=dict)
    entries: int = 0
    next: int = 0  # number of the first act that was not done yet

    def do(self, slip: Slip, act: Act) -> None:
        """Do the next act, or nothing where it cannot be done."""
        self.next += 1
        moves = self._moves(act, slip.time)
        if moves is None:
            return
        self.entries += 1
        for lot, amount in moves:
            self.held[lot] = self.held.get(lot, 0) + amount
            if not self.held[lot]:
                del self.held[lot]

    def _moves(self, act: Act, now: int) -> list[tuple[tuple[str, int], int]] | None:
        if isinstance(act, Agree):
            return []
        if isinstance(act, Issue):
            return [((ISSUED, NEVER), -act.amount), ((POOL, NEVER), act.amount)]
        if isinstance(act, Expire):
            over = [(lot, amount) for lot, amount in self.held.items() if lot[1] <= now]
            back = [((POOL, NEVER), amount) for _, amount in over]
            return [(lot, -amount) for lot, amount in over] + back if over else None
        if isinstance(act, Earn):
            until = NEVER if act.term_s is None else now + act.term_s
            gains = [((f"party/{name}", until), share) for name, share in act.shares]
            return self._paid(POOL, sum(share for _, share in gains), now, gains)
        if isinstance(act, Spend):
            price = dict(PRICES)[act.service]
            return self._paid(f"party/{act.party}", price, now, [((f"service/{act.service}", NEVER), price)])
        paid = self._paid(f"party/{act.payer}", act.amount, now, [])
        if paid is None or act.payer == act.payee:
            return None
        return paid + [((f"party/{act.payee}", until), -amount) for (_, until), amount in paid]

    def _paid(
        self, payer: str, amount: int, now: int, gains: list[tuple[tuple[str, int], int]]
    ) -> list[tuple[tuple[str, int], int]] | None:
        """Return the payer's losses, the earliest to expire first, with others' gains; None: too little."""
        moves = []
        for lot in sorted(lot for lot in self.held if lot[0] == payer and lot[1] > now):
            take = min(amount, self.held[lot])
            moves.append((lot, -take))
            amount -= take
            if not amount:
                return moves + gains
        return None


@dataclass(slots=True)
class Found:
    """How often the ledger was not as it must be, over all looks at it."""

    crashes: int = 0
    unbalanced: int = 0  # holdings that do not add up to 0
    negative: int = 0  # accounts below 0
    other: int = 0  # lots, or counts of entries, that are not the model's


def compare(ledger: Ledger, acts: Acts, model: Model, found: Found) -> None:
    """Bring the model to the ledger's last act and count what differs."""
    held = {
        (account, until): amount
        for account, lots in ledger.tables.holdings().items()
        for until, amount in lots.items()
    }
    number = _last(ledger) if ledger.tables.head().number else -1
    while model.next <= number:
        model.do(*acts[model.next])
    found.unbalanced += sum(held.values()) != 0
    found.negative += sum(amount < 0 for (account, _), amount in held.items() if account != ISSUED)
    found.other += sum(held.get(lot) != model.held.get(lot) for lot in held.keys() | model.held.keys())
    found.other += ledger.tables.head().number != model.entries


def _last(ledger: Ledger) -> int:
    sql = "SELECT act FROM entries ORDER BY number DESC LIMIT 1"
    return int(ledger.tables.connection.execute(sql).fetchone()[0].split()[1])


@dataclass(frozen=True, slots=True)
class Stretch:
    """What one process is to do."""

    seed: int
    count: int  # of acts that are drawn
    begin: int  # the first act to add
    end: int  # the first that is not to be added
    batches: int  # commits, after which it kills itself
    steps: int  # of SQLite's machine, after which it does so then


def work(ledger: Ledger, acts: Acts, begin: int, end: int) -> int:
    """Add up to some hundred acts with one commit, and return the number of the next act.

    How many follows from the first one's number.
    """
    behind = min(end, begin + 1 + begin * begin % 199)
    with ledger.together():
        for number in range(begin, behind):
            with contextlib.suppress(LedgerError):  # too little is held, or it is an old act that was refused
                ledger.enter(*acts[number])
    return behind


def crashed(path: Path, whole: Stretch, rng: np.random.Generator) -> tuple[Model, Found]:
    """Return the model and what differed from it after each of many crashes, until all acts are done.

    whole: `batches` and `steps` are the most of one process, drawn anew for each. Half of the processes are
    killed within a statement, half by the clock; each begins some acts before the one that was lost.
    """
    acts, model, found = Acts(whole.seed, whole.count), Model(), Found()
    killed = True
    while killed:
        begin = max(0, model.next - int(rng.integers(0, 20)))
        batches, steps = int(rng.integers(0, whole.batches)), int(rng.integers(1, whole.steps))
        late_s = None if rng.random() < 0.5 else float(rng.uniform(0, whole.batches / 100))
        killed = _killed(path, replace(whole, begin=begin, batches=batches, steps=steps), late_s)
        found.crashes += killed
        with Ledger(path, new=True) as ledger:
            compare(ledger, acts, model, found)
    return model, found


def _killed(path: Path, stretch: Stretch, late_s: float | None) -> bool:
    """Return whether a process was killed before its work was done; late_s: by the clock, after it began."""
    words = [str(path.resolve()), *map(str, astuple(stretch))]
    command = [sys.executable, "-m", "benchmarks.ledger_crashes", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=_ROOT) as child:  # noqa: S603 - this program
        assert child.stdout is not None
        child.stdout.readline()
        if late_s is not None:
            time.sleep(late_s)
            child.kill()
        status = child.wait()
    if status not in (0, -signal.SIGKILL):
        raise RuntimeError(f"a process ended with {status}")
    return status != 0


def main() -> None:
    """Do one stretch: LEDGER and the numbers of a `Stretch`."""
    stretch = Stretch(*map(int, sys.argv[2:]))
    acts, number = Acts(stretch.seed, stretch.count), stretch.begin
    print("ready", flush=True)
    with Ledger(Path(sys.argv[1]), new=True) as ledger:
        left = stretch.batches
        while number < stretch.end:
            if not left:
                _kill_at(ledger, stretch.steps)
            left -= 1
            number = work(ledger, acts, number, stretch.end)


def _kill_at(ledger: Ledger, steps: int) -> None:
    """Have this process kill itself after some steps of SQLite's machine."""
    left = itertools.count(steps, -1)

    def step() -> int:
        if not next(left):
            os.kill(os.getpid(), signal.SIGKILL)
        return 0

    ledger.tables.connection.set_progress_handler(step, 1)


if __name__ == "__main__":
    main()
