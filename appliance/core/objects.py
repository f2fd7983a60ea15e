"""The object store: named bytes, whole or absent, that outlive the process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from appliance.core.errors import Invalid, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_KEY_BYTES = 512
# The longest file name of the file systems that a directory store may live on.
MAX_SEGMENT_BYTES = 255


class NotAtomic(Unavailable):
    """The store cannot compare and set: another writer's object could be overwritten unseen. Do not retry."""

    code = "not_atomic"


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """What is known of an object without reading it.

    `version` changes with every write of the key. It is opaque, made for the next
    `compare_and_set` of this process, and does not survive a restore of the store.
    """

    key: str
    size: int
    version: str


class ObjectStore(Protocol):
    """Objects under one location. Every method raises Invalid for a bad key, Unavailable for a store
    that does not answer or refuses to write.

    A write is whole or absent for every reader, also across a kill, and durable once it returned.
    A key must not be a folder of another key ("a" beside "a/b"): Conflict where the store notices.
    """

    @property
    def location(self) -> str:
        """Where the objects are, as DuckDB writes it: an absolute directory or `s3://bucket/prefix`."""
        ...

    def put(self, key: str, data: bytes, *, if_absent: bool = False) -> bool:
        """Write the object. False: `if_absent` was asked, something is there, nothing was written."""
        ...

    def put_file(self, key: str, path: str, *, if_absent: bool = False) -> bool:
        """As `put`, from a local file that is left as it is. Memory does not grow with its size.

        Raises NotFound when there is no file at `path`.
        """
        ...

    def get(self, key: str) -> bytes:
        """Read the object whole. Raises NotFound."""
        ...

    def head(self, key: str) -> ObjectInfo | None:
        """Size and version, or None when there is no such object.

        To change an object by its version: `head` first, then `get`, then `compare_and_set`. The other
        way round, a write between the two would be overwritten unseen.
        """
        ...

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Every object whose key starts with `prefix` (plain text, not a folder), sorted by key.

        Objects written or deleted during the listing may or may not show.
        """
        ...

    def delete(self, key: str) -> None:
        """Remove the object; no error when there is none."""
        ...

    def compare_and_set(self, key: str, data: bytes, *, expected: str | None) -> str:
        """Write the object if its version is still `expected` (None: if there is none yet).

        Returns the new version. Raises Conflict when it moved on. A key that is moved by this is
        moved by nothing else. Raises NotAtomic where the store cannot do it.
        """
        ...

    def check(self) -> None:
        """Prove that the store can be written now, by writing. Raises Unavailable, naming the cause."""
        ...


def valid_key(key: str) -> str:
    """Return the key unchanged, or raise Invalid saying which rule it breaks.

    Segments separated by `/`, each non-empty, not starting with a dot (no `..`, no hidden files, no
    clash with a store's own `.staging`), at most 255 bytes; printable; at most 512 bytes in all.
    """
    _check_text(key)
    for segment in key.split("/"):
        if not segment:
            raise Invalid(
                f"object key {_shown(key)}: empty segment; write folder/name without leading, double or last /"
            )
        if segment.startswith("."):
            raise Invalid(f"object key {_shown(key)}: segment {segment[:80]!r} starts with a dot")
        if len(segment.encode()) > MAX_SEGMENT_BYTES:
            raise Invalid(f"object key {_shown(key)}: a segment is longer than {MAX_SEGMENT_BYTES} bytes")
    return key


def is_valid_key(key: str) -> bool:
    """Whether `valid_key` takes it; a store may hold things of others, which a listing leaves out."""
    try:
        valid_key(key)
    except Invalid:
        return False
    return True


def valid_prefix(prefix: str) -> str:
    """Return the prefix unchanged, or raise Invalid. Empty means everything; the last segment may be partial."""
    if prefix:
        folder, _, _ = _check_text(prefix).rpartition("/")
        if folder:
            valid_key(folder)
        elif prefix.startswith(("/", ".")):
            raise Invalid(f"object prefix {_shown(prefix)}: starts with {prefix[0]!r}")
    return prefix


def _check_text(text: str) -> str:
    if not text.isprintable():
        raise Invalid(f"object key {_shown(text)}: holds a character that cannot be printed")
    if len(text.encode("utf-8", "surrogatepass")) > MAX_KEY_BYTES:
        raise Invalid(f"object key {_shown(text)}: longer than {MAX_KEY_BYTES} bytes")
    if "\\" in text:
        raise Invalid(f"object key {_shown(text)}: holds a backslash; separate segments with /")
    return text


def _shown(text: str) -> str:
    return repr(text if len(text) <= 80 else f"{text[:80]}…")  # noqa: PLR2004 - enough to recognise it
