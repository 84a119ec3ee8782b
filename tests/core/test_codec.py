"""Property tests of the canonical encoding, and what a hostile frame may and may not do to it."""

import math
from typing import Any

import cbor2
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.testing import assert_array_equal

from hansa.core.codec import decode, digest, encode

DTYPES = ["?", "u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8", "f2", "f4", "f8"]

numbers = st.integers(-(2**80), 2**80) | st.floats(allow_nan=False)
plain = st.recursive(
    st.none() | st.booleans() | numbers | st.text(max_size=8) | st.binary(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)
some_array = st.sampled_from(DTYPES).flatmap(
    lambda dtype: arrays(dtype, array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))
)
VALID = encode(
    {"kind": "terms", "arrays": {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.int8(3)}}
)


@given(plain)
def test_a_plain_value_comes_back(value: Any) -> None:
    assert decode(encode(value)) == value


@given(some_array)
def test_an_array_comes_back_in_shape_width_and_bits(array: np.ndarray) -> None:
    back = decode(encode({"x": array}))["x"]
    assert (back.shape, back.dtype) == (array.shape, array.dtype)
    assert back.tobytes() == array.tobytes()  # NaN payloads and negative zeros included


@given(st.dictionaries(st.text(max_size=4), plain, min_size=2), st.randoms())
def test_the_order_in_which_keys_were_written_does_not_matter(value: dict[str, Any], random: Any) -> None:
    items = list(value.items())
    random.shuffle(items)
    assert encode(dict(items)) == encode(value)
    assert digest(dict(items)) == digest(value)


@pytest.mark.parametrize(
    "array", [np.array([[1, 2], [3, 4]], ">i4"), np.asfortranarray([[1, 2], [3, 4]], "<i4")]
)
def test_how_an_array_lies_in_memory_does_not_matter(array: np.ndarray) -> None:
    assert encode(array) == encode(np.array([[1, 2], [3, 4]], "<i4"))


def test_a_view_is_encoded_as_what_it_shows() -> None:
    whole = np.arange(12, dtype=np.float64).reshape(3, 4)
    assert_array_equal(decode(encode(whole[::-1, 1::2])), whole[::-1, 1::2])


def test_the_bytes_of_an_array_are_those_of_the_standard() -> None:
    # RFC 8746: tag 40 of [dimensions, tag 85 (binary32, little endian) of bytes]
    expected = bytes.fromhex("d82882820102d855480000803f00000040")
    assert encode(np.array([[1.0, 2.0]], np.float32)) == expected


def test_the_bytes_of_truth_values_are_those_of_the_standard() -> None:
    # RFC 8746: tag 40 of [dimensions, tag 41 (all of one kind) of a list of true and false]
    expected = bytes.fromhex("d82882820201d82982f5f4")
    assert encode(np.array([[True], [False]])) == expected
    assert_array_equal(decode(expected), np.array([[True], [False]]))


@given(arrays("?", array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=40)))
def test_truth_values_come_back_and_are_no_numbers(array: np.ndarray) -> None:
    data = encode(array)
    back = decode(data)
    assert back.dtype == np.bool_
    assert_array_equal(back, array)
    assert encode(back) == data != encode(array.astype("u1"))


@pytest.mark.parametrize(
    "alike",
    [[1, 0], [True, 1], [None], [1.0], ["a"], [[True]], [True, None], "", "ab", b"", b"\x01", {}, 0, None],
    ids=repr,
)
@pytest.mark.parametrize("shape", [[], [0], [1], [2], [1, 1]])
def test_a_list_of_anything_but_truth_values_is_refused(shape: list[int], alike: Any) -> None:
    with pytest.raises(ValueError, match=r"."):
        decode(cbor2.dumps(cbor2.CBORTag(40, [shape, cbor2.CBORTag(41, alike)])))


@pytest.mark.parametrize(
    "shape",
    [[], [1], [3], [-1], [2, -1], [2.0], ["2"], [None], [2**70], [2, 2**62], 2, None, [True, 2]],
    ids=repr,
)
def test_truth_values_whose_shape_lies_are_refused(shape: Any) -> None:
    with pytest.raises(ValueError, match=r"."):
        decode(cbor2.dumps(cbor2.CBORTag(40, [shape, cbor2.CBORTag(41, [True, False])])))


def test_truth_values_without_a_shape_are_refused() -> None:
    with pytest.raises(ValueError, match="canonical"):
        decode(cbor2.dumps(cbor2.CBORTag(41, [True, False])))


def test_what_is_not_a_number_has_one_encoding() -> None:
    assert encode(float("nan")) == encode(-math.nan) == bytes.fromhex("f97e00")
    assert math.isnan(decode(encode(math.nan)))


