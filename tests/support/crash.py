"""Kill the process before or after its n-th call of a port, without hooks in the code: every effect passes a port."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

from appliance.bootstrap import Substrate

# A clock has no effects, and what is read changes nothing.
_HARMLESS = {"clock", "close"}


class Killed(BaseException):
    """The process is gone. Nothing may catch this, as nothing catches SIGKILL."""


class Fuse:
    """Counts calls, and blows at one of them: before its effect, or after it and before the caller knows."""

    def __init__(self, at: int = 0, *, after: bool = False) -> None:
        self.calls = 0
        self.names: list[str] = []
        self._at = at
        self._after = after

    def call(self, name: str, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        self.calls += 1
        self.names.append(name)
        blown = self.calls == self._at
        if blown and not self._after:
            raise Killed
        try:
            return function(*args, **kwargs)
        finally:
            if blown:
                raise Killed

    def wrap(self, substrate: Substrate) -> Substrate:
        wrapped = {
            field.name: _Fused(field.name, getattr(substrate, field.name), self)
            for field in fields(substrate)
            if field.name not in _HARMLESS
        }
        return replace(substrate, **wrapped)  # type: ignore[arg-type]


class _Fused:
    """A port whose calls go through the fuse; a reading that it opens is one as well."""

    def __init__(self, name: str, port: Any, fuse: Fuse) -> None:
        self._name = name
        self._port = port
        self._fuse = fuse

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._port, name)
        if not callable(value):
            return value

        def called(*args: Any, **kwargs: Any) -> Any:
            result = self._fuse.call(f"{self._name}.{name}", value, *args, **kwargs)
            return _Fused("reading", result, self._fuse) if name == "open" else result

        return called
