"""Every decoder of what others send or a disk kept: a table of name, decoder and valid seeds.

A decoder is given bytes. Either it refuses them by one of our errors, which names who sent them, or it takes
them, and what it took says the same bytes again. Anything else is a fault. To add one, write a function that
returns `Decoder`s and name it in `TABLE`: the property tests and `make fuzz` both read that.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from hansa.core import codec
from hansa.core.errors import HansaError
from hansa.crypto import sealing
from hansa.crypto.signing import KEY_BYTES, SIGNATURE_BYTES, SigningKey
from hansa.protection import masked_messages as messages
from hansa.protection.amendment import amendment, read_amendment, with_party
from hansa.protection.enrolment import COORDINATOR, channels
from hansa.protection.invitation import Invitation, armoured, read_invitation
from hansa.protection.masked_coordinator import MaskedSum
from hansa.protection.masked_messages import Opening
from hansa.protection.membership import approved, read_approval, read_membership
from hansa.protection.occasion import past_of
from hansa.simulation.masked_sums import STEPS
from hansa.transport import envelope
from hansa.transport.envelope import ANSWER, Head
from tests.fuzz.sums import encrypted_decoders, shared_decoders
from tests.fuzz.world import PARTIES, SENDER, VICTIM, answer, take, world
from tests.protection import members

_KEY = bytes(range(KEY_BYTES))
_PAST = "what this party remembers of its sums"


def fixed(count: int) -> bytes:
    """Return bytes that stand for secure ones, so that what crashed once crashes again."""
    return bytes(count)


@dataclass(frozen=True)
class Decoder:
    """One way in."""

    name: str
    seeds: tuple[bytes, ...]  # what it takes
    said: Callable[[bytes], bytes]  # takes the bytes and returns them as written from what was understood
    senders: frozenset[str] = frozenset({SENDER})  # who may be named when it refuses
    loud: bool = False  # it is below the doors: it refuses by ValueError and names nobody


def check(decoder: Decoder, data: bytes) -> bool:
    """Return whether a decoder takes the bytes; raises where it does anything but take or refuse them."""
    try:
        said = decoder.said(data)
    except HansaError as fault:
        assert fault.where in decoder.senders, f"{decoder.name} names {fault.where!r}"
        return False
    except ValueError:
        if decoder.loud:
            return False
        raise
    assert said == data, f"{decoder.name} took what nobody would have written"
    return True


@cache
def table() -> dict[str, Decoder]:
    """Return every decoder by its name."""
    return {one.name: one for made in TABLE for one in made()}


# --- below the doors ------------------------------------------------------------------------------------


def _codec() -> Iterator[Decoder]:
    seeds = ([1, -1, 2**70, b"b", "s", None, True, 1.5], {"a": {"b": [np.arange(6.0).reshape(2, 3)]}})
    encoded = tuple(codec.encode(seed) for seed in seeds)
    yield Decoder("codec.decode", encoded, lambda data: codec.encode(codec.decode(data)), loud=True)


def _sealing() -> Iterator[Decoder]:
    about = b"about"
    seed = sealing.seal(_KEY, b"message", about, fixed)

    def said(data: bytes) -> bytes:
        plain = sealing.opened(_KEY, data, about, SENDER)
        return sealing.seal(_KEY, plain, about, lambda count: data[:count])

    yield Decoder("sealing.opened", (seed,), said)


def _envelope() -> Iterator[Decoder]:
    key = SigningKey(_KEY)
    head = Head("a1", "7", SENDER, "coordinator", ANSWER, 4, envelope.digest_of(b"body"))
    far = replace(head, place="b1" * 8, key=_KEY)

    def said(data: bytes) -> bytes:
        letter = envelope.opened(data, {SENDER: key.public}.get, "a1", "coordinator")
        return envelope.signed(letter.head, letter.body, key)

    seeds = (envelope.signed(head, b"body", key), envelope.signed(far, b"", key))
    yield Decoder("envelope.opened", seeds, said, frozenset({SENDER, ""}))


def _past() -> Iterator[Decoder]:
    seeds = ([[-1, -1], {}], [[3, 1], {"counts": [["p0", "p1"]], "range": [["p2"], ["p0", "p1"]]}])

    def said(data: bytes) -> bytes:
        try:
            value = codec.decode(data)
        except ValueError:
            value = data  # of the wrong form as well
        return codec.encode(past_of(value).value())

    yield Decoder("past_of", tuple(codec.encode(seed) for seed in seeds), said, frozenset({_PAST}))


# --- messages, before anybody asks whether they are true ------------------------------------------------


def _readers() -> Iterator[Decoder]:
    share = bytes(2 * KEY_BYTES + sealing.SEAL_BYTES)
    opening = Opening(_KEY, _KEY, (_KEY,) * PARTIES)
    keys = messages.keys_message(opening, [share, share, share])
    relay = messages.relay_message({0: opening, 2: opening}, {0: share, 2: share})
    yield Decoder(
        "read_keys", (keys,), lambda data: messages.keys_message(*messages.read_keys(data, PARTIES, SENDER))
    )
    yield Decoder(
        "read_relay",
        (relay,),
        lambda data: messages.relay_message(*messages.read_relay(data, PARTIES, SENDER)),
    )
    yield Decoder(
        "read_places",
        (messages.places_message([0, 1, 2]), messages.places_message([])),
        lambda data: messages.places_message(messages.read_places(data, PARTIES, SENDER)),
    )
    yield _by_place(KEY_BYTES)
    vouchers = dict.fromkeys(range(PARTIES), bytes(KEY_BYTES))
    yield Decoder(
        "read_agreed",
        (messages.agreed_message(bytes(SIGNATURE_BYTES), vouchers),),
        lambda data: messages.agreed_message(*messages.read_agreed(data, PARTIES, SENDER)),
    )


def _by_place(size: int) -> Decoder:
    seed = messages.by_place_message(dict.fromkeys(range(PARTIES), bytes(size)))
    return Decoder(
        f"read_by_place of {size} bytes",
        (seed,),
        lambda data: messages.by_place_message(messages.read_by_place(data, PARTIES, size, SENDER)),
    )


# --- adverts: anybody may send one, and an enrolled party may sign anything as its key ------------------


def _adverts() -> Iterator[Decoder]:
    nodes = world().nodes
    own = nodes.credentials
    adverts = {name: one.advert(nodes.roster) for name, one in own.items()}

    def said(data: bytes) -> bytes:
        channels(own[VICTIM], nodes.roster, adverts | {SENDER: data}, fixed)
        return adverts[SENDER]  # any other one is forged

    def signed(data: bytes) -> bytes:
        signature = own[SENDER].signing.sign("roster and key", nodes.roster.digest + data)
        channels(own[VICTIM], nodes.roster, adverts | {SENDER: codec.encode([data, signature])}, fixed)
        return data if len(data) == KEY_BYTES else b""

    yield Decoder("advert", (adverts[SENDER],), said)
    yield Decoder("advert, key that its owner signed", (own[SENDER].agreement.public,), signed)


# --- the coordinator: sealed messages, and what an enrolled party seals ---------------------------------


def _coordinator() -> Iterator[Decoder]:
    for step, mark in zip(STEPS, _SAID, strict=True):
        sealed = world().said[step]
        plain = world().nodes.channels[COORDINATOR].opened(SENDER, sealed, world().occasion.digest + mark)
        yield Decoder(f"MaskedSum.take_{step}", (sealed,), _as_sent(_taken(step), sealed))
        yield Decoder(f"MaskedSum.take_{step}, sealed by a party", (plain,), _sealed_by_party(step, mark))


_SAID = (messages.KEYS, messages.TERM, messages.AGREED, messages.REVEALED)
_ASKED = (messages.RELAY, messages.SURVIVORS, messages.PROOFS)


def _as_sent(act: Callable[[bytes], object], only: bytes) -> Callable[[bytes], bytes]:
    """Return what takes one message and no other."""

    def said(data: bytes) -> bytes:
        act(data)
        return only

    return said


def _taken(step: str) -> Callable[[bytes], MaskedSum]:
    """Return what gives the sender's message to a coordinator, and how that is afterwards."""

    def taken(data: bytes) -> MaskedSum:
        coordinator = world().coordinator(step)
        before = _state(coordinator)
        try:
            take(coordinator, step, SENDER, data)
        except HansaError:
            assert _state(coordinator) == before, "a message that was refused left something behind"
            raise
        return coordinator

    return taken


