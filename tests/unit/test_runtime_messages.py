"""What travels between a reading and its parent."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors_runtime.columns import Column
from connectors_runtime.errors import ProtocolBroken
from connectors_runtime.messages import Done, Failed, Log, Message, Page, Progress, Started, decode, encode, unframe

MESSAGES: list[Message] = [
    Started(1),
    Log("info", "grüße\n"),
    Progress(1, 2),
    Page("/s/p.parquet", 1, 2, "ab", "c", (Column("a", "int64", nullable=False),)),
    Done(""),
    Failed("rate_limited", "later", 17),
]


@pytest.mark.parametrize("cut", [1, 3, 1_000])
def test_messages_arrive_whole_and_in_order_however_they_are_cut(cut: int) -> None:
    stream = b"".join(encode(message) for message in MESSAGES)
    buffer, found = bytearray(), []

    for at in range(0, len(stream), cut):
        buffer += stream[at : at + cut]
        while (value := unframe(buffer)) is not None:
            found.append(decode(value))

    assert found == MESSAGES
    assert not buffer


@given(st.binary(max_size=64))
def test_garbage_is_an_error_and_nothing_else(garbage: bytes) -> None:
    buffer = bytearray(garbage)
    try:
        while (value := unframe(buffer)) is not None:
            decode(value)
    except ProtocolBroken:
        pass


@pytest.mark.parametrize(
    "body",
    [b"[]", b"{}", b'{"is":"page"}', b'{"is":["log"]}', b'{"is":"done","cursor":"","x":1}', b"\xff", b"[" * 100_000],
)
def test_what_is_no_message_is_refused(body: bytes) -> None:
    buffer = bytearray(len(body).to_bytes(4, "big") + body)

    with pytest.raises(ProtocolBroken):
        decode(unframe(buffer) or {})


def test_a_length_beyond_the_limit_is_refused_before_it_is_read() -> None:
    with pytest.raises(ProtocolBroken, match="the limit is"):
        unframe(bytearray(b"\xff\xff\xff\xff"))
