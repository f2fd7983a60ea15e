"""Operations that cannot be lived with are told from everything that people type, move and delete."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loro import ExportMode, LoroDoc, LoroMap, LoroText

from appliance.core.config_doc import Accepted, DocBroken
from tests.support.loro_peers import Peer, document, sealed

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

deeds = st.tuples(st.sampled_from("tdbaxms"), st.integers(0, 30), st.text(min_size=1, max_size=5))


def do(pipeline: LoroMap, deed: str, place: int, text: str) -> None:
    if deed in "tdbs":
        _do_in_text(pipeline.ensure_mergeable_text("notes"), deed, place, text)
    else:
        _do_in_lists(pipeline, deed, place, text)


def _do_in_text(notes: LoroText, deed: str, place: int, text: str) -> None:
    length = notes.len_unicode
    if deed == "t":
        notes.insert(min(place, length), text)
    elif deed == "d" and place < length:
        notes.delete(place, min(len(text), length - place))
    elif deed == "b" and place < length:
        for at in range(place, max(place - 3, -1), -1):
            notes.delete(at, 1)
    elif deed == "s" and length:
        notes.mark(0, length, "bold", True)


def _do_in_lists(pipeline: LoroMap, deed: str, place: int, text: str) -> None:
    order, plain = pipeline.ensure_mergeable_movable_list("order"), pipeline.ensure_mergeable_list("plain")
    if deed == "a":
        order.insert(min(place, len(order)), text)
        plain.insert(min(place, len(plain)), [text])
    elif deed == "x" and place < len(order):
        order.delete(place, 1)
        plain.delete(0, 1)
    elif deed == "m" and place < len(order):
        order.mov(place, 0)
        order.set(0, text)


@given(st.lists(st.lists(deeds, min_size=1, max_size=6), min_size=1, max_size=8), st.integers(0, 7))
@settings(max_examples=100, deadline=None)
def test_whatever_people_do_is_sound(rounds: list[list[tuple[str, int, str]]], late: int) -> None:
    ann, doc = Peer(1), document()
    for number, round_ in enumerate(rounds):
        known = ann.doc.oplog_vv
        for deed in round_:
            do(ann.map("pipelines", "p"), *deed)
        ann.doc.commit()
        # Now and then everything once more: what is new begins in the middle of what is sent.
        sent = ann.everything() if number >= late else ann.doc.export(ExportMode.Updates(known))
        assert isinstance(doc.accept([sent])[0], Accepted)

    assert doc.tree() == ann.doc.get_deep_value()


@pytest.mark.parametrize("number", [0, 2, 7, 58])
def test_no_forged_number_leaves_a_document_that_cannot_be_stored(number: int) -> None:
    ann = Peer(1)
    do(ann.map("pipelines", "p"), "t", 0, "hello")
    do(ann.map("pipelines", "p"), "a", 0, "t1")
    ann.doc.commit()
    before = ann.everything()

    def change(_: LoroDoc) -> None:
        for deed in "dtax":
            do(ann.map("pipelines", "p"), deed, 0, "yo")

    edit = ann.edit(change)
    broken = []
    for at in range(22, len(edit)):
        forged = bytearray(edit)
        forged[at] = number
        doc = document(before)
        try:
            doc.accept([sealed(bytes(forged))])
        except DocBroken as error:
            broken.append(str(error))
            continue
        assert document(doc.snapshot()[0]).tree() == doc.tree()
        assert doc.missing(document(before).version()) or doc.heads() == document(before).heads()

    assert any("never writes" in message for message in broken)
