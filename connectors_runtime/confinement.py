"""What a forked process gives up before it touches a guest."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
from pathlib import Path

_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38
_KEPT_ENVIRONMENT = frozenset(("SSL_CERT_FILE", "SSL_CERT_DIR"))
_OPEN_FILES = 256
# The kernel, short of memory, ends a reading before the control plane.
_OOM_SCORE = "500"


def die_with(parent: int) -> None:
    """SIGKILL for this process when `parent` ends; at once if it already has."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def confine(*, parent: int, keep: int) -> None:
    """Leave this process one file descriptor, no environment, no way to more privileges, and no core dumps."""
    die_with(parent)
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nothing, standard)
    os.closerange(3, keep)
    os.closerange(keep + 1, 1 << 20)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(_OPEN_FILES, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    for name in set(os.environ) - _KEPT_ENVIRONMENT:
        del os.environ[name]
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_OOM_SCORE, encoding="ascii")


def _prctl(option: int, value: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")
