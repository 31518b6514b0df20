"""Records lie packed in their column and come out as they went in; what somebody put there instead comes out as it is, and stops nobody."""

from __future__ import annotations

import hashlib
import json
import os

from hypothesis import given
from hypothesis import strategies as st

from core.canon import canonical
from fraud.store.packed import NEWEST, dictionary, pack, unpack

VALUES = st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text() | st.floats(allow_nan=False, allow_infinity=False)


@given(
    st.dictionaries(st.text(alphabet=st.characters(exclude_categories=["Cs"])), VALUES.filter(lambda value: not isinstance(value, str) or value.isprintable()))
)
def test_every_record_comes_out_to_the_byte(values: dict[str, object]) -> None:
    record = canonical({"features": values, "form": 1})
    assert unpack(pack(record)) == record


@given(st.binary(max_size=200))
def test_any_bytes_come_out_or_are_shown_as_they_lie(data: bytes) -> None:
    assert unpack(pack(data)) == data
    assert isinstance(unpack(data), bytes)


def test_what_was_altered_is_not_what_was_written() -> None:
    record = json.dumps({"outcome": "allow", "noise": os.urandom(40).hex()}).encode()
    packed = pack(record)
    for place in range(len(packed)):
        altered = packed[:place] + bytes([packed[place] ^ 1]) + packed[place + 1 :]
        assert unpack(altered) != record
    assert unpack(packed + b"x") != record
    assert unpack(packed[:-1]) != record


def test_a_form_that_swells_is_not_unpacked_whole() -> None:
    import zlib

    bomb = zlib.compressobj(9, zlib.DEFLATED, -15, 9, zlib.Z_DEFAULT_STRATEGY, dictionary(NEWEST))
    stored = bytes([NEWEST]) + bomb.compress(b"{" + b" " * (64 << 20)) + bomb.flush()
    assert unpack(stored) == stored


def test_the_shared_words_never_change() -> None:
    assert hashlib.sha256(dictionary(1)).hexdigest() == "1e4ffab9646adff9c76c2a4d2408763e593a713784388d412c1d61c555a2d254"