def _sealed_by_party(step: str, mark: bytes) -> Callable[[bytes], bytes]:
    channel, about = replace(world().nodes.channels[SENDER], source=fixed), world().occasion.digest + mark

    def said(data: bytes) -> bytes:
        return _understood(step, _taken(step)(channel.seal(COORDINATOR, data, about)))

    return said


def _understood(step: str, coordinator: MaskedSum) -> bytes:
    """Return the sender's message as the coordinator keeps it."""
    place = world().nodes.roster.places[SENDER]
    if step == "keys":
        return messages.keys_message(coordinator._openings[place], coordinator._sealed[place])
    if step == "masked":
        return (coordinator._total - world().coordinators[step]._total).tobytes()
    if step == "agreed":
        return messages.agreed_message(coordinator._signatures[place], coordinator._vouchers[place])
    return messages.by_place_message({owner: told[place] for owner, told in coordinator._shares.items()})


def _state(coordinator: MaskedSum) -> str:
    fixed_parts = ("_channels", "_occasion", "_roster")
    return repr({name: value for name, value in vars(coordinator).items() if name not in fixed_parts})


# --- a party: the coordinator's sealed questions, what it seals, and what other parties seal ------------


def _party() -> Iterator[Decoder]:
    everybody = frozenset({COORDINATOR, *world().nodes.names})
    for step, mark in zip(STEPS[1:], _ASKED, strict=True):
        sealed = world().asked[step]
        plain = world().nodes.channels[VICTIM].opened(COORDINATOR, sealed, world().occasion.digest + mark)
        name = f"MaskedParty.{step}"
        yield Decoder(name, (sealed,), _as_sent(_answered(step), sealed), frozenset({COORDINATOR}))
        yield Decoder(
            f"{name}, sealed by the coordinator", (plain,), _sealed_by_coordinator(step, mark), everybody
        )
    yield Decoder("MaskedParty.masked, shares of a party", (bytes(2 * KEY_BYTES),), _shares)


