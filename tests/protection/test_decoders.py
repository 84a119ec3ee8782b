"""Garbage is refused, by an error that names who sent it, and never crashes a node or stays in it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.secure_sums import enrolled
from hansa.core import codec
from hansa.core.errors import FolderError, MessageError
from hansa.crypto.signing import KEY_BYTES
from hansa.protection import masked_messages as messages
from hansa.protection.enrolment import channels
from hansa.protection.masked_messages import Opening
from hansa.protection.occasion import past_of
from tests.fuzz.decoders import Decoder, check, fixed, table
from tests.fuzz.mutations import changed_bytes, changed_values

REPOSITORY = Path(__file__).parents[2]

each_decoder = pytest.mark.parametrize("decoder", table().values(), ids=list(table()))
few = settings(max_examples=20)


def _is_value(decoder: Decoder) -> bool:
    try:
        codec.decode(decoder.seeds[0])
    except ValueError:
        return False
    return True


@each_decoder
def test_what_honest_nodes_send_is_taken(decoder: Decoder) -> None:
    assert all(check(decoder, seed) for seed in decoder.seeds)


@each_decoder
@few
@given(data=st.binary(max_size=200))
def test_any_bytes_are_refused_or_mean_themselves(decoder: Decoder, data: bytes) -> None:
    check(decoder, data)


@each_decoder
@few
@given(draw=st.data())
def test_a_message_with_other_bytes_is_refused_or_means_itself(decoder: Decoder, draw: st.DataObject) -> None:
    check(decoder, draw.draw(changed_bytes(draw.draw(st.sampled_from(decoder.seeds)))))


@pytest.mark.parametrize(
    "decoder", [pytest.param(one, id=name) for name, one in table().items() if _is_value(one)]
)
@settings(max_examples=40)
@given(draw=st.data())
def test_a_message_with_other_values_is_refused_or_means_itself(
    decoder: Decoder, draw: st.DataObject
) -> None:
    check(decoder, draw.draw(changed_values(draw.draw(st.sampled_from(decoder.seeds)))))


HOSTILE = {
    "a list of 2 ** 64 values": b"\x9b" + b"\xff" * 8,
    "a list of 2 ** 31 values": b"\x9a\x7f\xff\xff\xff",
    "bytes of a tebibyte": b"\x5b\x00\x00\x01" + bytes(5),
    "a text of a gibibyte": b"\x7a\x40\x00\x00\x00",
    "a map of 2 ** 64 keys": b"\xbb" + b"\xff" * 8,
    "lists without lengths": b"\x9f" * 100_000,
    "lists of lists": b"\x81" * 100_000 + b"\0",
    "maps of maps": b"\xa1" * 100_000,
    "maps as keys of maps": b"\xa1" * 80 + bytes(81),
    "arrays of arrays": b"\xd8\x28" * 100_000,
    "an integer of a megabyte": b"\xc2\x5a\x00\x10\x00\x00" + b"\xff" * 2**20,
    "many empty lists": b"\x9a\x00\x00\xff\xff" + b"\x80" * 65_535,
    "a megabyte": bytes(2**20),
    "what is no number": b"\xf9\x7e\x00",
}


@each_decoder
def test_hostile_messages_are_refused(decoder: Decoder) -> None:
    for what, data in HOSTILE.items():
        taken = check(decoder, data)
        assert not taken or decoder.name == "codec.decode", what  # some are values, though no message


_PEAK = """
import resource
from tests.fuzz.decoders import check, table
others = ("codec.decode", "past_of", "shared", "encrypted")  # files, and messages that carry whole terms
decoders = [one for name, one in table().items() if not name.startswith(others)]
data = b"\\x9a\\x00\\x50\\x00\\x00" + b"\\x80" * (5 * 2**20)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for decoder in decoders:
    assert not check(decoder, data)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the unit of the peak is the system's own")
def test_no_message_takes_much_more_memory_than_its_bytes() -> None:
    """Five mebibytes of empty lists are 400 of memory once they are read: they are not."""
    done = subprocess.run(
        [sys.executable, "-c", _PEAK], cwd=REPOSITORY, capture_output=True, text=True, check=True, timeout=60
    )
    assert int(done.stdout) < 60 * 1024  # KiB; a message is copied as it is sealed and opened


# --- what was found --------------------------------------------------------------------------------------


@pytest.mark.parametrize("signature", [5, None, "signature", [1], {}, np.zeros(64, np.uint8)])
def test_a_signature_that_is_no_bytes_is_garbled_and_named(signature: object) -> None:
    nodes = enrolled(3)
    adverts = {name: one.advert(nodes.roster) for name, one in nodes.credentials.items()}
    key, _ = codec.decode(adverts["p1"])
    forged = adverts | {"p1": codec.encode([key, signature])}
    with pytest.raises(MessageError, match="p1: its key and signature are garbled"):
        channels(nodes.credentials["p0"], nodes.roster, forged, fixed)


@pytest.mark.parametrize(
    "value",
    [None, 5, "past", [], [[1, 2]], [[1, 2], {}, 3], [[1], {}], [[1, True], {}], [[1, -2], {}],
     [["1", 2], {}],
     [(1, 2), {}], [[1, 2], []], [[1, 2], {1: ["a"]}], [[1, 2], {"k": "ab"}], [[1, 2], {"k": [1]}],
     [[1, 2], {"k": []}], [[1, 2], {"k": [["b", "a"]]}], [[1, 2], {"k": [["a", "a"]]}],
     [[1, 2], {"k": [[["a"]]]}], [[1, 2], {"k": ["a", "b"]}]],
)  # fmt: skip
def test_a_memory_that_is_damaged_stops_the_party(value: object) -> None:
    with pytest.raises(FolderError, match="is damaged, so that a sum could be opened twice"):
        past_of(value)


def test_places_that_do_not_rise_are_garbled() -> None:
    with pytest.raises(MessageError, match="p1"):
        messages.read_by_place(b"\x01a\x00b", 3, 1, "p1")


@pytest.mark.parametrize("size", [1, 91, 93, 100_000])
def test_shares_that_are_too_long_are_their_senders_fault_and_reach_nobody(size: int) -> None:
    opening = Opening(bytes(KEY_BYTES), bytes(KEY_BYTES), (bytes(KEY_BYTES),) * 3)
    with pytest.raises(MessageError, match="p1"):
        messages.read_keys(messages.keys_message(opening, [bytes(92), bytes(92), bytes(size)]), 3, "p1")


def test_the_longest_messages_of_the_most_parties_are_read() -> None:
    opening = Opening(bytes(KEY_BYTES), bytes(KEY_BYTES), (bytes(KEY_BYTES),) * 50)
    openings, sealed = dict.fromkeys(range(50), opening), dict.fromkeys(range(50), bytes(92))
    relay = messages.relay_message(openings, sealed)
    assert messages.read_relay(relay, 50, "p") == (openings, sealed)
    keys = messages.keys_message(opening, list(sealed.values()))
    assert messages.read_keys(keys, 50, "p") == (opening, list(sealed.values()))
