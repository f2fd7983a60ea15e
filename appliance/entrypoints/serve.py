"""PID 1: holds the data directory, keeps the control process running, forwards signals, reaps.

Standard library only and one thread: it must not be what fails.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

# Answered by the control process when starting again cannot help: a bad setting, a newer data directory.
EXIT_GIVE_UP = 78

# `docker stop` kills after 10 seconds; what is left until then is for us.
STOP_SECONDS = 8.0

FIRST_DELAY = 0.5
LONGEST_DELAY = 30.0
HEALTHY_SECONDS = 30.0

_SIGNALS = (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT)
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


class InUse(Exception):
    """Another control plane works on the data directory."""


def serve(data: Path) -> NoReturn:
    """Become the supervisor of the data directory. Settings come from the environment. Raises InUse.

    This process starts anew with nothing but this module, so that the command line's code takes no memory
    for as long as the control plane runs. The lock stays: its descriptor is inherited.
    """
    lock = hold(data)
    os.set_inheritable(lock, True)
    command = [sys.executable, "-P", "-m", "appliance.entrypoints.serve", str(lock)]
    os.execve(command[0], command, _environment())  # noqa: S606 - our own interpreter and module


def main() -> int:
    """Supervise, holding the lock that `serve` took, until told to stop; return the exit code."""
    lock = int(sys.argv[1])
    os.set_inheritable(lock, False)
    libc = ctypes.CDLL(None)
    libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    return _Supervisor(lock, libc).run()


def hold(data: Path) -> int:
    """Lock the data directory for this process and the children that inherit the lock. Raises InUse."""
    data.mkdir(parents=True, exist_ok=True)
    lock = os.open(data / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(lock, 32, 0).decode("ascii", "replace").strip() or "unknown"
        os.close(lock)
        raise InUse(
            f"data directory {data} is in use by process {holder}; stop that one, or choose another HAKIRI_DATA"
        ) from None
    os.ftruncate(lock, 0)
    os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
    return lock


@dataclass(slots=True)
class _Supervisor:
    """Keeps one control process running."""

    lock: int
    libc: ctypes.CDLL
    delay: float = FIRST_DELAY
    started_at: float = 0.0
    stop_at: float | None = None
    control: subprocess.Popen[bytes] | None = field(default=None)

    def run(self) -> int:
        self._start()
        while True:
            self._wait()
            code = self._reap()
            if code is None:
                continue
            if self.stop_at is not None or code == EXIT_GIVE_UP:
                return 0 if self.stop_at is not None else code
            self._rest(code)
            if self.stop_at is not None:
                return 0
            self._start()

    def _start(self) -> None:
        self.started_at = time.monotonic()
        self.control = subprocess.Popen(
            [sys.executable, "-P", "-m", "appliance.entrypoints.control"],
            pass_fds=[self.lock],
            env=_environment(),
            preexec_fn=self._in_child,  # noqa: PLW1509 - this process has one thread
        )

    def _in_child(self) -> None:
        """A control process without its supervisor would hold the data directory for ever."""
        self.libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)

    def _wait(self) -> None:
        """Until a child ended, somebody said stop, or the time to stop is over."""
        seconds = 3600.0 if self.stop_at is None else max(0.0, self.stop_at - time.monotonic())
        got = signal.sigtimedwait(_SIGNALS, seconds)
        if got is None and self.stop_at is not None and self.control is not None:
            _say("the control process did not stop in time: killing it")
            self.control.kill()
            self.stop_at = time.monotonic() + STOP_SECONDS
        elif got is not None and got.si_signo != signal.SIGCHLD:
            self._stop()

    def _stop(self) -> None:
        if self.stop_at is None:
            self.stop_at = time.monotonic() + STOP_SECONDS
            if self.control is not None:
                self.control.terminate()

    def _reap(self) -> int | None:
        """Collect every ended child, orphans too; return the control process's exit code if it is among them."""
        ended = None
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return ended
            if pid == 0:
                return ended
            if self.control is not None and pid == self.control.pid:
                ended = os.waitstatus_to_exitcode(status)
                self.control.returncode = ended
                self.control = None

    def _rest(self, code: int) -> None:
        """Wait before the next start, longer each time while it keeps failing soon."""
        healthy = time.monotonic() - self.started_at > HEALTHY_SECONDS
        delay = FIRST_DELAY if healthy else self.delay
        self.delay = min(delay * 2, LONGEST_DELAY)
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        _say(f"the control process ended ({how}); starting it again in {delay:.1f} s")
        until = time.monotonic() + delay
        while (left := until - time.monotonic()) > 0 and self.stop_at is None:
            got = signal.sigtimedwait(_SIGNALS, left)
            if got is not None and got.si_signo != signal.SIGCHLD:
                self._stop()
            self._reap()


def _environment() -> dict[str, str]:
    """Ours, with a way to our own modules from any directory."""
    return {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}


def _say(text: str) -> None:
    print(f"hakiri: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
