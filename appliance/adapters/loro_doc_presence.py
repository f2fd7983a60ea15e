"""Who is where: the CRDT library's store of values that expire, behind a look at what clients send it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from loro import EphemeralStore

from appliance.adapters.loro_doc_guard import LoroFailed, guarded
from appliance.adapters.loro_doc_signs import forgotten, read_signs
from appliance.core.errors import Invalid

if TYPE_CHECKING:
    from loro import EphemeralStoreEvent, Subscription  # only the stub knows the first one

_NOTHING = b"\0"


class LoroPresence:
    """Entries carry the clocks of those who made them: one is out of date by its own clock and ours.

    That somebody is gone follows from their connection, not from a clock: see `drop`.
    """

    def __init__(self, seconds: float) -> None:
        self._milliseconds = int(seconds * 1000)
        self._touched: list[str] = []
        self._begin()

    def apply(self, data: bytes) -> Sequence[str]:
        """Raises Invalid, and has changed nothing then."""
        read_signs(data)
        return self._take(data)

    def state(self) -> bytes:
        """What was dropped, too: whoever joins may have it still."""
        with guarded():
            state = self._store.encode_all()
        return b"" if state == _NOTHING else state

    def drop(self, keys: Sequence[str]) -> bytes:
        """It wins over what is known now, however far ahead the clock of the client was, and over nothing later."""
        with guarded():
            known = set(self._store.keys())
            signs = [read_signs(self._store.encode(key))[0] for key in dict.fromkeys(keys) if key in known]
        if not signs:
            return b""
        data = forgotten(signs)
        self._take(data)
        return data

    def expire(self) -> None:
        with guarded():
            self._store.remove_outdated()
        self._touched.clear()

    def _begin(self) -> None:
        self._store = EphemeralStore(self._milliseconds)
        # It ends when nobody holds it.
        self._subscription: Subscription = self._store.subscribe(self._note)

    def _note(self, event: EphemeralStoreEvent) -> bool:
        self._touched += [*event.added, *event.updated, *event.removed]
        return True

    def _take(self, data: bytes) -> Sequence[str]:
        self._touched.clear()
        try:
            with guarded():
                self._store.apply(data)
        except LoroFailed as failure:
            if failure.panic:
                self._begin()
            raise Invalid(f"presence: {failure}") from None
        return tuple(dict.fromkeys(self._touched))
