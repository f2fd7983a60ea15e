"""Turns what the CRDT library throws into an error that an ordinary `except` sees."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from loro import LoroDoc, VersionVector

from appliance.core.config_doc import DocBroken

# The library's panics are of a class that it does not export.
_PANICS = "pyo3_runtime"


class LoroFailed(Exception):
    """The library refused. After a panic its locks are poisoned: the document it happened in is lost."""

    def __init__(self, message: str, *, panic: bool) -> None:
        super().__init__(message)
        self.panic = panic


@contextmanager
def guarded() -> Iterator[None]:
    """Let loro run. Raises LoroFailed for its bare BaseException and its panics; anything else passes."""
    try:
        yield
    except BaseException as failure:  # noqa: BLE001 - the library raises it bare
        raise loro_failure(failure) from None


def loro_failure(failure: BaseException) -> LoroFailed:
    """The failure as one of ours. Raises it again if it is not the library's: an interrupt, a bug."""
    panic = type(failure).__module__ == _PANICS
    if type(failure) is not BaseException and not panic:
        raise failure
    return LoroFailed(str(failure)[:500], panic=panic)


@contextmanager
def whole() -> Iterator[None]:
    """Let loro work on a document that nothing here should upset. Raises DocBroken."""
    try:
        with guarded():
            yield
    except LoroFailed as failure:
        raise DocBroken(f"the document failed: {failure}") from failure


def new_doc() -> LoroDoc:
    return LoroDoc()  # type: ignore[no-untyped-call]


def new_version() -> VersionVector:
    return VersionVector()  # type: ignore[no-untyped-call]
