"""Who delivered which operation: spans by peer and counter."""

from __future__ import annotations

import tracemalloc
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.core.authors import Authors
from appliance.core.config_doc import PeerRange
from appliance.core.draft import Span

START = datetime(2026, 1, 1, 12, tzinfo=UTC)
BIGGEST_PEER = (1 << 64) - 1


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def given_by(authors: Authors, author: str, *ranges: tuple[int, int, int], seconds: float = 0) -> None:
    authors.record([PeerRange(*one) for one in ranges], author=author, token_id=f"{author}-token", at=after(seconds))


def whose(authors: Authors, peer: int, counter: int) -> str | None:
    span = authors.who(peer, counter)
    return span.author if span else None


def test_an_operation_belongs_to_the_token_that_delivered_it() -> None:
    authors = Authors()
    given_by(authors, "alice", (1, 0, 5), (BIGGEST_PEER, 0, 2))
    given_by(authors, "bob", (1, 5, 7), seconds=10)

    assert authors.who(1, 4) == Span(1, 0, 5, "alice", "alice-token", after(0), after(0))
    assert authors.who(1, 5) == Span(1, 5, 7, "bob", "bob-token", after(10), after(10))
    assert whose(authors, BIGGEST_PEER, 1) == "alice"


@pytest.mark.parametrize(("peer", "counter"), [(1, 7), (1, -1), (2, 0), (1, 3)])
def test_what_nobody_delivered_belongs_to_nobody(peer: int, counter: int) -> None:
    authors = Authors()
    given_by(authors, "alice", (1, 0, 3), (1, 4, 7))

    assert authors.who(peer, counter) is None


def test_what_one_token_delivers_within_a_second_is_one_span() -> None:
    authors = Authors()
    for letter in range(5):
        given_by(authors, "alice", (1, letter, letter + 1), seconds=letter / 4)

    assert authors.spans() == [Span(1, 0, 5, "alice", "alice-token", after(0), after(1))]


def test_a_span_that_a_second_has_passed_over_is_not_grown() -> None:
    authors = Authors()
    for letter in range(9):
        given_by(authors, "alice", (1, letter, letter + 1), seconds=letter / 4)

    assert [(span.start, span.end) for span in authors.spans()] == [(0, 5), (5, 9)]


def test_what_was_applied_in_between_ends_a_span() -> None:
    authors = Authors()
    given_by(authors, "alice", (1, 0, 1), (2, 0, 1))
    given_by(authors, "alice", (1, 1, 2), seconds=0.2)
    authors.applied(after(0.3))
    given_by(authors, "alice", (1, 2, 3), seconds=0.4)
    given_by(authors, "alice", (1, 3, 4), seconds=0.5)

    spans = [(span.peer, span.start, span.end, span.first_at) for span in authors.spans()]
    assert spans == [(1, 0, 2, after(0)), (1, 2, 4, after(0.4)), (2, 0, 1, after(0))]


def test_another_token_or_a_gap_begins_a_new_span() -> None:
    authors = Authors()
    given_by(authors, "alice", (1, 0, 2))
    given_by(authors, "bob", (1, 2, 3))
    given_by(authors, "bob", (1, 4, 5))

    assert [(span.start, span.end, span.author) for span in authors.spans()] == [
        (0, 2, "alice"),
        (2, 3, "bob"),
        (4, 5, "bob"),
    ]


def test_a_clock_that_was_set_back_grows_no_span() -> None:
    authors = Authors()
    given_by(authors, "alice", (1, 0, 1), seconds=5)
    given_by(authors, "alice", (1, 1, 2), seconds=4)

    assert len(authors.spans()) == 2
    assert authors.counts_at(after(4)) == {}


