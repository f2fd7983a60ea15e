"""What stands behind a guest's imports: the capabilities, called with plain values, raising nothing into the guest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .abi import Value
from .capabilities.faults import FileFault, HttpFault
from .capabilities.files import Files
from .capabilities.http import Http
from .capabilities.logs import Logs
from .errors import Failure, RuntimeFault
from .guard import Guard

Call = Callable[..., Value]


@dataclass(slots=True)
class Host:
    """`failure` is why the guest must not go on; whoever called the guest raises it."""

    http: Http
    files: Files
    logs: Logs
    guard: Guard
    failure: Failure | None = None

    def functions(self) -> dict[tuple[str, str], Call]:
        """By interface and name."""
        http, files = self.http, self.files
        return {
            ("http", "send"): _answering(lambda request: http.send(*request)),
            ("http", "read-bytes"): _answering(http.read_bytes),
            ("http", "read-text"): _answering(http.read_text),
            ("http", "close"): http.close,
            ("files", "find"): _answering(files.find),
            ("files", "read-text"): _answering(files.read_text),
            ("files", "read-bytes"): _answering(files.read_bytes),
            ("files", "row-groups"): _answering(files.row_groups),
            ("log", "log"): self.logs.log,
        }

    def run(self, work: Callable[[], Value], instead: Value = None) -> Value:
        """Do the work of one host function; on a failure stop the guest and answer `instead`."""
        try:
            with self.guard.host():
                if self.failure is None:
                    return work()
        except Failure as failure:
            self.failure = failure
        except RuntimeFault as fault:
            self.failure = Failure("permanent", f"the connector broke the ABI: {fault}")
        except Exception as error:  # noqa: BLE001 - wasmtime keeps what a callback raises in a process-wide slot
            self.failure = self.failure or Failure(
                "permanent", f"host function failed: {type(error).__name__}: {error}"
            )
        self.guard.stop_guest()
        return instead


def _answering(call: Call) -> Call:
    def answer(*arguments: Any) -> Value:
        try:
            return "ok", call(*arguments)
        except (HttpFault, FileFault) as fault:
            return "err", (fault.case, fault.payload)

    return answer
