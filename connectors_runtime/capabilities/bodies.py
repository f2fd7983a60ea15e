"""A response body as the guest may see it: decoded, masked, within its limit, and never whole in memory."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable
from typing import Protocol

from .faults import HttpFault
from .secrets import Masker

LARGEST_READ = 8 << 20
LONGEST_CHARACTER = 4
# Inflated, this is at most 64 MiB: deflate cannot do better than 1032 to 1.
_CHUNK = 64 << 10
# A slow source still makes progress: hand out what there is.
_PATIENCE = 1.0


class Decoder(Protocol):
    """Undoes a content encoding."""

    def feed(self, data: bytes) -> bytes: ...

    def finish(self) -> None: ...


class Body:
    """`source` gives the next bytes from the network, none at the end."""

    def __init__(self, source: Callable[[int], bytes], decoder: Decoder, masker: Masker, limit: int | None) -> None:
        self._source = source
        self._decoder = decoder
        self._masker = masker
        self._limit = limit
        self._total = 0
        self._buffer = bytearray()
        self.ended = False

    def read(self, size: int) -> bytes | None:
        """Up to `size` bytes; None at the end. Raises HttpFault."""
        wanted = max(1, min(size, LARGEST_READ))
        self._fill(wanted)
        if not self._buffer:
            return None
        data = bytes(self._buffer[:wanted])
        del self._buffer[:wanted]
        return data

    def read_text(self, size: int) -> bytes | None:
        """The same, as whole UTF-8 characters. Raises HttpFault('other') if it is not UTF-8."""
        if size < LONGEST_CHARACTER:
            raise HttpFault("other", f"max must be at least {LONGEST_CHARACTER}")
        while (data := self.read(size)) is not None:
            kept = len(data) - cut_inside_character(data)
            if kept:
                self._buffer[:0] = data[kept:]
                return _checked(data[:kept])
            if self.ended and not self._buffer:
                raise HttpFault("other", "the body ends inside a character")
            self._buffer[:0] = data
            self._fill(len(self._buffer) + 1)
        return None

    def _fill(self, wanted: int) -> None:
        since = time.monotonic()
        while not self.ended and len(self._buffer) < wanted:
            if self._buffer and time.monotonic() - since > _PATIENCE:
                return
            data = self._source(_CHUNK)
            if data:
                self._add(self._decoder.feed(data))
            else:
                self.ended = True
                self._decoder.finish()
                self._buffer += self._masker.finish()

    def _add(self, data: bytes) -> None:
        self._total += len(data)
        if self._limit is not None and self._total > self._limit:
            raise HttpFault("too-large", self._limit)
        self._buffer += self._masker.feed(data)


class Plain:
    """No encoding."""

    def feed(self, data: bytes) -> bytes:
        """As it came."""
        return data

    def finish(self) -> None:
        """Nothing is missing."""


class Inflate:
    """gzip, zlib and bare deflate streams; gzip may have several members."""

    def __init__(self, wbits: int) -> None:
        self._wbits = wbits
        self._stream = zlib.decompressobj(wbits)
        self._fed = False

    def feed(self, data: bytes) -> bytes:
        """Raises HttpFault."""
        try:
            return self._inflate(data)
        except zlib.error as error:
            if not self._fed and self._wbits == zlib.MAX_WBITS:
                # "deflate" is meant to be zlib; some servers leave its header out.
                self._wbits, self._stream = -zlib.MAX_WBITS, zlib.decompressobj(-zlib.MAX_WBITS)
                return self.feed(data)
            raise HttpFault("other", f"the compressed body is damaged: {error}") from None

    def finish(self) -> None:
        """Raises HttpFault if the stream was cut."""
        if self._fed and not self._stream.eof:
            raise HttpFault("connect", "the compressed body ended early")

    def _inflate(self, data: bytes) -> bytes:
        out = bytearray()
        while data:
            if self._stream.eof:
                self._stream = zlib.decompressobj(self._wbits)
            out += self._stream.decompress(data)
            self._fed = True
            data = self._stream.unused_data if self._stream.eof else b""
        return bytes(out)


def decoder_for(encoding: str) -> Decoder:
    """By the content-encoding header. Raises HttpFault('other') for one that was not asked for."""
    match encoding.strip().lower():
        case "" | "identity":
            return Plain()
        case "gzip" | "x-gzip":
            return Inflate(16 + zlib.MAX_WBITS)
        case "deflate":
            return Inflate(zlib.MAX_WBITS)
        case other:
            raise HttpFault("other", f"content-encoding {other[:40]!r} was not asked for")


def _checked(data: bytes) -> bytes:
    try:
        data.decode()
    except UnicodeDecodeError as error:
        raise HttpFault("other", f"the body is not UTF-8: {error.reason}") from None
    return data


def cut_inside_character(data: bytes) -> int:
    """How many bytes at the end begin a character without ending it."""
    for back in range(1, min(4, len(data) + 1)):
        byte = data[-back]
        if byte & 0xC0 == 0x80:  # noqa: PLR2004 - UTF-8 continuation
            continue
        size = 1 if byte < 0x80 else 2 if byte >> 5 == 6 else 3 if byte >> 4 == 14 else 4  # noqa: PLR2004 - UTF-8
        return back if size > back else 0
    return 0
