"""Connector files that are broken, hostile, or cached: none of them can hurt the host."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import wasmtime

from connectors_runtime.client import Done, Failed, Zygote
from tests.support.guests.build import build_module
from tests.support.guests.harness import COMPONENT, MODULE, Bench, lines


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with Zygote() as zygote:
        yield Bench(zygote, tmp_path_factory.mktemp("connectors"))


@pytest.mark.parametrize(
    ("config", "trouble"),
    [
        ("trap", "unreachable"),
        ("wild", "outside the connector's memory"),
        ("far", "outside the connector's memory"),
        ("odd", "not a multiple of 4"),
        ("case", "case 200"),
        ("badlog", "outside the connector's memory"),
    ],
)
def test_a_guest_that_breaks_the_abi_fails_alone(bench: Bench, config: str, trouble: str) -> None:
    end = bench.last(config)

    assert isinstance(end, Failed)
    assert end.kind == "permanent"
    assert trouble in end.message


@pytest.mark.parametrize("config", ["trap", "wild", "far", "odd", "case", "badlog"])
def test_a_component_that_breaks_the_abi_fails_alone(bench: Bench, config: str) -> None:
    end = bench.last(config, wasm=COMPONENT)

    assert isinstance(end, Failed)
    assert end.kind == "permanent"


@pytest.mark.parametrize("wasm", [MODULE, COMPONENT])
def test_limits_have_names(bench: Bench, wasm: Path) -> None:
    for config in ("huge 2000000", "longcursor"):
        end = bench.last(config, wasm=wasm, max_page_bytes=100_000, memory_bytes=16 << 20)
        assert isinstance(end, Failed)
        assert end.kind == "limit", end


def test_a_log_that_floods_is_cut(bench: Bench) -> None:
    found = lines(bench.run("chatter " + "x" * 60_000))

    assert sum(map(len, found)) < 1_100_000
    assert all(len(line) <= 8 * 1_024 + 1 for line in found)
    assert "further lines are dropped" in found[-1]


SOURCE = "cm32p2|hakiri:connector/source@1|"
ILL_TYPED = f"""(module (memory (export "memory") 1)
    (func (export "{SOURCE}open")) (func (export "cm32p2_realloc")) (func (export "{SOURCE}discover")))"""


def module(text: str, tmp_path: Path) -> Path:
    path = tmp_path / "made.wasm"
    path.write_bytes(wasmtime.wat2wasm(text))
    return path


@pytest.mark.parametrize(
    ("text", "trouble"),
    [
        ('(module (import "wasi_snapshot_preview1" "fd_write" (func)))', "imports 'wasi_snapshot_preview1' 'fd_write'"),
        ('(module (import "cm32p2|hakiri:connector/http@1" "listen" (func)))', "'listen', which no connector is given"),
        ('(module (import "cm32p2|hakiri:connector/http@2" "send" (func)))', "http@2"),
        ('(module (import "env" "memory" (memory 1)))', "imports 'env' 'memory'"),
        ('(module (import "cm32p2|hakiri:connector/log@1" "log" (func (param i64))))', "incompatible import type"),
        ("(module)", "does not export hakiri:connector/source@1"),
        (f'(module (func (export "{SOURCE}open")))', "does not export 'cm32p2_memory'"),
        (f'(module (memory (export "memory") 1) (func (export "{SOURCE}open")))', "does not export the function"),
        (ILL_TYPED, "too many parameters"),
        ("(module (memory 1) (func $f unreachable) (start $f))", "unreachable"),
        ("(module (memory 60000))", "exceeds memory limits"),
        ("(module (memory 1) (memory 1))", "memory"),
    ],
)
def test_a_module_that_is_no_connector_is_named_for_what_it_lacks(
    bench: Bench, tmp_path: Path, text: str, trouble: str
) -> None:
    end = bench.last("x", wasm=module(text, tmp_path))

    assert isinstance(end, Failed)
    assert end.kind == "permanent"
    assert trouble in end.message


def test_a_start_function_that_spins_ends_at_its_limit(bench: Bench, tmp_path: Path) -> None:
    end = bench.last("x", wasm=module("(module (func $f (loop br 0)) (start $f))", tmp_path), call_seconds=0.3)

    assert isinstance(end, Failed)
    assert end.kind == "limit"


def test_endless_recursion_is_a_trap(bench: Bench, tmp_path: Path) -> None:
    end = bench.last("x", wasm=module("(module (func $f call $f i32.const 0 drop) (start $f))", tmp_path))

    assert isinstance(end, Failed)
    assert "stack exhausted" in end.message


@pytest.mark.parametrize("content", [b"", b"\0asm", b"\0asm\x02\0\0\0", b"\0asm\x01\0\0\0junk", b"\x7fELF"])
def test_what_is_no_webassembly_is_refused(bench: Bench, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.wasm"
    path.write_bytes(content)

    end = bench.last("x", wasm=path)

    assert isinstance(end, Failed)
    assert end.kind == "permanent"


def test_a_connector_that_is_not_there_is_named(bench: Bench, tmp_path: Path) -> None:
    end = bench.last("x", wasm=tmp_path / "none.wasm")

    assert end == Failed("permanent", "cannot read the connector none.wasm: No such file or directory")


def test_flipped_bytes_never_end_the_host(bench: Bench, tmp_path: Path) -> None:
    whole, chance = MODULE.read_bytes(), random.Random(7)  # noqa: S311 - the same damage every time
    path = tmp_path / "flipped.wasm"

    for _ in range(25):
        damaged = bytearray(whole)
        for _ in range(3):
            damaged[chance.randrange(8, len(whole))] = chance.randrange(256)
        path.write_bytes(damaged)
        end = bench.last("count 1", wasm=path, call_seconds=1.0)
        assert isinstance(end, Done | Failed)
        assert "connector process" not in str(end)


def test_machine_code_is_kept_and_a_damaged_file_is_made_again(bench: Bench, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    assert bench.last("count 1", cache_dir=cache) == Done("1")
    (kept,) = cache.glob("*.cwasm")
    whole, moment = kept.read_bytes(), kept.stat().st_mtime_ns

    assert bench.last("count 1", cache_dir=cache) == Done("1")
    assert kept.stat().st_mtime_ns == moment

    kept.write_bytes(whole[:-100] + b"\xcc" * 100)
    assert bench.last("count 1", cache_dir=cache) == Done("1")
    (again,) = cache.glob("*.cwasm")
    assert again.read_bytes() != whole[:-100] + b"\xcc" * 100
    assert not list(cache.glob("*.unfinished"))


def test_many_first_readings_compile_once(bench: Bench, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    ends: list[object] = []
    threads = [threading.Thread(target=lambda: ends.append(bench.last("count 1", cache_dir=cache))) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert ends == [Done("1")] * 12
    assert len(list(cache.glob("*.cwasm"))) == 1


def test_a_cache_that_cannot_be_written_is_an_error(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")

    end = bench.last("count 1", cache_dir=tmp_path / "cache")

    assert isinstance(end, Failed)
    assert "cannot compile the connector" in end.message


def test_compiling_has_a_time_limit(bench: Bench, tmp_path: Path) -> None:
    body = "(local $a i32) " + "(local.set $a (i32.mul (i32.add (local.get $a) (i32.const 3)) (local.get $a)))" * 400
    path = module("(module " + f"(func {body})" * 400 + ")", tmp_path)

    end = bench.last("x", wasm=path, cache_dir=tmp_path / "cache", compile_seconds=0.05)

    assert end == Failed("limit", "compiling the connector took more than 0.05 s")
    assert not list((tmp_path / "cache").glob("*.cwasm"))


def test_the_committed_test_connector_is_what_its_source_builds(tmp_path: Path) -> None:
    assert build_module(tmp_path).read_bytes() == MODULE.read_bytes()
