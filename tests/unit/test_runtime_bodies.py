"""Response bodies: decoded, limited, and cut at characters only."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors_runtime.capabilities.bodies import Body, decoder_for
from connectors_runtime.capabilities.faults import HttpFault
from connectors_runtime.capabilities.secrets import Secrets


def body(chunks: list[bytes], *, encoding: str = "", limit: int | None = None, hidden: str = "not in there") -> Body:
    source = iter([chunk for chunk in chunks if chunk])
    return Body(lambda _: next(source, b""), decoder_for(encoding), Secrets({"S": hidden}).masker(), limit)


def texts(of: Body, size: int) -> Iterator[bytes]:
    while (text := of.read_text(size)) is not None:
        yield text


@given(st.text(max_size=60), st.integers(4, 9), st.integers(1, 5))
def test_text_is_never_cut_inside_a_character(text: str, size: int, step: int) -> None:
    raw = text.encode()
    pieces = list(texts(body([raw[at : at + step] for at in range(0, len(raw), step)]), size))

    assert "".join(piece.decode() for piece in pieces) == text
    assert all(0 < len(piece) <= size for piece in pieces)


@pytest.mark.parametrize("raw", [b"\xff", b"abc\xc3", b"\xe2\x82", b"a\x80b"])
def test_text_that_is_not_utf8_is_an_error(raw: bytes) -> None:
    with pytest.raises(HttpFault):
        list(texts(body([raw]), 64))


RAW = zlib.compressobj(wbits=-15)
BARE = RAW.compress(b"rows" * 9_999) + RAW.flush()


@pytest.mark.parametrize(
    ("encoding", "data"),
    [
        ("gzip", gzip.compress(b"rows" * 9_999, mtime=0)),
        ("gzip", gzip.compress(b"rows" * 5_000, mtime=0) + gzip.compress(b"rows" * 4_999, mtime=0)),
        ("deflate", zlib.compress(b"rows" * 9_999)),
        ("deflate", BARE),
        ("identity", b"rows" * 9_999),
    ],
)
def test_content_encodings_are_undone(encoding: str, data: bytes) -> None:
    chunks = [data[at : at + 7] for at in range(0, len(data), 7)]

    assert body(chunks, encoding=encoding).read(1 << 20) == b"rows" * 9_999


def test_a_cut_gzip_stream_is_not_the_whole_body() -> None:
    with pytest.raises(HttpFault) as caught:
        body([gzip.compress(b"rows" * 9_999)[:-9]], encoding="gzip").read(1 << 20)

    assert caught.value.case == "connect"


def test_damaged_gzip_is_an_error() -> None:
    with pytest.raises(HttpFault):
        body([b"no gzip"], encoding="gzip").read(10)


def test_the_limit_counts_decoded_bytes() -> None:
    with pytest.raises(HttpFault) as caught:
        body([gzip.compress(b"0" * 100_000)], encoding="gzip", limit=50_000).read(10)

    assert (caught.value.case, caught.value.payload) == ("too-large", 50_000)


def test_an_encoding_that_nobody_asked_for_is_refused() -> None:
    with pytest.raises(HttpFault):
        decoder_for("br")


def test_a_secret_is_masked_across_chunks_of_a_compressed_body() -> None:
    packed = gzip.compress(b'{"echo":"hush-hush-42"}')

    assert body([packed[:9], packed[9:]], encoding="gzip", hidden="hush-hush-42").read(99) == b'{"echo":"***"}'