def test_a_decoded_array_cannot_be_written_to() -> None:
    back = decode(encode(np.zeros(3)))
    with pytest.raises(ValueError, match="read-only"):
        back[0] = 1.0


def test_values_that_differ_have_other_digests() -> None:
    values = [1, 1.5, "1", b"1", None, True, [1], {"1": 1}, np.zeros(1), np.zeros(1, "f4"), np.zeros((1, 1))]
    assert len({digest(value) for value in values}) == len(values)


@pytest.mark.parametrize("array", [np.array(["a"]), np.array([None]), np.zeros(2, "c16")])
def test_an_array_without_a_number_type_of_the_standard_is_not_encoded(array: np.ndarray) -> None:
    with pytest.raises((KeyError, TypeError)):
        encode(array)


@given(st.binary(max_size=64))
@example(b"")
@example(b"\xff")
@example(b"\x5b\x00\x00\x7f\xff\xff\xff\xff\xff")  # a string of 128 TiB
@example(b"\x9b\x7f\xff\xff\xff\xff\xff\xff\xff")  # a list of 2 ** 63 values
@example(b"\xbb\xff\xff\xff\xff\xff\xff\xff\xff")
@example(b"\x81" * 5000 + b"\x00")
@example(b"\xd8\x55" * 5000 + b"\x00")
def test_garbage_raises_nothing_but_value_errors(data: bytes) -> None:
    _decodes_canonically_or_is_refused(data)


@given(st.integers(0, len(VALID) - 1), st.integers(0, 255))
def test_a_frame_with_one_wrong_byte_raises_nothing_but_value_errors(place: int, byte: int) -> None:
    _decodes_canonically_or_is_refused(VALID[:place] + bytes([byte]) + VALID[place + 1 :])


@given(st.integers(0, len(VALID) - 1), st.binary(min_size=1, max_size=6), st.integers(0, 6))
def test_a_frame_with_bytes_put_in_or_cut_out_raises_nothing_but_value_errors(
    place: int, put: bytes, cut: int
) -> None:
    _decodes_canonically_or_is_refused(VALID[:place] + put + VALID[place + cut :])


tag_content = st.recursive(
    st.integers(-3, 2**70) | st.booleans() | st.binary(max_size=9) | st.text(max_size=3) | st.none(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.builds(cbor2.CBORTag, st.sampled_from([40, 41, 69, 85, 86]), inner)
    ),
)


@given(
    st.sampled_from([*range(64, 88), 40, 41]) | st.integers(0, 300) | st.sampled_from([1004, 43000, 55799]),
    tag_content,
)
@example(40, [[3], cbor2.CBORTag(85, b"1234")])  # the shape lies
@example(40, [[-1], cbor2.CBORTag(85, b"1234")])  # the shape asks to be guessed
@example(40, [[2**70], cbor2.CBORTag(85, b"1234")])
@example(40, [[1] * 100, cbor2.CBORTag(85, b"1234")])
@example(85, b"123")  # not a whole number of numbers
@example(4, [10**12, 1])  # a decimal that no memory holds
@example(5, [10**9, 1])
@example(35, "(a+)+$")
@example(36, "From: a")
def test_a_tag_that_lies_raises_nothing_but_value_errors(tag: int, content: Any) -> None:
    _decodes_canonically_or_is_refused(cbor2.dumps(cbor2.CBORTag(tag, content)))


@pytest.mark.parametrize(
    ("data", "why"),
    [
        ("0102", "bytes follow the value"),
        ("1801", "an integer longer than it needs to be"),
        ("fb3ff0000000000000", "a float longer than it needs to be"),
        ("9f01ff", "a list without a length"),
        ("a2616201616101", "keys out of order"),
        ("a2616101616101", "a key twice"),
        ("d85548" + "00" * 8, "a typed array without a shape"),
        ("d9a7f882f93e00f94000", "a complex number"),
        ("d81c81d81d00", "a list that holds itself"),
        ("c11a514b67b0", "a date"),
        ("f7", "undefined"),
        ("81f0", "a simple value without a meaning"),
    ],
)
def test_what_encode_would_not_have_written_is_refused(data: str, why: str) -> None:
    with pytest.raises(ValueError, match=r"canonical|not one value"):
        decode(bytes.fromhex(data))


@pytest.mark.parametrize("depth", [1, 2, 80, 300])
def test_a_key_that_is_itself_of_keys_is_refused_at_once(depth: int) -> None:
    with pytest.raises(ValueError, match=r"no plain value|not one value"):
        decode(b"\x81" + b"\xa1" * (depth + 1) + b"\x00" * (depth + 2))
    with pytest.raises(ValueError, match="no plain value"):
        decode(b"\xa1\x00\xa1\x80\x00")


def _decodes_canonically_or_is_refused(data: bytes) -> None:
    try:
        value = decode(data)
    except ValueError:
        return
    assert encode(value) == data
