"""A server of a shared sum with products: all learn the products of any two vectors, and one weighted sum.

Beside the steps of `shared_server`: `reveal` opens the coins that were committed to when shares were
presented, so that no coin hangs on another or on the shares. `opened`: each server's part of the products,
under a sum of streams that cancels, and the sketch of its two components, each known to two servers.
`weights`: the coordinator says how much of whom is in the sum, after `choose`; the others refuse a sum of
which one party is more than 1 part in the cohort that the charter asks for. A party whose sketch or square no
honest vector has is thrown out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hansa.core.errors import MessageError
from hansa.crypto.masks import add_streams
from hansa.crypto.signing import KEY_BYTES
from hansa.protection import shared_messages as messages
from hansa.protection.enrolment import COORDINATOR, Channels
from hansa.protection.occasion import Occasion, Past
from hansa.protection.shared_components import SERVERS, Products, Shares, digest_of, pieces
from hansa.protection.shared_form import SharedForm, dominated
from hansa.protection.shared_messages import Result
from hansa.protection.shared_server import SharedServer
from hansa.protection.shared_sketch import FOLDS, LEAST_SIZE, NUMBERS, Fold, passes


@dataclass(frozen=True, slots=True)
class Table:
    """What servers know of a cohort before they weigh it; parties that are thrown out are not in it."""

    names: tuple[str, ...]
    stated: tuple[int, ...]  # the weight that each party stated
    gram: NDArray[np.float64]  # (parties, parties) products, in units of the vectors


class ProductServer(SharedServer):
    """One server in one sum with products."""

    steps = (
        messages.PRESENT, messages.REVEAL, messages.OPENED, messages.WEIGHTS, messages.AGREED, messages.TOTAL,
    )  # fmt: skip

    def __init__(self, channels: Channels, occasion: Occasion, past: Past) -> None:
        """Begin; raises RefusedError where the server has taken part in this sum or a later one."""
        super().__init__(channels, occasion, past)
        assert isinstance(occasion.form, SharedForm)
        self._form = occasion.form
        self._coin = channels.source(KEY_BYTES)  # this server's, then all three's
        self._terms = np.zeros(0, np.uint64)  # (pairs,) this server's part of the products
        self._sketches = np.zeros(0, np.uint64)  # (components, parties, numbers)
        self._gram = np.zeros((0, 0), np.uint64)  # (cohort, cohort)
        self._accepted: tuple[int, ...] = ()  # places of the cohort that are not thrown out
        if occasion.unchanging:
            raise self._aborted("two weighted sums of vectors that never change would tell single ones")
        if occasion.size < LEAST_SIZE:
            raise self._aborted(f"a sketch would tell vectors of {occasion.size} numbers, below {LEAST_SIZE}")

    def keep_coin(self, coin: bytes) -> None:
        """Take this server's coin from who keeps it: started again, the server commits to the same one."""
        assert not self._sent
        assert len(coin) == KEY_BYTES
        self._coin = coin

    def table(self) -> Table:
        """Return what the coordinator may weigh by; ends the step `opened`."""
        self.end_step()
        inside = [self.cohort.index(place) for place in self._accepted]
        gram = self._form.decoded_gram(self._gram[np.ix_(inside, inside)])  # (parties, parties)
        names = tuple(self._channels.roster.names[place] for place in self._accepted)
        return Table(names, tuple(self._stated(place) for place in self._accepted), gram)

    def choose(self, weights: Mapping[str, int]) -> None:
        """Take the coordinator's weights of parties by name: what it proposes to the others."""
        places = self._channels.roster.places
        self.weights = dict.fromkeys(self.cohort, 0) | {places[name]: one for name, one in weights.items()}

    def _compose(self, step: str) -> dict[str, bytes]:
        if step == messages.REVEAL:
            return self._to_both(messages.parts_message([self._coin, self._record]))
        if step == messages.OPENED:
            self._multiply()
            parts = [self._terms.tobytes(), *(one.tobytes() for one in self._sketches)]
            return self._to_both(messages.parts_message(parts))
        if step == messages.WEIGHTS:
            at_work = self._channels.name == COORDINATOR
            return self._to_both(messages.weights_message(self.weights)) if at_work else {}
        return super()._compose(step)

    def _finish(self, step: str, arrived: Mapping[str, bytes]) -> None:
        if step == messages.REVEAL:
            self._toss(arrived)
        elif step == messages.OPENED:
            self._add_products(arrived)
        elif step == messages.WEIGHTS:
            self._check_weights(arrived)
        else:
            super()._finish(step, arrived)

    def _result(self, place: int, total: bytes) -> Result:
        row = self._gram[self.cohort.index(place)]  # (cohort,)
        factors = np.array([self.weights[one] for one in self.cohort], np.uint64)  # (cohort,)
        square = row[self.cohort.index(place)]
        return Result(total, self.weights, int(square), int(np.dot(factors, row)))

    def _commitment(self) -> bytes:
        return digest_of(self._coin)

    def _senders(self, step: str) -> tuple[str, ...]:
        if step == messages.WEIGHTS:
            return tuple({COORDINATOR} - {self._channels.name})
        return super()._senders(step)

    def _check_weight(self, weight: int, name: str) -> None:
        del weight, name  # any that the message can hold

    def _stated(self, place: int) -> int:
        statement, _ = self._own[place]
        return statement.weight

    def _toss(self, arrived: Mapping[str, bytes]) -> None:
        """Find the common coin, which is uniform if one server's is."""
        coins = {self._channels.name: self._coin}
        for server, plain in arrived.items():
            coins[server], record = messages.read_parts(plain, [KEY_BYTES, KEY_BYTES], server)
            if digest_of(coins[server]) != self._presented[server].commitment:
                raise self._aborted(f"the coin of {server} is not the one that it committed to")
            if record != self._record:
                raise self._aborted(
                    f"{server} knows another cohort: one of the three servers told two different ones"
                )
        self._note([coins[server] for server in self.names])
        self._coin = self._record

    def _multiply(self) -> None:
        """Find this server's part of the products, and its two components' sketch, in one pass."""
        parties, size, about = len(self.cohort), self._occasion.size, self._occasion.digest
        products, fold = Products(parties), Fold(parties, 2, size, self._coin)
        held = (pieces((self.place + by) % SERVERS, self._held(by), about, size) for by in range(2))
        for own, following in zip(*held, strict=True):
            products.add(own, following)
            fold.add((own, following))
        self._terms, self._sketches = products.terms(), fold.numbers()  # (pairs,)
        streams = [
            self._channels.common(other, b"zero", about, self._coin)
            for other in (self.following, self.previous)
        ]
        add_streams(self._terms, streams[:1], streams[1:])  # all three servers' streams add up to 0

    def _add_products(self, arrived: Mapping[str, bytes]) -> None:
        """Find the products and who is thrown out."""
        parties = len(self.cohort)
        shape, pairs = (parties, FOLDS * NUMBERS), parties * (parties + 1) // 2
        sizes = [8 * pairs, 8 * parties * FOLDS * NUMBERS, 8 * parties * FOLDS * NUMBERS]
        told = {server: messages.read_parts(plain, sizes, server) for server, plain in arrived.items()}
        terms = self._terms.copy()  # (pairs,)
        for parts in told.values():
            terms += np.frombuffer(parts[0], np.uint64)
        lacking = self._same_sketches(told)
        sketch = self._sketches.sum(axis=0, dtype=np.uint64) + lacking.reshape(shape)  # (cohort, numbers)
        self._gram = np.zeros((parties, parties), np.uint64)
        self._gram[np.triu_indices(parties)] = terms
        self._gram |= np.triu(self._gram, 1).T
        self._throw_out(sketch)
        self._note([terms.tobytes(), sketch.tobytes()])

    def _same_sketches(self, told: Mapping[str, tuple[bytes, ...]]) -> Shares:
        """Return the sketch of the component that this server lacks, if both others tell the same."""
        _, lacking, own_first = told[self.previous]  # components k - 1 and k
        _, own_second, lacking_too = told[self.following]  # components k + 1 and k + 2
        if own_first != self._sketches[0].tobytes():
            raise self._aborted(f"the sketches of {self.previous} and this server differ: one of them cheats")
        if own_second != self._sketches[1].tobytes():
            raise self._aborted(
                f"the sketches of {self.following} and this server differ: one of them cheats"
            )
        if lacking != lacking_too:
            raise self._aborted(
                f"the sketches of {self.previous} and {self.following} differ: one of them cheats"
            )
        return np.frombuffer(lacking, np.uint64)

    def _throw_out(self, sketch: Shares) -> None:
        """Keep who has a sketch and a square that an honest vector has."""
        longest = self._form.longest(self._occasion.size)
        squares = np.diagonal(self._gram)  # (cohort,)
        good = passes(sketch, longest) & (squares <= np.uint64(longest * longest))  # (cohort,)
        for place, fine in zip(self.cohort, good, strict=True):
            if not fine:
                self.faults.append(
                    MessageError(
                        f"its vector is longer than {self._form.norm:g}, or its square wraps",
                        do="leave it out of the task",
                        where=self._channels.roster.names[place],
                    )
                )
        self._accepted = tuple(place for place, fine in zip(self.cohort, good, strict=True) if fine)
        self._enough(len(self._accepted), "have a vector that may be summed")

    def _check_weights(self, arrived: Mapping[str, bytes]) -> None:
        """Take the coordinator's weights; raises AbortedError where the sum would tell of one party."""
        for server, plain in arrived.items():
            if server == COORDINATOR:
                self.weights = messages.read_weights(plain, len(self._channels.roster.parties), server)
        if set(self.weights) != set(self.cohort):
            raise self._aborted("the coordinator's weights are of another cohort")
        if any(self.weights[place] for place in set(self.cohort) - set(self._accepted)):
            raise self._aborted("the coordinator gives weight to a party that is thrown out")
        if dominated(self.weights.values(), self._occasion.cohort):
            raise self._aborted(
                f"in the coordinator's sum one party is more than 1 part in {self._occasion.cohort}"
            )
        self._note([messages.weights_message(self.weights)])
