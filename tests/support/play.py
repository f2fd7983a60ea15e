"""A connector that plays what a test wrote down, and remembers how it was pressed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from appliance.core.connector import Message, ReadRequest
from appliance.core.errors import NotFound
from tests.support.clock import SetClock

# One thing that a connector does: says something, is silent for some seconds, or has something happen meanwhile.
Scene = Message | float | Callable[[], object]


@dataclass(slots=True)
class Play:
    """A connector that plays its scenes, is silent after them, and remembers how it was pressed and when."""

    clock: SetClock
    scenes: list[Scene]
    reactions: dict[str, Message] = field(default_factory=dict)
    pressed: list[tuple[str, float]] = field(default_factory=list)

    def names(self) -> Sequence[str]:
        return ["scripted"]

    def warm(self) -> None:
        """Nothing takes time."""

    def relax(self) -> None:
        """Nothing is held."""

    def open(self, request: ReadRequest) -> Play:
        if request.connector != "scripted":
            raise NotFound(request.connector)
        return self

    def receive(self, timeout: float) -> Message | None:
        while self.scenes:
            scene = self.scenes.pop(0)
            if isinstance(scene, float):
                self.clock.forward(timedelta(seconds=min(scene, timeout)))
                if scene > timeout:
                    self.scenes.insert(0, scene - timeout)
                return None
            if not callable(scene):
                return scene
            scene()
        self.clock.forward(timedelta(seconds=timeout))
        return None

    def acknowledge(self) -> None:
        self._press("acknowledge")

    def cancel(self) -> None:
        self._press("cancel")

    def interrupt(self) -> None:
        self._press("interrupt")

    def close(self) -> None:
        self._press("close")

    def _press(self, how: str) -> None:
        self.pressed.append((how, self.clock.monotonic()))
        if how in self.reactions:
            self.scenes.insert(0, self.reactions[how])
