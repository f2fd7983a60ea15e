"""Who is here is known for as long as they say so, and no longer than their connection."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loro import EphemeralStore

from appliance.adapters.loro_doc_presence import LoroPresence
from appliance.core.errors import Invalid
from appliance.core.limits import PRESENCE_BYTES

scalars = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text() | st.binary()
)
values = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8)


def store() -> EphemeralStore:
    return EphemeralStore(45_000)


def said(**states: object) -> bytes:
    speaker = store()
    for key, value in states.items():
        speaker.set(key, value)  # type: ignore[arg-type]
    return speaker.encode_all()


def ahead(key: str, *, hours: int = 24) -> bytes:
    """What somebody says whose clock is ahead."""
    made_at = (int(time.time() * 1000) + hours * 3_600_000) << 1
    stamp = bytearray()
    while made_at >= 128:
        stamp.append(made_at & 127 | 128)
        made_at >>= 7
    return b"\x01" + bytes([len(key)]) + key.encode() + b"\x01\x03\x02" + bytes([*stamp, made_at])


def known(presence: LoroPresence) -> dict[str, object]:
    listener = store()
    if state := presence.state():
        listener.apply(state)
    return dict(listener.get_all_states())


def test_who_joins_hears_who_is_here() -> None:
    presence = LoroPresence(45.0)

    assert presence.state() == b""
    assert set(presence.apply(said(ann={"pipeline": "orders"}, bob=1))) == {"ann", "bob"}
    assert known(presence) == {"ann": {"pipeline": "orders"}, "bob": 1}


def test_only_what_changed_counts_as_touched() -> None:
    presence = LoroPresence(45.0)
    ann = store()
    ann.set("ann", 1)
    presence.apply(ann.encode_all())
    both = store()
    both.apply(ann.encode_all())
    both.set("bob", 2)

    assert presence.apply(both.encode_all()) == ("bob",)
    assert presence.apply(both.encode_all()) == ()


def test_what_a_client_takes_back_is_touched_and_gone() -> None:
    presence = LoroPresence(45.0)
    ann = store()
    ann.set("ann", 1)
    presence.apply(ann.encode_all())
    time.sleep(0.002)
    ann.delete("ann")

    assert presence.apply(ann.encode_all()) == ("ann",)
    assert known(presence) == {}
    assert presence.drop(["ann"]) == b""


def test_who_lost_the_connection_is_gone_for_everybody_however_their_clock_goes() -> None:
    presence, other = LoroPresence(45.0), store()
    for delivery in (ahead("ann"), said(bob=1, carl=2)):
        presence.apply(delivery)
        other.apply(delivery)

    other.apply(presence.drop(["ann", "nobody", "bob", "ann"]))

    assert other.get_all_states() == known(presence) == {"carl": 2}
    assert presence.drop(["ann", "bob", "nobody"]) == b""


def test_what_was_dropped_stays_so_if_an_old_copy_comes_back() -> None:
    presence = LoroPresence(45.0)
    old = ahead("ann")
    presence.apply(old)
    presence.drop(["ann"])

    assert presence.apply(old) == ()
    assert known(presence) == {}


def test_who_comes_back_is_here_again() -> None:
    presence = LoroPresence(45.0)
    ann = store()
    ann.set("ann", 1)
    presence.apply(ann.encode_all())
    presence.drop(["ann"])
    time.sleep(0.005)
    ann.set("ann", 2)

    assert presence.apply(ann.encode_all()) == ("ann",)
    assert known(presence) == {"ann": 2}


def test_who_is_silent_for_too_long_is_forgotten() -> None:
    presence = LoroPresence(0.05)
    presence.apply(said(ann=1))
    presence.expire()
    assert known(presence) == {"ann": 1}

    time.sleep(0.1)
    presence.expire()

    assert presence.state() == b""
    assert presence.drop(["ann"]) == b""


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not an encoded"),
        (b"junk", "not an encoded"),
        pytest.param(said(ann=1) + b"\0", "not an encoded", id="a byte after the end"),
        (b"\x01\x02\xff\xfe\x00\x00", "not an encoded"),
        (b"\x01\x01k\x01\x07\x00\x00", "not an encoded"),
        (b"\x01\x01k\x02\x00", "not an encoded"),
        (b"\xff\xff\xff\xff\x0f" + b"\x00" * 40, "not an encoded"),
        pytest.param(said(ann="x" * PRESENCE_BYTES), "larger than", id="a long value"),
        pytest.param(said(**{"k" * (PRESENCE_BYTES + 1): 1}), "larger than", id="a long key"),
        (b"\x01\x01k\x01" + b"\x05\x01" * 200 + b"\x00\x02", "nested"),
        (b"\x01\x01k\x00\x01", "a time"),
        (b"\x01\x01k\x00" + b"\xff" * 8 + b"\x7f", "a time"),
    ],
)
def test_what_nobody_should_send_is_refused_whole(data: bytes, reason: str) -> None:
    presence = LoroPresence(45.0)
    presence.apply(said(bob=1))

    with pytest.raises(Invalid, match=f"presence: .*{reason}"):
        presence.apply(data)
    assert known(presence) == {"bob": 1}


@given(st.dictionaries(st.text(max_size=20), values, max_size=3))
@settings(max_examples=60, deadline=None)
def test_whatever_the_library_says_is_understood(states: dict[str, object]) -> None:
    presence, library = LoroPresence(45.0), store()
    data = said(**states)

    library.apply(data)

    assert set(presence.apply(data)) == set(states)
    assert known(presence) == library.get_all_states() == states
    presence.drop(list(states))
    assert known(presence) == {}


@given(st.binary(max_size=60), st.integers(0, 40), st.integers(0, 7))
@settings(max_examples=200, deadline=None)
def test_noise_is_refused_or_understood(noise: bytes, at: int, bit: int) -> None:
    presence = LoroPresence(45.0)
    damaged = bytearray(said(ann={"field": [1, 2.5, "x", None]}))
    damaged[at % len(damaged)] ^= 1 << bit
    for data in (noise, bytes(damaged)):
        try:
            touched = presence.apply(data)
        except Invalid:
            continue
        assert isinstance(touched, tuple)
    presence.state()
