"""Frames to bytes: what a message looks like on the wire."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache

from appliance.core.errors import Invalid, TooLarge
from appliance.core.limits import SYNC_FRAGMENT_BYTES, SYNC_MESSAGE_BYTES, SYNC_ROOM_NAME_BYTES
from appliance.core.sync.frames import (
    BATCH_BYTES,
    NUMBER_MOST,
    Ack,
    DocUpdate,
    Fragment,
    FragmentHeader,
    Frame,
    Join,
    JoinError,
    JoinFault,
    JoinOk,
    Leave,
    Room,
    RoomError,
    Type,
)

_DOC_UPDATE, _HEADER, _FRAGMENT = bytes((Type.DOC_UPDATE,)), bytes((Type.FRAGMENT_HEADER,)), bytes((Type.FRAGMENT,))
_ACK = bytes((Type.ACK,))


def encode(frame: Frame) -> bytes:
    """One message. Raises TooLarge, and Invalid for a room, batch or number that has no place on the wire."""
    if isinstance(frame, Ack):
        # By far the most frequent one: it is not sent through the long way.
        return b"".join((room_key(frame.room), _ACK, _batch(frame.batch), bytes((frame.status,))))
    match frame:
        case DocUpdate() | FragmentHeader() | Fragment():
            parts = _about_updates(frame)
        case _:
            parts = _about_room(frame)
    message = b"".join((room_key(frame.room), *parts))
    if len(message) > SYNC_MESSAGE_BYTES:
        raise TooLarge(f"a message of {len(message)} bytes: at most {SYNC_MESSAGE_BYTES} fit")
    return message


@lru_cache(maxsize=1024)
def room_key(room: Room) -> bytes:
    """What every message of a room begins with. Raises Invalid."""
    name = room.name.encode()
    if len(name) > SYNC_ROOM_NAME_BYTES:
        raise Invalid(f"room: its name has {len(name)} bytes, at most {SYNC_ROOM_NAME_BYTES} fit")
    return room.kind.value + _blob(name)


def frames_of(room: Room, updates: Sequence[bytes], fresh: Callable[[], bytes]) -> list[bytes]:
    """As few messages as carry the updates, to be sent in this order; each can go to any number of members.

    `fresh` makes the 8 bytes that name a batch, never the same twice.
    """
    key = room_key(room)
    messages: list[bytes] = []
    parts: list[bytes] = []
    count = size = 0
    for update in updates:
        length = number(len(update))
        needs = len(length) + len(update)
        if count and size + needs > SYNC_FRAGMENT_BYTES:
            messages.append(b"".join((key, _DOC_UPDATE, number(count), *parts, fresh())))
            parts, count, size = [], 0, 0
        if len(update) > SYNC_FRAGMENT_BYTES:
            messages += _in_fragments(key, update, fresh())
            continue
        parts += (length, update)
        count += 1
        size += needs
    if count:
        messages.append(b"".join((key, _DOC_UPDATE, number(count), *parts, fresh())))
    return messages


def _in_fragments(key: bytes, update: bytes, batch: bytes) -> Iterator[bytes]:
    count = -(-len(update) // SYNC_FRAGMENT_BYTES)
    yield b"".join((key, _HEADER, batch, number(count), number(len(update))))
    for index in range(count):
        piece = update[index * SYNC_FRAGMENT_BYTES : (index + 1) * SYNC_FRAGMENT_BYTES]
        yield b"".join((key, _FRAGMENT, batch, number(index), number(len(piece)), piece))


def number(value: int) -> bytes:
    """A whole number in LEB128. Raises Invalid beyond 32 bits."""
    if 0 <= value < 1 << 7:
        return bytes((value,))
    if 0 <= value < 1 << 14:
        return bytes((value & 0x7F | 0x80, value >> 7))
    if not 0 <= value <= NUMBER_MOST:
        raise Invalid(f"{value}: must be from 0 to {NUMBER_MOST}")
    digits = bytearray()
    while value >= 1 << 7:
        digits.append(value & 0x7F | 0x80)
        value >>= 7
    digits.append(value)
    return bytes(digits)


def _about_updates(frame: DocUpdate | FragmentHeader | Fragment) -> Sequence[bytes]:
    batch = _batch(frame.batch)
    match frame:
        case DocUpdate():
            return (_DOC_UPDATE, number(len(frame.updates)), *map(_blob, frame.updates), batch)
        case FragmentHeader():
            return (_HEADER, batch, number(frame.count), number(frame.size))
        case Fragment():
            return (_FRAGMENT, batch, number(frame.index), _blob(frame.data))


def _about_room(frame: Join | JoinOk | JoinError | RoomError | Leave) -> Sequence[bytes]:
    match frame:
        case Join():
            return (bytes((Type.JOIN,)), _blob(frame.auth), _blob(frame.version))
        case JoinOk():
            word = b"write" if frame.writes else b"read"
            return (bytes((Type.JOIN_OK,)), _blob(word), _blob(frame.version), _blob(frame.extra))
        case JoinError():
            return (bytes((Type.JOIN_ERROR, frame.fault)), _text(frame.message), _detail(frame))
        case RoomError():
            return (bytes((Type.ROOM_ERROR, frame.fault)), _text(frame.message))
        case Leave():
            return (bytes((Type.LEAVE,)),)


def _detail(frame: JoinError) -> bytes:
    if frame.fault is JoinFault.VERSION_UNKNOWN and frame.version:
        return _blob(frame.version)
    if frame.fault is JoinFault.APP and frame.app_code:
        return _text(frame.app_code)
    return b""


def _batch(batch: bytes) -> bytes:
    if len(batch) != BATCH_BYTES:
        raise Invalid(f"batch: has {len(batch)} bytes, must have {BATCH_BYTES}")
    return batch


def _blob(data: bytes) -> bytes:
    return number(len(data)) + data


def _text(text: str) -> bytes:
    # A message may quote what a client sent, and halves of surrogate pairs must not keep it from being said.
    return _blob(text.encode(errors="replace"))
