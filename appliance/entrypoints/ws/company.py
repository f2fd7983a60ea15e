"""Who is in a draft at the moment, and where: kept in memory, and told to the others a few times a second at most."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from appliance.core.config_doc import Presence
from appliance.core.draft import RoomId
from appliance.core.errors import Invalid
from appliance.core.limits import PRESENCE_BYTES, PRESENCE_KEYS_PER_CONNECTION, PRESENCE_SECONDS
from appliance.core.sync.encode import frames_of
from appliance.core.sync.frames import Kind, Room, Status
from appliance.entrypoints.ws.connection import Connection, Holder
from appliance.entrypoints.ws.outbox import packed
from appliance.entrypoints.ws.presence_entries import Entry, read_entries, write_entries

# What many say within this time, in seconds, goes to everybody in one frame. The first word goes at once.
GATHER = 0.05

# A key names a member and a session, in bytes.
KEY_BYTES = 256

# Keys that are gone are remembered for PRESENCE_SECONDS and told to whoever comes. Over so many, no new ones are taken:
# who says and takes back new keys all the time would fill this process, and everybody's line.
MOST_GONE = 4096


@dataclass(slots=True, eq=False)
class Company:
    """The presence of one room. Belongs to the event loop's thread.

    A key begins with the name of the member whose token the connection showed, and `/`: nobody can be somebody else.
    It is forgotten when its connection is lost, and when it was not said again for PRESENCE_SECONDS: that is how
    those go whose connection is lost without a sign. The times are the server's; a client whose clock is wrong
    would be taken for gone at once, or stay for ever.
    """

    id: RoomId
    presence: Presence
    fresh: Callable[[], bytes]
    members: set[Connection] = field(default_factory=set)
    _owners: dict[str, Connection] = field(default_factory=dict)
    _gone: dict[str, float] = field(default_factory=dict)
    _news: dict[str, tuple[Entry, Connection | None]] = field(default_factory=dict)
    _told_at: float = float("-inf")
    _timer: asyncio.TimerHandle | None = None
    _time: int = 0
    place: Room = field(init=False)

    def __post_init__(self) -> None:
        self.place = Room(Kind.PRESENCE, str(self.id))

    def enter(self, member: Connection) -> None:
        """Let somebody in, and tell them who is here."""
        self.members.add(member)
        state = self.presence.state()
        if state:
            member.outbox.answer(packed(frames_of(self.place, [state], self.fresh)))

    def leave(self, member: Connection) -> None:
        self.members.discard(member)
        self._take([Entry(key, None) for key, owner in self._owners.items() if owner is member], None)

    def take(self, by: Connection, holder: Holder, batch: bytes, updates: Sequence[bytes]) -> None:
        by.ack(self.place, batch, self._heard(by, holder, updates))

    def _heard(self, member: Connection, holder: Holder, updates: Sequence[bytes]) -> Status:
        """Take what a client says of itself; anything it says of others is left out, and DENIED the answer.

        The stock client says all it knows, of others too, whenever it joins again.
        """
        try:
            said = [entry for update in updates for entry in read_entries(update)]
        except Invalid:
            return Status.INVALID
        own = [entry for entry in said if entry.key.startswith(f"{holder.actor.name}/")]
        if _is_too_large(own):
            return Status.TOO_LARGE
        keys = {key for key, owner in self._owners.items() if owner is member}
        keys = (keys - {entry.key for entry in own}) | {entry.key for entry in own if entry.value is not None}
        if len(keys) > PRESENCE_KEYS_PER_CONNECTION:
            return Status.TOO_LARGE
        if len(self._gone) >= MOST_GONE and any(entry.key not in self._owners for entry in own):
            return Status.RATE_LIMITED
        # Removing what is not there would be kept and told for nothing.
        self._take([entry for entry in own if entry.value is not None or entry.key in self._owners], member)
        return Status.OK if len(own) == len(said) else Status.DENIED

    def expire(self) -> None:
        """Forget what was not said again in time. The others' stores do so by themselves."""
        self.presence.expire()
        past = asyncio.get_running_loop().time() - PRESENCE_SECONDS
        self._gone = {key: at for key, at in self._gone.items() if at > past}

    def _take(self, entries: Sequence[Entry], by: Connection | None) -> None:
        if not entries:
            return
        # The machine's own clock, because the store looks at it, too. Two entries of one moment would be one to it.
        self._time = max(self._time + 1, int(time.time() * 1000))
        self.presence.apply(write_entries(entries, at=self._time))
        for entry in entries:
            self._news[entry.key] = (entry, by)
            if entry.value is None or by is None:
                self._owners.pop(entry.key, None)
                self._gone[entry.key] = asyncio.get_running_loop().time()
            else:
                self._owners[entry.key] = by
                self._gone.pop(entry.key, None)
        self._tell_soon()

    def _tell_soon(self) -> None:
        loop = asyncio.get_running_loop()
        if self._timer is None:
            self._timer = loop.call_at(max(self._told_at + GATHER, loop.time()), self._tell)

    def _tell(self) -> None:
        self._timer, self._told_at = None, asyncio.get_running_loop().time()
        news, self._news = list(self._news.values()), {}
        speakers = {by for _, by in news if by is not None}
        everything = packed(self._frames([entry for entry, _ in news]))
        for member in self.members:
            parcel = everything
            if member in speakers:
                # Their own store knows better: what they say next may be on its way already.
                parcel = packed(self._frames([entry for entry, by in news if by is not member]))
            if parcel.events:
                member.outbox.tell(parcel, self.place)

    def _frames(self, entries: Sequence[Entry]) -> Sequence[bytes]:
        return frames_of(self.place, [write_entries(entries, at=self._time)], self.fresh) if entries else []


def _is_too_large(said: Sequence[Entry]) -> bool:
    keys = [len(entry.key.encode()) for entry in said]
    return max(keys, default=0) > KEY_BYTES or sum(keys) + sum(len(one.value or b"") for one in said) > PRESENCE_BYTES
