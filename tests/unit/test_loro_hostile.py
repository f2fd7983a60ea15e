"""Bytes that nobody should send leave the document as it was, or say that it has to be loaded again."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loro import ExportMode, LoroMap

from appliance.adapters.loro_doc import LoroDocs, LoroDocument
from appliance.adapters.loro_doc_guard import LoroFailed, guarded
from appliance.core.config_doc import Accepted, DocBroken, Refusal
from appliance.core.draft import Heads, UnknownHeads
from appliance.core.errors import Invalid
from tests.support.loro_peers import Peer, document, sealed

# A document lost to a panic panics once more when it is thrown away.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

REFUSALS = (Refusal.MALFORMED, Refusal.NOT_UPDATES)


def base() -> Peer:
    ann = Peer(1)
    ann.set("pipelines", "p", "x", value={"a": [1, "b", 2.5, None, True]})
    ann.edit(lambda _: ann.map("pipelines", "p").ensure_mergeable_text("notes").insert(0, "hello"))
    order = ann.map("pipelines", "p").ensure_mergeable_movable_list("order")
    ann.edit(lambda _: order.insert(0, "t1"))
    ann.edit(lambda _: order.insert(1, "t2"))
    return ann


def edit() -> bytes:
    bob = Peer(2, BASE)

    def change(_: object) -> None:
        pipeline = bob.map("pipelines", "p")
        pipeline.insert("x", 7)
        pipeline.delete("x")
        pipeline.ensure_mergeable_text("notes").delete(1, 2)
        order = pipeline.ensure_mergeable_movable_list("order")
        order.mov(0, 1)
        order.set(0, "z")
        child = bob.doc.get_map("m").insert_container("q", LoroMap())  # type: ignore[no-untyped-call]
        assert isinstance(child, LoroMap)
        child.insert("z", [[1]])

    return bob.edit(change)


BASE = base().everything()
EDIT = edit()
AFTER = document(BASE, EDIT).tree()

positions = st.integers(0, len(EDIT) - 1)
bits = st.integers(0, 7)
flips = st.lists(st.tuples(positions, bits), min_size=1, max_size=4, unique=True)


def flipped(changes: list[tuple[int, int]], *, since: int = 0) -> bytes:
    data = bytearray(EDIT)
    for at, bit in changes:
        data[max(at, since)] ^= 1 << bit
    return bytes(data)


def state(doc: LoroDocument) -> object:
    return doc.version(), doc.heads(), doc.tree(), doc.snapshot()[1]


def unharmed(hostile: bytes) -> None:
    doc = document(BASE)
    before = state(doc)

    assert doc.accept([hostile])[0] in REFUSALS
    assert state(doc) == before
    assert isinstance(doc.accept([hostile, EDIT])[1], Accepted)
    assert doc.tree() == AFTER


@given(st.binary(max_size=200) | st.binary(max_size=200).map(lambda data: EDIT[:22] + data))
@settings(max_examples=150, deadline=None)
def test_noise_is_refused(noise: bytes) -> None:
    unharmed(noise)


@given(st.integers(0, len(EDIT) - 1))
@settings(max_examples=80, deadline=None)
def test_a_cut_delivery_is_refused(length: int) -> None:
    unharmed(EDIT[:length])


@given(flips)
@settings(max_examples=150, deadline=None)
def test_a_damaged_delivery_is_refused(changes: list[tuple[int, int]]) -> None:
    # The library reads nothing in bytes 4 to 16.
    unharmed(flipped([(at if at < 4 else max(at, 16), bit) for at, bit in changes[:1]]))


@given(flips)
@settings(max_examples=300, deadline=None)
def test_a_forged_delivery_is_merged_refused_or_breaks_only_the_copy_in_memory(changes: list[tuple[int, int]]) -> None:
    forged = sealed(flipped(changes, since=22))
    doc = document(BASE)
    before = state(doc)
    try:
        answer = doc.accept([forged])[0]
    except DocBroken:
        return

    if isinstance(answer, Refusal):
        assert state(doc) == before
        assert isinstance(doc.accept([EDIT])[0], Accepted)
    else:
        doc.tree()
        doc.writes(since=None)


def test_a_container_of_a_kind_to_come_breaks_the_document_instead_of_the_process() -> None:
    kind_of_notes = BASE.index(b"\x04\x01\x02\x00") + 2
    forged = bytearray(BASE)
    forged[kind_of_notes] = 6

    with pytest.raises(DocBroken, match="never writes"):
        document().accept([sealed(bytes(forged))])


def test_a_text_about_unknown_kinds_is_only_a_text() -> None:
    ann = Peer(1)
    text = '"container":"cid:root-x:Unknown(6)"'

    assert isinstance(document().accept([ann.set("m", text, value=[text, "x:Unknown(6)"])])[0], Accepted)


def test_the_library_s_own_seal_is_the_one_that_is_forged() -> None:
    assert sealed(EDIT[:16] + b"1234" + EDIT[20:]) == EDIT


@given(st.binary(max_size=60))
@settings(max_examples=150, deadline=None)
def test_a_version_is_read_or_refused(version: bytes) -> None:
    doc = document(BASE)
    try:
        missing = doc.missing(version)
    except Invalid:
        return

    assert missing == b"" or Peer(3).doc.import_(missing) is not None
    assert doc.tree() == document(BASE).tree()


def test_a_version_of_negative_counts_is_the_empty_one() -> None:
    doc = document(BASE)

    assert doc.missing(bytes([1, 1, 5])) == doc.missing(b"")


@given(st.text(max_size=40) | st.text("ABCDEFGHIJabcdefghij-_0189", max_size=12))
@settings(max_examples=200, deadline=None)
def test_made_up_heads_are_unknown(text: str) -> None:
    doc = document(BASE)
    known = {doc.heads(), "AA"} | {doc.heads_of({1: count}) for count in range(1, 20)}

    if text not in known:
        assert not doc.holds(Heads(text))
        with pytest.raises(UnknownHeads):
            doc.tree(Heads(text))
    assert doc.tree() == document(BASE).tree()


@given(st.binary(max_size=80) | st.binary(max_size=80).map(lambda data: EDIT[:22] + data))
@settings(max_examples=80, deadline=None)
def test_a_stored_document_that_cannot_be_read_says_so(noise: bytes) -> None:
    with pytest.raises(DocBroken):
        LoroDocs().load(BASE, [noise])


def test_a_panic_is_an_error_of_ours_and_an_interrupt_is_not() -> None:
    with pytest.raises(LoroFailed) as refused, guarded():
        Peer(1).doc.import_(b"junk")
    with pytest.raises(LoroFailed) as lost, guarded():
        Peer(1).doc.get_map("")
    for interrupt in (KeyboardInterrupt, SystemExit, MemoryError, GeneratorExit, asyncio.CancelledError, ValueError):
        with pytest.raises(interrupt), guarded():
            raise interrupt

    assert (refused.value.panic, lost.value.panic) == (False, True)


def test_a_snapshot_that_unpacks_to_more_than_it_seems_is_not_unpacked() -> None:
    ann = Peer(1)
    ann.edit(lambda doc: doc.get_text("t").insert(0, "x" * 200_000))
    bomb = ann.doc.export(ExportMode.Snapshot())

    assert len(bomb) < 5_000
    unharmed(bomb)


def test_a_root_of_another_kind_does_not_hide_the_map_of_that_name() -> None:
    one = Peer(1)
    one.set("pipelines", "orders", "schedule", value="every 1h")
    one.edit(lambda doc: doc.get_text("pipelines").insert(0, "x"))
    one.edit(lambda doc: doc.get_list("settings").push(1))

    assert document(one.everything()).tree() == {"pipelines": {"orders": {"schedule": "every 1h"}}}
