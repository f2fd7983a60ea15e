"""Arrow IPC of a guest: both forms of a connector hand it over, and a hostile stream ends its reading only."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors_runtime.client import Done, Failed, Zygote
from tests.support.guests.harness import COMPONENT, MODULE, Bench, rows, until_end

# One stream with the columns i (int64) and s (utf8) and the rows (0, "x0") to (2, "x2").
STREAM = zlib.decompress(
    base64.b64decode(
        "eNq9UjsOwjAMfUlT1EJUPmLo0IEjADNDr8PM0pFjcBRGjsFR2MKL60pV1AF14FW2E788240SQghPABtELOFpJRy95oxDwQ9w6gFL"
        "a3X9pr5m9KI3eV8nck54Q7tJrT2twlqyhdSOukOvs41kPdmV9Gn7MmZwV0yD7cNHZ/XsscNWJo3zxJqt0YOZY67hOU/WCf+gXVSb"
        "jWraZI+JfUQ+WpcadW79L+Ce8C+N9SDU+ark3n5FGIB5SOVmdAf/7m/1TS1m6Ltjd+rO8/rH+AX+nUR0"
    )
)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with Zygote() as zygote:
        yield Bench(zygote, tmp_path_factory.mktemp("arrow"))


@pytest.mark.parametrize("wasm", [MODULE, COMPONENT])
def test_an_arrow_stream_is_landed(bench: Bench, wasm: Path) -> None:
    assert rows(bench.run(f"ipc {STREAM.hex()}", wasm=wasm)) == [(0, "x0"), (1, "x1"), (2, "x2")]


def test_every_damaged_byte_ends_the_reading_in_words(bench: Bench) -> None:
    kinds = set()

    for at in range(8, len(STREAM), 16):
        damaged = bytearray(STREAM)
        damaged[at] ^= 0x7F
        with bench.zygote.open(bench.spec(f"ipc {damaged.hex()}")) as reading:
            end = list(until_end(reading))[-1]
        kinds.add(end.kind if isinstance(end, Failed) else "done")

    assert kinds <= {"done", "permanent", "schema_incompatible"}
    assert "permanent" in kinds
    assert bench.last("count 1") == Done("1")