def _answered(step: str) -> Callable[[bytes], bytes]:
    """Return what gives the coordinator's question to a party, and what that says."""

    def answered(data: bytes) -> bytes:
        return answer(world().victim(step), step, world().words[VICTIM].copy(), data)

    return answered


def _sealed_by_coordinator(step: str, mark: bytes) -> Callable[[bytes], bytes]:
    channel, about = (
        replace(world().nodes.channels[COORDINATOR], source=fixed),
        world().occasion.digest + mark,
    )

    def said(data: bytes) -> bytes:
        _answered(step)(channel.seal(VICTIM, data, about))
        return data  # a coordinator may say many things that are true

    return said


def _shares(data: bytes) -> bytes:
    """Let a party commit to anything as the shares for the victim, and seal that."""
    about, nodes = world().occasion.digest, world().nodes
    mine, theirs = nodes.roster.places[VICTIM], nodes.roster.places[SENDER]
    relay = nodes.channels[VICTIM].opened(COORDINATOR, world().asked["masked"], about + messages.RELAY)
    openings, sealed = messages.read_relay(relay, PARTIES, COORDINATOR)
    digests = list(openings[theirs].shares)
    digests[mine] = messages.digest_of(data)
    openings[theirs] = replace(openings[theirs], shares=tuple(digests))
    sealed[theirs] = replace(nodes.channels[SENDER], source=fixed).seal(VICTIM, data, about)
    # The coordinator reads it first, and relays what it could read.
    messages.read_keys(messages.keys_message(openings[theirs], [sealed[theirs]] * PARTIES), PARTIES, SENDER)
    _sealed_by_coordinator("masked", messages.RELAY)(messages.relay_message(openings, sealed))
    return data if len(data) == 2 * KEY_BYTES else b""


# --- the messages of the other levels ---------------------------------------------------------------------


def _other_levels() -> Iterator[Decoder]:
    for name, seed, said in (*shared_decoders(), *encrypted_decoders()):
        yield Decoder(name, (seed,), said)


# --- who is a member: a stranger may send any of these ------------------------------------------------------


def _members() -> Iterator[Decoder]:
    mine, boss, fifth = members.first(), members.key(COORDINATOR), members.key("airline-5")
    after = with_party(mine, members.member("airline-5"))
    joins = amendment(mine, after, boss, approved(after, "airline-5", fifth))
    invites = Invitation("A", mine.run, ("tls://a",), "", boss.public, "airline-5", fifth.public, "t", "c")
    invites = replace(invites, servers=(("second-server", bytes(32)), ("third-server", b"k" * 32)))
    sent = base64.b64decode("".join(armoured(invites, boss).splitlines()[1:-1]))
    coordinator = frozenset({COORDINATOR})
    yield Decoder(
        "read_membership",
        (codec.encode(mine.value), codec.encode(after.value)),
        lambda data: codec.encode(read_membership(data, SENDER).value),
    )
    yield Decoder(
        "read_approval",
        (approved(mine, "airline-1", fifth).encoded(),),
        lambda data: read_approval(data, SENDER).encoded(),
    )
    yield Decoder(
        "read_amendment", (joins,), _as_sent(lambda data: read_amendment(mine, data), joins), coordinator
    )
    yield Decoder(
        "read_invitation", (sent,), _as_sent(lambda data: read_invitation(_mailed(data)), sent), coordinator
    )


def _mailed(data: bytes) -> str:
    name = "HANSA INVITATION-----"
    return f"-----BEGIN {name}\n{base64.b64encode(data).decode()}\n-----END {name}\n"


TABLE: tuple[Callable[[], Iterator[Decoder]], ...] = (
    _codec,
    _sealing,
    _envelope,
    _past,
    _readers,
    _adverts,
    _coordinator,
    _party,
    _other_levels,
    _members,
)
