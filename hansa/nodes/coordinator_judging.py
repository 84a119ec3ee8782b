"""What a coordinator whose parties are elsewhere judges: the rule's rounds, what each brought, and votes.

It is kept with each round: a coordinator that is killed goes on to the same verdicts, votes and credits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import equinox as eqx
import numpy as np
from numpy.typing import NDArray

from hansa.algorithms.contract import Algorithm
from hansa.core import codec
from hansa.core.charter import Charter
from hansa.core.errors import CharterError, DataError, MessageError
from hansa.core.framing import frame
from hansa.core.messages import Ask, Terms
from hansa.judging.gate import Vote, quorum, vote
from hansa.judging.validators import marked_by_others, without_outsize
from hansa.nodes.asking import Asking, as_map
from hansa.nodes.gathering import questions_of
from hansa.nodes.schedule import ADOPT, MARK, VERDICTS, VOTE, votes_after
from hansa.protection import packing
from hansa.runtime.earnings import MARKERS, Earnings
from hansa.runtime.judged import JudgedRounds
from hansa.runtime.judged_value import judged_value, value_of
from hansa.runtime.remembered import Known
from hansa.transport.seam import LARGEST_BODY

Floats = NDArray[np.float64]
Laid = Callable[[Any], bytes]
_NOW, _ADOPTED, _ROUND = "judged", "adopted", "judged in round "  # the names of what is kept


class CoordinatorJudging:
    """All that is judged in one run; nothing where its charter asks for none."""

    def __init__(self, charter: Charter, asking: Asking) -> None:
        """Take the charter, and who asks."""
        name = charter.algorithm.name
        self._charter, self._asking = charter, asking
        self._names = [party.name for party in charter.roster]
        self.rounds = JudgedRounds(charter, name) if charter.judges else None
        self._earnings = Earnings(charter, name) if charter.reward.measure != "none" else None
        self._votes: list[Vote] | None = [] if charter.gate.every else None
        self._adopted: Any = None  # the coordinator's state of the last vote that was won
        self._known = Known()  # how much of what is remembered is kept
        self._last = -1  # the last round of which that is

    def check_kept_back(self, able: int) -> None:
        """Raise DataError where too few parties keep a row with a known label; able: how many do."""
        measured = self._earnings is not None and not self._earnings.unmeasured
        needed = {"gate": quorum(self._charter) if self._votes is not None else 0}
        needed |= {"reward": MARKERS if measured else 0}
        for table, least in needed.items():
            if able < least:
                raise DataError(
                    f"[{table}] needs {least} parties that keep back a row with a known label, and {able} do",
                    do=f"write a larger share in [validation], or remove [{table}]",
                    where=self._charter.name,
                )

    def check_size(self, term: Terms) -> None:
        """Raise CharterError where what a reward shows its members is too large; term: like a party's."""
        size = 4 * len(self._names) * packing.size(term)  # bytes, of float32
        if self._earnings is not None and size > LARGEST_BODY:
            raise CharterError(
                f"each member would be shown {size >> 20} MB a round, and {LARGEST_BODY >> 20} are carried",
                do="write a smaller network in [model], or remove [reward]",
                where=f"{self._charter.name} [reward]",
            )

    # --- round by round ----------------------------------------------------------------------------------

    def open(self, algorithm: Algorithm, state: Any) -> None:
        """Let parties test what there is before anybody has trained; it is adopted."""
        if self._votes is None:
            return
        self._voted(algorithm.ask(state))
        self._adopted = state

    def passed(self, algorithm: Algorithm, round_: int, state: Any) -> Any:
        """Return the state to go on from after a round."""
        if self._earnings is not None and self._earnings.due(round_):
            self._measure(round_)
        if self._votes is None or not votes_after(self._charter, round_):
            return state
        found = vote(self._charter, round_, self._voted(algorithm.ask(state)))
        self._votes.append(found)
        told = codec.encode({"promoted": found.promoted})
        self._told(ADOPT, dict.fromkeys(self._asking.names, told), "")
        if found.promoted:
            self._adopted = state
            return state
        self._forget()
        return eqx.tree_at(lambda one: one.round, self._adopted, state.round)  # the next round is a new one

    def _forget(self) -> None:
        """Let rounds since the last adopted model count for nothing; what they sent may be sent again."""
        assert self._votes is not None
        adopted = max((one.round for one in self._votes if one.promoted), default=0)
        if self._earnings is not None:
            self._earnings.take_back(adopted)
        if self.rounds is not None:
            self.rounds.memory.seen.clear()

    def _voted(self, ask: Ask) -> dict[str, bool]:
        """Return how each party votes; who has nothing to test on, or says what is no vote, abstains."""
        asked = questions_of(self._asking.names, ask)
        questions = {name: codec.encode({"ask": one}) for name, one in asked.items()}
        found = self._told(VOTE, questions, "aye")
        return {name: one for name, one in found.items() if type(one) is bool}

    def _measure(self, round_: int) -> None:
        """Take note of what each party brought to a round, by the others' marks."""
        assert self.rounds is not None
        assert self._earnings is not None
        weighed = self.rounds.weighed
        if weighed is None or not weighed.weights.any():
            self._told(MARK, dict.fromkeys(self._asking.names, codec.encode({"terms": None})), "marks")
            self._earnings.note(round_, [], np.zeros(0))
            return
        names = weighed.names
        question = codec.encode({"ask": frame(weighed.ask), "terms": weighed.terms()})
        told = self._told(MARK, dict.fromkeys(self._asking.names, question), "marks")
        marks = without_outsize({name: one for name, one in told.items() if _is_marks(one, len(names))})
        brought = np.zeros(len(names))
        if len(marks) >= MARKERS:
            owners = [names.index(one) if one in names else None for one in marks]
            brought = marked_by_others(np.stack(list(marks.values())), owners)
        self._earnings.note(round_, names, brought)

    def _told(self, kind: str, questions: Mapping[str, bytes], name: str) -> dict[str, Any]:
        """Take a step; return what each party's answer has under a name, and nothing of what is none."""
        wrong: dict[str, MessageError] = {}
        found: dict[str, Any] = {}
        answers = []
        for party, body in self._asking.ask(kind, questions, all_of_them=False, wrong=wrong):
            answers.append(party)
            try:
                found[party] = as_map(body, party, kind).get(name)
            except MessageError:
                continue
        self._asking.settle([party for party in questions if party in answers or party in wrong])
        return found

    # --- what is found -----------------------------------------------------------------------------------

    def found(self) -> dict[str, Any]:
        """Return what was judged, as a simulation's result has it; empty where nothing was."""
        return judged_value(self._names, self.rounds, self._earnings, self._votes)

    def tell(self) -> None:
        """Tell each party what was found of it."""
        found = self.found()
        if found:
            own = {name: codec.encode(value_of(found, name)) for name in self._asking.names}
            self._told(VERDICTS, own, "")

    # --- what is kept ------------------------------------------------------------------------------------

    def states(self, round_: int, laid: Laid) -> dict[str, bytes]:
        """Return what is to be kept with a round; laid: the bytes of a coordinator's state."""
        kept: dict[str, bytes] = {}
        now: dict[str, Any] = {}
        if self.rounds is not None:
            memory = self.rounds.memory
            if round_ != self._last:  # a round is kept again where members' keys have changed after it
                kept[f"{_ROUND}{round_}"] = codec.encode(memory.since(self._known))
                self._known, self._last = memory.known(), round_
            now |= {"older": memory.older, "summed": dict(memory.summed)}
        if self._earnings is not None:
            now["earned"] = self._earnings.snapshot()[1]
        if self._votes is not None:
            now["votes"] = [one.value() for one in self._votes]
            kept[_ADOPTED] = laid(self._adopted)
        return kept | ({_NOW: codec.encode(now)} if now else {})

    def restore(
        self, round_: int, state: Callable[[str], bytes | None], opened: Callable[[bytes | None], Any]
    ) -> None:
        """Go on from what is kept; opened: a coordinator's state of its bytes.

        Raises ValueError, KeyError or TypeError for what cannot be read.
        """
        if self.rounds is None and self._votes is None:
            return
        now = codec.decode(state(_NOW) or b"")
        if self.rounds is not None:
            memory = self.rounds.memory
            for number in range(round_ + 1):
                memory.add(codec.decode(state(f"{_ROUND}{number}") or b""))
            memory.older, memory.summed = now["older"], dict(now["summed"])
            self._known, self._last = memory.known(), round_
        if self._earnings is not None:
            self._earnings.restore({}, now["earned"])
        if self._votes is not None:
            self._votes = [Vote.of(one) for one in now["votes"]]
            self._adopted = opened(state(_ADOPTED))


def _is_marks(value: Any, parties: int) -> bool:
    """Return whether an answer values so many parties."""
    marked = isinstance(value, np.ndarray) and value.dtype == np.float64 and value.shape == (parties,)
    return marked and bool(np.isfinite(value).all())
