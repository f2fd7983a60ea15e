"""Values nested so deep that walking them ends the process are found before the library sees them."""

from __future__ import annotations

import json
import sys
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loro import LoroDoc

from appliance.adapters.loro_doc_nesting import NESTING, too_deep
from appliance.core.config_doc import Accepted, Refusal
from tests.support.loro_peers import Peer, document, sealed

scalars = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | st.text() | st.binary()
values = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=30)


def nested(levels: int, *, dicts: bool = False, beside: object = None) -> object:
    value: object = 7
    for _ in range(levels):
        value = {"k": value, "l": beside} if dicts else [beside, value]
    return value


@pytest.mark.parametrize("dicts", [False, True])
@pytest.mark.parametrize("beside", [None, 1.5, -300, "text\x07\x01", b"\x08\x01", [], {}, [[1]]])
def test_a_value_is_too_deep_a_level_above_the_limit(beside: object, *, dicts: bool) -> None:
    fits = Peer(1).set("m", "a", value=nested(NESTING - 2, dicts=dicts, beside=beside))
    deep = Peer(1).set("m", "a", value=nested(NESTING + 1, dicts=dicts, beside=beside))
    doc = document()

    assert isinstance(doc.accept([fits])[0], Accepted)
    assert doc.accept([deep]) == [Refusal.MALFORMED]


@given(st.lists(values, min_size=1, max_size=6))
@settings(max_examples=40, deadline=None)
def test_ordinary_values_are_never_too_deep(found: list[object]) -> None:
    ann = Peer(1)
    for at, value in enumerate(found):
        ann.set("m", str(at), value=value)

    assert not too_deep(ann.everything())


def test_a_large_configuration_is_not_too_deep() -> None:
    ann = Peer(1)

    def fill(_: LoroDoc) -> None:
        for number in range(300):
            pipeline = ann.map("pipelines", f"pipeline{number}")
            pipeline.insert("schedule", "*/7 * * * *")
            for table in range(8):
                pipeline.ensure_mergeable_map("tables").ensure_mergeable_map(f"t{table}").insert("key", ["id", table])

    assert not too_deep(ann.edit(fill))


def test_a_value_that_would_overflow_the_stack_is_refused() -> None:
    made: list[bytes] = []
    before = threading.stack_size(256 << 20)
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(10**6)
    try:
        maker = threading.Thread(target=lambda: made.append(Peer(1).set("m", "a", value=nested(20_000))))
        maker.start()
        maker.join()
    finally:
        threading.stack_size(before)
        sys.setrecursionlimit(limit)
    doc = document()

    assert doc.accept(made) == [Refusal.MALFORMED]
    assert doc.accept([sealed(made[0][:-9])]) == [Refusal.MALFORMED]
    assert doc.tree() == {}


def test_lists_that_claim_to_go_on_for_ever_are_refused_soon() -> None:
    value = Peer(1).set("m", "a", value=b"\x07\xff\x7f" + b"\x00\x07\x7f" * 40_000)

    assert too_deep(value)


def test_containers_in_containers_end_where_nobody_looks() -> None:
    holes = ["cid:root-m:Map", *(f"cid:{counter}@0:Map" for counter in range(20_000))]
    digging = [
        {
            "container": holes[at],
            "content": {"type": "insert", "key": "k", "value": f"🦜:{holes[at + 1]}"},
            "counter": at,
        }
        for at in range(len(holes) - 1)
    ]
    change = {"id": "0@0", "timestamp": 0, "deps": [], "lamport": 0, "msg": None, "ops": digging}
    history = {"schema_version": 1, "start_version": {}, "peers": ["1"], "changes": [change]}
    ann = Peer(1)
    ann.doc.import_json_updates(json.dumps(history))

    doc = document(ann.everything())
    at = doc.tree()["m"]
    levels = 0
    while isinstance(at, dict):
        at, levels = at["k"], levels + 1

    assert (at, levels) == (None, 32)
    assert len(doc.writes(since=None)) == 20_000
