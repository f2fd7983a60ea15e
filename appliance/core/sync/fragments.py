"""Puts together what arrives in fragments, within bounds."""

from __future__ import annotations

from dataclasses import dataclass, field

from appliance.core.errors import Invalid
from appliance.core.limits import (
    SYNC_FRAGMENTS_SECONDS,
    SYNC_MESSAGE_BYTES,
    SYNC_ROOMS_PER_CONNECTION,
    SYNC_UPDATE_BYTES,
)
from appliance.core.sync.frames import Fragment, FragmentHeader, Room, Status

# The stock client cuts at 240 KiB, into 18 at most. Whoever cuts smaller still gets 4 MiB across in pieces of 4 KiB.
MOST_FRAGMENTS = 1024


class BadFragment(Invalid):
    """A blob in fragments that will not be put together; `status` is the answer to its batch.

    Nothing is kept of it, and fragments of it that are still to come are ignored.
    """

    code = "bad_fragment"

    def __init__(self, message: str, status: Status) -> None:
        self.status = status
        super().__init__(message)


@dataclass(slots=True)
class _Assembly:
    header: FragmentHeader
    deadline: float
    pieces: dict[int, bytes] = field(default_factory=dict)
    size: int = 0


@dataclass(slots=True)
class Fragments:
    """The unfinished blobs of one connection.

    Moments are seconds of any clock that never goes back. What the headers promise is at most SYNC_UPDATE_BYTES
    together, whatever arrives.
    """

    _open: dict[tuple[Room, bytes], _Assembly] = field(default_factory=dict)

    def begin(self, header: FragmentHeader, now: float) -> None:
        """Expect the fragments of one batch. A header that comes again begins again. Raises BadFragment."""
        self._open.pop((header.room, header.batch), None)
        _check(header)
        promised = sum(assembly.header.size for assembly in self._open.values())
        if len(self._open) >= SYNC_ROOMS_PER_CONNECTION or promised + header.size > SYNC_UPDATE_BYTES:
            raise BadFragment(
                f"{len(self._open)} batches with {promised} bytes are not complete: finish them first",
                Status.RATE_LIMITED,
            )
        self._open[header.room, header.batch] = _Assembly(header, now + SYNC_FRAGMENTS_SECONDS)

    def add(self, fragment: Fragment, now: float | None = None) -> bytes | None:
        """The whole blob, once this was its last piece. Raises BadFragment.

        With `now` the time for the rest begins again, so that a slow link can bring a large blob. A fragment of a
        batch that nobody announced, or that was given up, changes nothing: its header has been answered, or never was.
        """
        key = (fragment.room, fragment.batch)
        assembly = self._open.get(key)
        if assembly is None:
            return None
        try:
            whole = _put(assembly, fragment)
        except BadFragment:
            del self._open[key]
            raise
        if whole is not None:
            del self._open[key]
        elif now is not None:
            assembly.deadline = now + SYNC_FRAGMENTS_SECONDS
        return whole

    def expire(self, now: float) -> list[tuple[Room, bytes]]:
        """Give up what did not come in time: rooms and batches to be answered with FRAGMENT_TIMEOUT."""
        late = [key for key, assembly in self._open.items() if assembly.deadline <= now]
        for key in late:
            del self._open[key]
        return late

    def leave(self, room: Room) -> None:
        """Give up what belongs to a room that the client let go of."""
        for key in [key for key in self._open if key[0] == room]:
            del self._open[key]


def _check(header: FragmentHeader) -> None:
    if header.size > SYNC_UPDATE_BYTES:
        raise BadFragment(f"an update of {header.size} bytes: at most {SYNC_UPDATE_BYTES} are taken", Status.TOO_LARGE)
    # Every fragment brings something, and none more than a message holds.
    fewest = max(1, -(-header.size // SYNC_MESSAGE_BYTES))
    most = min(header.size, MOST_FRAGMENTS)
    if not fewest <= header.count <= most:
        raise BadFragment(f"{header.count} fragments cannot bring {header.size} bytes", Status.INVALID)


def _put(assembly: _Assembly, fragment: Fragment) -> bytes | None:
    header, index = assembly.header, fragment.index
    if index >= header.count:
        raise BadFragment(f"fragment {index}: there are {header.count}, the first is 0", Status.INVALID)
    if index in assembly.pieces:
        raise BadFragment(f"fragment {index}: it came before", Status.INVALID)
    if not fragment.data:
        raise BadFragment(f"fragment {index}: it is empty", Status.INVALID)
    assembly.size += len(fragment.data)
    if assembly.size > header.size:
        raise BadFragment(f"the fragments have more than the {header.size} bytes announced", Status.INVALID)
    assembly.pieces[index] = fragment.data
    if len(assembly.pieces) < header.count:
        return None
    if assembly.size != header.size:
        raise BadFragment(f"the fragments have {assembly.size} bytes, {header.size} were announced", Status.INVALID)
    return b"".join(assembly.pieces[place] for place in range(header.count))
