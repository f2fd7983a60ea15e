"""Values that two people set at one place without having seen each other's are shown side by side."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.adapters.loro_doc import LoroDocument
from appliance.core.config_doc import Deed
from appliance.core.draft import Heads
from tests.support.loro_peers import Peer, document

PLACE = ("pipelines", "orders", "schedule")


def found(doc: LoroDocument, *, since: Heads | None = None) -> dict[tuple[str, ...], list[tuple[int, object]]]:
    return {each.path: [(write.peer, write.value) for write in each.writes] for each in doc.rivals(since=since)}


def test_two_values_set_at_once_are_rivals_and_the_one_that_shows_is_first() -> None:
    doc = document(Peer(1).set(*PLACE, value="1h"), Peer(2).set(*PLACE, value="2h"))

    assert found(doc) == {PLACE: [(2, "2h"), (1, "1h")]}
    assert doc.tree()["pipelines"] == {"orders": {"schedule": "2h"}}


def test_three_values_set_at_once_are_rivals() -> None:
    doc = document(*(Peer(peer).set(*PLACE, value=f"{peer}h") for peer in (3, 1, 2)))

    assert found(doc) == {PLACE: [(3, "3h"), (2, "2h"), (1, "1h")]}


def test_who_saw_both_values_settles_it() -> None:
    doc = document(Peer(1).set(*PLACE, value="1h"), Peer(2).set(*PLACE, value="2h"))
    carl = Peer(3)
    carl.follow(doc)

    doc.accept([carl.set(*PLACE, value="1h30m")])

    assert found(doc) == {}


def test_who_saw_one_of_three_leaves_the_other_two() -> None:
    one, two = Peer(1).set(*PLACE, value="1h"), Peer(2).set(*PLACE, value="2h")
    carl = Peer(3, one)

    doc = document(one, two, carl.set(*PLACE, value="3h"))

    assert found(doc) == {PLACE: [(3, "3h"), (2, "2h")]}


def test_of_one_person_only_the_last_value_counts() -> None:
    ann, bob = Peer(1), Peer(2)
    deliveries = [ann.set(*PLACE, value="1h"), ann.set(*PLACE, value="5h"), bob.set(*PLACE, value="2h")]

    assert found(document(*deliveries)) == {PLACE: [(1, "5h"), (2, "2h")]}


def test_equal_values_agree() -> None:
    doc = document(*(Peer(peer).set(*PLACE, value={"b": [1], "a": None}) for peer in (1, 2)))

    assert found(doc) == {}


def test_true_and_one_do_not_agree() -> None:
    doc = document(Peer(1).set(*PLACE, value=True), Peer(2).set(*PLACE, value=1))

    assert found(doc) == {PLACE: [(2, 1), (1, True)]}


def test_removing_and_setting_at_once_are_rivals() -> None:
    base = Peer(9).set(*PLACE, value="1h")
    doc = document(base, Peer(1, base).set(*PLACE, value="2h"), Peer(2, base).remove(*PLACE))

    (rivals,) = doc.rivals(since=None)

    assert [(write.peer, write.deed) for write in rivals.writes] == [(2, Deed.REMOVE), (1, Deed.SET)]
    assert doc.tree()["pipelines"] == {"orders": {}}


def test_what_was_settled_before_is_not_told_again() -> None:
    doc = document(Peer(1).set(*PLACE, value="1h"), Peer(2).set(*PLACE, value="2h"))
    applied = doc.heads()
    doc.accept([Peer(3).set("pipelines", "orders", "other", value=1)])

    assert found(doc, since=applied) == {}
    assert found(doc, since=None).keys() == {PLACE}
    assert doc.rivals(since=None, until=Heads("AA")) == ()


def test_creating_the_same_containers_is_no_contradiction() -> None:
    doc = document(Peer(1).set("pipelines", "orders", "a", value=1), Peer(2).set("pipelines", "orders", "b", value=2))

    assert found(doc) == {}


@given(st.data())
@settings(max_examples=80, deadline=None)
def test_rivals_have_not_seen_each_other_and_the_first_shows(data: st.DataObject) -> None:
    people = [Peer(peer) for peer in (1, 2, 3)]
    doc = document()
    seen: dict[tuple[int, int], set[tuple[int, int]]] = {}
    for _ in range(data.draw(st.integers(1, 15))):
        person = data.draw(st.sampled_from(people))
        if data.draw(st.booleans()):
            person.follow(doc)
        counts = {peer: end for peer, (_, end) in person.doc.oplog_vv.to_spans().inner().items()}
        operation = (person.doc.peer_id, counts.get(person.doc.peer_id, 0))
        seen[operation] = {(peer, at) for peer, end in counts.items() for at in range(end)}
        # A value that is set again makes no operation.
        doc.accept([person.set("m", data.draw(st.sampled_from("ab")), value=list(operation))])

    shown = doc.tree()["m"]
    for rivals in doc.rivals(since=None):
        operations = [(write.peer, write.counter) for write in rivals.writes]
        assert shown[rivals.path[-1]] == rivals.writes[0].value  # type: ignore[index]
        assert not any(one in seen[other] for one in operations for other in operations)
    for key, value in shown.items():  # type: ignore[attr-defined]
        writes = [(write.peer, write.counter) for write in doc.writes(since=None) if write.path == ("m", key)]
        standing = {one for one in writes if not any(one in seen[other] for other in writes)}
        told = [
            {(w.peer, w.counter) for w in each.writes} for each in doc.rivals(since=None) if each.path == ("m", key)
        ]
        assert told == ([standing] if len(standing) > 1 else [])
        assert tuple(value) in standing


def test_a_removal_tells_what_it_took_without_having_seen_it() -> None:
    ann = Peer(1)
    base = ann.set("pipelines", "orders", "schedule", value="every 1h")
    bob = Peer(2, base)

    doc = document(base, ann.remove("pipelines", "orders"), bob.set("pipelines", "orders", "retries", value=3))
    [unseen] = doc.unseen(since=None)

    assert (unseen.removal.path, unseen.removal.peer) == (("pipelines", "orders"), 1)
    assert [(write.path, write.peer) for write in unseen.writes] == [(("pipelines", "orders", "retries"), 2)]
