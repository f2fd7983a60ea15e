"""Bytes to frames: whatever is not exactly a message of the protocol is refused, in linear time."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from appliance.core.errors import Invalid
from appliance.core.limits import SYNC_MESSAGE_BYTES, SYNC_ROOM_NAME_BYTES
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
    Kind,
    Leave,
    Room,
    RoomError,
    RoomFault,
    Status,
    Type,
)

_MAGIC_BYTES = 4
_NUMBER_BYTES = 5

# Other documents that the protocol knows: a stored presence, Yjs and its awareness, encrypted Loro, Flock.
_UNSUPPORTED = frozenset((b"%EPS", b"%YJS", b"%YAW", b"%ELO", b"%FLO"))
_KNOWN = _UNSUPPORTED | {kind.value for kind in Kind}


class BadFrame(Invalid):
    """The bytes are no message of the protocol."""

    code = "bad_frame"


class UnsupportedRoom(Invalid):
    """A room of a kind that the protocol knows and this server does not.

    `key` is what every message of the room begins with, `joins` whether this one asks to be let in.
    """

    code = "unsupported_crdt"

    def __init__(self, key: bytes, *, joins: bool) -> None:
        self.key = key
        self.joins = joins
        super().__init__(f"{key[:_MAGIC_BYTES].decode()}: this server holds Loro documents and their presence")


def decode(data: bytes) -> Frame:
    """The one message that `data` is. Raises BadFrame and UnsupportedRoom.

    Codes that the protocol may get one day are read as UNKNOWN, as the stock library reads them.
    """
    if len(data) > SYNC_MESSAGE_BYTES:
        raise BadFrame(f"a message of {len(data)} bytes: at most {SYNC_MESSAGE_BYTES} are read")
    at = _end_of_room(data)
    kind = data[at]
    room = _room(data[:at])
    if room is None:
        raise UnsupportedRoom(data[:at], joins=kind == Type.JOIN)
    if kind >= len(_READERS):
        raise BadFrame(f"type {kind}: there is no message of that type")
    frame, end = _READERS[kind](data, at + 1, room)
    if end != len(data):
        raise BadFrame(f"{type(frame).__name__}: it ends at byte {end}, the message has {len(data)}")
    return frame


def refuse_unsupported(data: bytes) -> bytes | None:
    """The answer to a join that raised UnsupportedRoom; None to anything else, which needs no answer."""
    try:
        decode(data)
    except UnsupportedRoom as error:
        if not error.joins:
            return None
        message, code = str(error).partition(": ")[2].encode(), error.code.encode()
        head = bytes((Type.JOIN_ERROR, JoinFault.APP))
        return b"".join((error.key, head, bytes((len(message),)), message, bytes((len(code),)), code))
    except BadFrame:
        return None
    return None


def _end_of_room(data: bytes) -> int:
    """Where the type stands. It is there, and the name is of a good length."""
    if len(data) < _MAGIC_BYTES:
        raise BadFrame(f"a message of {len(data)} bytes: it cannot even name its room")
    if data[:_MAGIC_BYTES] not in _KNOWN:
        raise BadFrame(f"{data[:_MAGIC_BYTES]!r}: no message begins with these bytes")
    length, start = _number(data, _MAGIC_BYTES, "room")
    if length > SYNC_ROOM_NAME_BYTES:
        raise BadFrame(f"room: its name has {length} bytes, at most {SYNC_ROOM_NAME_BYTES} are allowed")
    end = start + length
    if end >= len(data):
        raise BadFrame("room: the message ends before its type")
    return end


@lru_cache(maxsize=1024)
def _room(key: bytes) -> Room | None:
    """The room of a key; None if it is of a kind that is not ours."""
    magic = key[:_MAGIC_BYTES]
    if magic in _UNSUPPORTED:
        return None
    name, _ = _text(key, _MAGIC_BYTES, "room")
    return Room(Kind(magic), name)


def _join(data: bytes, at: int, room: Room) -> tuple[Frame, int]:
    auth, at = _blob(data, at, "Join: auth")
    version, at = _blob(data, at, "Join: version")
    return Join(room, auth, version), at


def _join_ok(data: bytes, at: int, room: Room) -> tuple[Frame, int]:
    word, at = _blob(data, at, "JoinOk: permission")
    if word not in (b"read", b"write"):
        raise BadFrame(f"JoinOk: permission {word[:20]!r}: must be read or write")
    version, at = _blob(data, at, "JoinOk: version")
    extra, at = _blob(data, at, "JoinOk: extra")
    return JoinOk(room, word == b"write", version, extra), at


def _join_error(data: bytes, at: int, room: Room) -> tuple[Frame, int]:
    code, at = _byte(data, at, "JoinError: fault")
    fault = _JOIN_FAULTS.get(code, JoinFault.UNKNOWN)
    message, at = _text(data, at, "JoinError: message")
    version, app_code = b"", ""
    if fault is JoinFault.VERSION_UNKNOWN and at < len(data):
        version, at = _blob(data, at, "JoinError: version")
    if fault is JoinFault.APP and at < len(data):
        app_code, at = _text(data, at, "JoinError: app_code")
    return JoinError(room, fault, message, version, app_code), at


def _doc_update(data: bytes, at: int, room: Room) -> tuple[Frame, int]:
    count, at = _number(data, at, "DocUpdate: count")
    if count > max(0, len(data) - at - BATCH_BYTES):
        raise BadFrame(f"DocUpdate: {count} updates do not fit in what is left of the message")
    updates: list[bytes] = []
    for _ in range(count):
        update, at = _blob(data, at, "DocUpdate: update")
        updates.append(update)
    batch, at = _batch(data, at, "DocUpdate: batch")
    return DocUpdate(room, batch, updates), at


def _fragment_header(data: bytes, at: int, room: Room) -> tuple[Frame, int]:
    batch, at = _batch(data, at, "FragmentHeader: batch")
    count, at = _number(data, at, "FragmentHeader: count")
    size, at = _number(data, at, "FragmentHeader: size")
    return FragmentHeader(room, batch, count, size), at


def _fragment(data: bytes, at: int, room: Room) -> tuple[Frame, int]:
    batch, at = _batch(data, at, "Fragment: batch")
    index, at = _number(data, at, "Fragment: index")
    piece, at = _blob(data, at, "Fragment: data")
    return Fragment(room, batch, index, piece), at


def _room_error(data: bytes, at: int, room: Room) -> tuple[Frame, int]:
    code, at = _byte(data, at, "RoomError: fault")
    message, at = _text(data, at, "RoomError: message")
    return RoomError(room, _ROOM_FAULTS.get(code, RoomFault.UNKNOWN), message), at


def _leave(_data: bytes, at: int, room: Room) -> tuple[Frame, int]:
    return Leave(room), at


def _ack(data: bytes, at: int, room: Room) -> tuple[Frame, int]:
    batch, at = _batch(data, at, "Ack: batch")
    code, at = _byte(data, at, "Ack: status")
    return Ack(room, batch, _STATUSES.get(code, Status.UNKNOWN)), at


def _byte(data: bytes, at: int, what: str) -> tuple[int, int]:
    if at >= len(data):
        raise _short(what)
    return data[at], at + 1


def _number(data: bytes, at: int, what: str) -> tuple[int, int]:
    if at < len(data) and data[at] < 1 << 7:
        return data[at], at + 1
    value = 0
    for place, digit in enumerate(data[at : at + _NUMBER_BYTES]):
        value |= (digit & 0x7F) << 7 * place
        if digit < 1 << 7:
            break
    else:
        raise _short(what) if len(data) - at < _NUMBER_BYTES else BadFrame(f"{what}: a number of over 5 bytes")
    if value > NUMBER_MOST:
        raise BadFrame(f"{what}: {value} is over {NUMBER_MOST}")
    return value, at + place + 1


def _blob(data: bytes, at: int, what: str) -> tuple[bytes, int]:
    length, at = _number(data, at, what)
    end = at + length
    if end > len(data):
        raise _short(what)
    return data[at:end], end


def _batch(data: bytes, at: int, what: str) -> tuple[bytes, int]:
    end = at + BATCH_BYTES
    if end > len(data):
        raise _short(what)
    return data[at:end], end


def _text(data: bytes, at: int, what: str) -> tuple[str, int]:
    text, at = _blob(data, at, what)
    try:
        return text.decode(), at
    except UnicodeDecodeError:
        raise BadFrame(f"{what}: not UTF-8") from None


def _short(what: str) -> BadFrame:
    return BadFrame(f"{what}: the message ends in it")


_JOIN_FAULTS = {int(fault): fault for fault in JoinFault}
_ROOM_FAULTS = {int(fault): fault for fault in RoomFault}
_STATUSES = {int(status): status for status in Status}

# By the number of the type.
_READERS: tuple[Callable[[bytes, int, Room], tuple[Frame, int]], ...] = (
    _join, _join_ok, _join_error, _doc_update, _fragment_header, _fragment, _room_error, _leave, _ack,
)  # fmt: skip
