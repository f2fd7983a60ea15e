"""The codec says what the stock library says, byte for byte.

tests/vectors/frames.json was written with it (npm loro-protocol) and is read from JavaScript, too:
- `frames`: {name, hex, frame}, true in both directions. A frame is {type, room: {kind, name}, ...} with the names of
  core/sync/frames.py: bytes as hex, codes as numbers.
- `read`: {name, hex, frame}: nobody writes these bytes, everybody reads them like that.
- `bad`: {name, hex, why, stock_refuses}: no message. Where `stock_refuses` is false we are stricter than the library.
- `unsupported`: {name, hex, answer}: a join of a room that is not ours, and what it is told.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypedDict, cast

import pytest

from appliance.core.sync.decode import BadFrame, UnsupportedRoom, decode, refuse_unsupported
from appliance.core.sync.encode import encode
from appliance.core.sync.frames import (
    Ack,
    Frame,
    JoinError,
    JoinFault,
    Kind,
    Room,
    RoomError,
    RoomFault,
    Status,
)


class Good(TypedDict):
    name: str
    hex: str
    frame: dict[str, object]


class Bad(TypedDict):
    name: str
    hex: str
    why: str
    stock_refuses: bool


class Unsupported(TypedDict):
    name: str
    hex: str
    answer: str


class Vectors(TypedDict):
    frames: list[Good]
    read: list[Good]
    bad: list[Bad]
    unsupported: list[Unsupported]


def vectors() -> Vectors:
    text = (Path(__file__).parents[1] / "vectors" / "frames.json").read_text(encoding="utf-8")
    loaded: Vectors = json.loads(text)
    return loaded


VECTORS = vectors()


TYPES = cast("Mapping[str, Callable[..., Frame]]", {kind.__name__: kind for kind in Frame.__args__})
BYTES = {"auth", "version", "extra", "batch", "data"}


def field_of(name: str, said: object, *, of_join: bool) -> object:
    if name in BYTES:
        return bytes.fromhex(cast("str", said))
    if name == "updates":
        return [bytes.fromhex(update) for update in cast("list[str]", said)]
    if name == "fault":
        code = cast("int", said)
        return JoinFault(code) if of_join else RoomFault(code)
    if name == "status":
        return Status(cast("int", said))
    if name == "room":
        place = cast("dict[str, str]", said)
        return Room(Kind(place["kind"].encode()), place["name"])
    return said


def frame_of(said: Mapping[str, object]) -> Frame:
    kind = cast("str", said["type"])
    fields = {name: field_of(name, value, of_join=kind == "JoinError") for name, value in said.items()}
    del fields["type"]
    return TYPES[kind](**fields)


def name_of(case: Good | Bad | Unsupported) -> str:
    return case["name"]


@pytest.mark.parametrize("case", VECTORS["frames"], ids=name_of)
def test_a_frame_is_written_as_the_stock_library_writes_it(case: Good) -> None:
    assert encode(frame_of(case["frame"])).hex() == case["hex"]


@pytest.mark.parametrize("case", [*VECTORS["frames"], *VECTORS["read"]], ids=name_of)
def test_a_message_is_read_as_the_stock_library_reads_it(case: Good) -> None:
    assert decode(bytes.fromhex(case["hex"])) == frame_of(case["frame"])


@pytest.mark.parametrize("case", VECTORS["bad"], ids=name_of)
def test_what_is_no_message_is_refused_by_name(case: Bad) -> None:
    with pytest.raises(BadFrame) as refused:
        decode(bytes.fromhex(case["hex"]))

    assert refused.value.code == "bad_frame"
    assert WORDS[case["why"]] in str(refused.value)


@pytest.mark.parametrize("case", VECTORS["unsupported"], ids=name_of)
def test_a_room_that_is_not_ours_is_told_apart(case: Unsupported) -> None:
    data = bytes.fromhex(case["hex"])

    with pytest.raises(UnsupportedRoom) as refused:
        decode(data)

    assert data.startswith(refused.value.key)
    assert refused.value.joins
    assert refuse_unsupported(data) == bytes.fromhex(case["answer"])


@pytest.mark.parametrize("case", VECTORS["unsupported"], ids=name_of)
def test_only_a_join_of_a_room_that_is_not_ours_is_answered(case: Unsupported) -> None:
    head = bytes.fromhex(case["hex"])[:6]

    assert [refuse_unsupported(head + bytes((kind,))) for kind in (1, 7, 8, 255)] == [None] * 4
    assert refuse_unsupported(b"%LOR\x01r\x07") is None
    assert refuse_unsupported(b"%LOR") is None


@pytest.mark.parametrize("case", VECTORS["frames"], ids=name_of)
def test_a_message_that_lost_its_end_never_becomes_another(case: Good) -> None:
    data = bytes.fromhex(case["hex"])

    for end in range(max(0, len(data) - 200), len(data)):
        try:
            cut = decode(data[:end])
        except BadFrame:
            continue
        # The end of a join fault may be left out.
        assert isinstance(cut, JoinError)
        assert (cut.version, cut.app_code) == (b"", "")


def test_every_type_and_every_code_is_among_the_vectors() -> None:
    frames = [frame_of(case["frame"]) for case in VECTORS["frames"]]

    assert {type(frame) for frame in frames} == set(Frame.__args__)
    assert {frame.status for frame in frames if isinstance(frame, Ack)} == set(Status)
    assert {frame.fault for frame in frames if isinstance(frame, JoinError)} == set(JoinFault)
    assert {frame.fault for frame in frames if isinstance(frame, RoomError)} == set(RoomFault)
    assert {frame.room.kind for frame in frames} == set(Kind)


# What the complaint says, by the reason in the vectors.
WORDS = {
    "too short": "cannot even name its room",
    "ends at the room": "room: the message ends in it",
    "ends in the room": "room: the message ends before its type",
    "ends in a number": "the message ends in it",
    "no type": "ends before its type",
    "unknown magic": "no message begins with these bytes",
    "room name too long": "room: its name has",
    "room name is not UTF-8": "room: not UTF-8",
    "number over five bytes": "a number of over 5 bytes",
    "number over 32 bits": "is over 4294967295",
    "unknown type": "there is no message of that type",
    "ends": "the message ends in it",
    "trailing": ": it ends at byte",
    "permission": "must be read or write",
    "not UTF-8": ": not UTF-8",
    "count does not fit": "updates do not fit in what is left",
}
