"""The messages of loro-protocol v1, and the numbers it gives to what can go wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, IntEnum

# The name of a batch, and what a number on the wire can be at most.
BATCH_BYTES = 8
NUMBER_MOST = 2**32 - 1


class Kind(Enum):
    """What a room is about: the four bytes that every message begins with."""

    DOC = b"%LOR"
    PRESENCE = b"%EPH"


class Type(IntEnum):
    """What a message says: the byte after the room."""

    JOIN = 0x00
    JOIN_OK = 0x01
    JOIN_ERROR = 0x02
    DOC_UPDATE = 0x03
    FRAGMENT_HEADER = 0x04
    FRAGMENT = 0x05
    ROOM_ERROR = 0x06
    LEAVE = 0x07
    ACK = 0x08


class Status(IntEnum):
    """What became of an update, in an Ack."""

    OK = 0x00
    UNKNOWN = 0x01
    DENIED = 0x03
    INVALID = 0x04
    TOO_LARGE = 0x05
    RATE_LIMITED = 0x06
    FRAGMENT_TIMEOUT = 0x07
    APP = 0x7F


class JoinFault(IntEnum):
    """Why a join failed."""

    UNKNOWN = 0x00
    VERSION_UNKNOWN = 0x01
    AUTH_FAILED = 0x02
    APP = 0x7F


class RoomFault(IntEnum):
    """What went wrong in a room. After REJOIN a client joins again at once; after others it lets go."""

    REJOIN = 0x01
    EVICTED = 0x02
    UNKNOWN = 0x7F


@dataclass(frozen=True, slots=True)
class Room:
    """One conversation on a connection. Document and presence of one name are two rooms."""

    kind: Kind
    name: str


@dataclass(frozen=True, slots=True)
class Join:
    """`auth` is what the client shows to be let in, `version` what it has (empty: nothing)."""

    room: Room
    auth: bytes
    version: bytes


@dataclass(frozen=True, slots=True)
class JoinOk:
    """`writes`: may the client write? `version` is what the server has; `extra` is opaque to the protocol."""

    room: Room
    writes: bool
    version: bytes
    extra: bytes = b""


@dataclass(frozen=True, slots=True)
class JoinError:
    """`version` goes with VERSION_UNKNOWN, `app_code` with APP."""

    room: Room
    fault: JoinFault
    message: str
    version: bytes = b""
    app_code: str = ""


@dataclass(frozen=True, slots=True)
class DocUpdate:
    """Updates, each one a blob of its own. `batch` is 8 bytes that the acknowledgement names."""

    room: Room
    batch: bytes
    updates: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class FragmentHeader:
    """Announces one blob of `size` bytes in `count` fragments."""

    room: Room
    batch: bytes
    count: int
    size: int


@dataclass(frozen=True, slots=True)
class Fragment:
    """One piece of the blob that the header of this `batch` announced; the first has index 0."""

    room: Room
    batch: bytes
    index: int
    data: bytes


@dataclass(frozen=True, slots=True)
class RoomError:
    """Something happened to a room that its members must know."""

    room: Room
    fault: RoomFault
    message: str


@dataclass(frozen=True, slots=True)
class Leave:
    """The client lets go of the room. It is not answered."""

    room: Room


@dataclass(frozen=True, slots=True)
class Ack:
    """The answer to one batch, also to one of fragments. A client sends it only for a fault."""

    room: Room
    batch: bytes
    status: Status


Frame = Join | JoinOk | JoinError | DocUpdate | FragmentHeader | Fragment | RoomError | Leave | Ack