def test_operations_that_come_before_earlier_ones_find_their_place() -> None:
    authors = Authors()
    given_by(authors, "alice", (1, 10, 20))
    given_by(authors, "bob", (1, 0, 10), seconds=5)

    assert [(span.start, span.author) for span in authors.spans()] == [(0, "bob"), (10, "alice")]
    assert authors.counts_at(after(4)) == {}
    assert authors.counts_at(after(5)) == {1: 20}


def test_a_claim_on_what_has_not_arrived_gives_way_to_whoever_delivers_it() -> None:
    authors = Authors()
    given_by(authors, "mallory", (1, 0, 100))
    given_by(authors, "alice", (1, 10, 20), seconds=5)

    assert [whose(authors, 1, counter) for counter in (9, 10, 19, 20)] == ["mallory", "alice", "alice", "mallory"]


def test_a_moment_has_the_operations_that_had_arrived() -> None:
    authors = Authors()
    given_by(authors, "alice", (1, 0, 3), seconds=0)
    given_by(authors, "bob", (2, 0, 4), seconds=10)
    given_by(authors, "alice", (1, 3, 6), seconds=20)

    assert authors.counts_at(after(-1)) == {}
    assert authors.counts_at(after(0)) == {1: 3}
    assert authors.counts_at(after(15)) == {1: 3, 2: 4}
    assert authors.counts_at(after(99)) == {1: 6, 2: 4}


def test_a_range_of_nothing_is_nothing() -> None:
    authors = Authors()
    given_by(authors, "alice", (1, 5, 5))

    assert (authors.spans(), authors.end(1)) == ([], 0)


def test_the_end_of_a_peer_is_after_its_last_operation() -> None:
    authors = Authors()
    given_by(authors, "alice", (1, 0, 3), (1, 7, 9))

    assert (authors.end(1), authors.end(2)) == (9, 0)


_DELIVERIES = st.lists(
    st.tuples(
        st.sampled_from(["alice", "bob", "carol"]),
        st.integers(1, 2),
        st.integers(0, 30),
        st.integers(1, 12),
        st.sampled_from([0.0, 0.4, 1.0, 3.0]),
    ),
    max_size=40,
)


@given(_DELIVERIES)
def test_spans_say_the_same_as_a_table_of_single_operations(
    deliveries: list[tuple[str, int, int, int, float]],
) -> None:
    authors, table, seconds = Authors(), dict[tuple[int, int], str](), 0.0
    for author, peer, start, length, pause in deliveries:
        seconds += pause
        given_by(authors, author, (peer, start, start + length), seconds=seconds)
        table |= {(peer, counter): author for counter in range(start, start + length)}

    assert {(peer, counter): whose(authors, peer, counter) for peer, counter in table} == table
    assert sum(span.end - span.start for span in authors.spans()) == len(table)
    assert Authors(authors.spans()).spans() == authors.spans()


@given(st.lists(st.tuples(st.sampled_from([0.0, 0.3, 0.9, 2.0]), st.integers(1, 3)), min_size=1), st.floats(0, 60))
def test_a_moment_is_exact_to_the_second(deliveries: list[tuple[float, int]], moment: float) -> None:
    authors, arrivals, seconds = Authors(), list[float](), 0.0
    for pause, length in deliveries:
        seconds += pause
        given_by(authors, "alice", (1, len(arrivals), len(arrivals) + length), seconds=seconds)
        arrivals += [seconds] * length

    count = authors.counts_at(after(moment)).get(1, 0)

    assert sum(at <= moment - 1.001 for at in arrivals) <= count <= sum(at <= moment + 0.001 for at in arrivals)


def test_a_span_costs_less_than_80_bytes_and_is_found_at_once() -> None:
    tracemalloc.start()
    authors = Authors()
    for number in range(25_000):
        given_by(authors, f"member-{number % 7}", (number % 50, number // 50, number // 50 + 1), seconds=number)
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()

    assert held < 2_000_000
    assert whose(authors, 49, 499) == f"member-{24_999 % 7}"
    assert authors.counts_at(after(24_999)) == dict.fromkeys(range(50), 500)
