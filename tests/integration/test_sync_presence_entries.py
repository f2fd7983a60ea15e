"""The encoding of presence, against the library whose encoding it is."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from loro import EphemeralStore

from appliance.core.errors import Invalid
from appliance.entrypoints.ws.presence_entries import read_entries, write_entries

plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(min_value=-(2**63), max_value=2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.binary(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
).filter(lambda value: value is not None)
states = st.dictionaries(st.text(max_size=30), plain, max_size=5)


def encoded(state: dict[str, Any]) -> bytes:
    store = EphemeralStore(60_000)
    for key, value in state.items():
        store.set(key, value)
    return store.encode_all()


@given(states)
def test_what_the_library_writes_is_read_and_written_back(state: dict[str, Any]) -> None:
    entries = read_entries(encoded(state))
    other = EphemeralStore(60_000)
    other.apply(write_entries(entries, at=int(time.time() * 1000)))

    assert {entry.key for entry in entries} == state.keys()
    assert other.get_all_states() == state


@given(states, st.data())
def test_what_is_cut_is_refused(state: dict[str, Any], data: st.DataObject) -> None:
    whole = encoded(state)
    cut = data.draw(st.integers(min_value=0, max_value=len(whole) - 1))

    with pytest.raises(Invalid):
        read_entries(whole[:cut])


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused_and_the_library_takes_what_is_read(data: bytes) -> None:
    try:
        entries = read_entries(data)
    except Invalid:
        return
    EphemeralStore(60_000).apply(write_entries(entries, at=int(time.time() * 1000)))


def test_a_key_that_was_removed_is_told() -> None:
    store = EphemeralStore(60_000)
    store.set("bob/1", "here")
    store.delete("bob/1")

    [entry] = read_entries(store.encode("bob/1"))

    assert (entry.key, entry.value) == ("bob/1", None)
