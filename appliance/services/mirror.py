"""The object store's copy of the revisions: one object each, and a pointer that names the newest."""

from __future__ import annotations

import re
from dataclasses import dataclass

from appliance.core.errors import Conflict, ControlError, NotFound, Unavailable
from appliance.core.objects import ObjectInfo, ObjectStore
from appliance.core.ports import Revisions

POINTER = "manifests/manifest@current"

# The pointer is moved after so many objects, so that a long way is not begun anew after a kill.
BATCH = 100

# Only another call of this mirror moves the pointer meanwhile, and each one by a step.
_TRIES = 10

_NUMBER = re.compile(rb"[1-9][0-9]{0,15}")


class ForeignManifest(Conflict):
    """The object store holds manifests of another control plane. Nothing was overwritten."""

    code = "foreign_manifest"


def manifest_key(number: int) -> str:
    """The immutable object of one revision: its canonical text."""
    return f"manifests/manifest@v{number}.toml"


@dataclass(slots=True)
class Mirror:
    """Follows the catalog, whose rows are the truth; readers of the store see a revision once all of it is there.

    `problem` says why the last call did not come to its end, None if it did. Calls may overlap.
    """

    revisions: Revisions
    objects: ObjectStore
    problem: str | None = None
    _number: int = 0

    def __call__(self) -> int:
        """Bring the objects up to the newest revision and return its number (0: nothing is applied).

        Idempotent, and free while nothing is applied. Raises ForeignManifest, NotAtomic, Unavailable.
        """
        try:
            self._follow()
        except ControlError as error:
            self.problem = f"{error.code}: {error}"
            raise
        self.problem = None
        return self._number

    def attempt(self) -> bool:
        """As a call, after something that stands whatever the store says. False: see `problem`."""
        try:
            self()
        except ControlError:
            return False
        return True

    def behind(self) -> int:
        """How many revisions the store lacks, as far as this process knows."""
        return (self.revisions.head_number() or 0) - self._number

    def _follow(self) -> None:
        for _ in range(_TRIES):
            while (head := self.revisions.head_number() or 0) > self._number:
                if not self._step(head):
                    break
            else:
                return
        raise Unavailable(f"{POINTER} of {self.objects.location} moves faster than it can be followed")

    def _step(self, head: int) -> bool:
        """Write what is missing, then move the pointer. False if somebody moved it meanwhile."""
        info = self.objects.head(POINTER)
        stored = self._stored(info)
        if stored > head:
            # Read again: the pointer may be of a call that began after this one.
            head = self.revisions.head_number() or 0
        if stored > head:
            raise self._foreign(f"{POINTER} names revision {stored}, the catalog has {head}")
        goal = min(head, stored + BATCH)
        # The one that the pointer names is looked at, too: it is ours only if it says the same.
        for number in range(max(stored, 1), goal + 1):
            self._put(number)
        if goal > stored:
            try:
                self.objects.compare_and_set(
                    POINTER, str(goal).encode(), expected=None if info is None else info.version
                )
            except Conflict:
                return False
        self._number = max(self._number, goal)
        return True

    def _stored(self, info: ObjectInfo | None) -> int:
        if info is None:
            return 0
        try:
            body = self.objects.get(POINTER)
        except NotFound:
            return 0
        if not _NUMBER.fullmatch(body):
            raise self._foreign(f"{POINTER} says {body[:40]!r}, which is no revision number")
        return int(body)

    def _put(self, number: int) -> None:
        key, ours = manifest_key(number), self.revisions.get(number).manifest.encode()
        if not self.objects.put(key, ours, if_absent=True) and self.objects.get(key) != ours:
            raise self._foreign(f"{key} differs from revision {number} of the catalog")

    def _foreign(self, what: str) -> ForeignManifest:
        return ForeignManifest(
            f"{self.objects.location}: {what}; another control plane writes there, or the catalog was restored from "
            "an older backup. Nothing was overwritten: give this control plane a folder or prefix of its own"
        )
