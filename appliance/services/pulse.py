"""Whether the loops of this process still turn."""

from __future__ import annotations

from dataclasses import dataclass, field

from appliance.core.ports import Clock


@dataclass(slots=True)
class Pulse:
    """When each loop last came round. Loops that never started have no age."""

    clock: Clock
    _beats: dict[str, float] = field(default_factory=dict)

    def beat(self, loop: str) -> None:
        self._beats[loop] = self.clock.monotonic()

    def ages(self) -> dict[str, float]:
        """Seconds since each loop's last beat."""
        now = self.clock.monotonic()
        return {loop: now - at for loop, at in sorted(self._beats.items())}
