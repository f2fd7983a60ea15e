"""One reading in its own forked process: from the spec on the socket to Done or Failed."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn, Protocol

import wasmtime
from wasmtime import component

from .abi import Value
from .attendant import attend
from .capabilities.connections import Connections
from .capabilities.faults import FileFault
from .capabilities.files import Files
from .capabilities.http import Http
from .capabilities.logs import Logs
from .capabilities.meter import Meter
from .capabilities.secrets import Secrets
from .columns import Column
from .component_guest import ComponentGuest
from .confinement import confine
from .contract import Batch
from .core_guest import CoreGuest
from .egress import Egress
from .engine import make_engine
from .errors import Failure
from .guard import Guard
from .host import Host
from .machine_code import Connector, compiled
from .messages import Done, Failed, Message, Page, Started, encode, unframe
from .pages import PageWriter
from .parquet_footer import Footer
from .spec import MAX_CURSOR_BYTES, ReadSpec


class Guest(Protocol):
    """A connector's instance, whatever form it was compiled to. Every method raises Failure."""

    def discover(self, config: str) -> list[Value]: ...

    def open(self, config: str, table: str, cursor: str | None) -> None: ...

    def next(self) -> Batch | None: ...

    def cursor(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Outbox:
    """Messages to the parent, in order."""

    talk: socket.socket

    def send(self, message: Message) -> None:
        """A parent that is gone ends this process."""
        try:
            self.talk.sendall(encode(message))
        except OSError:
            os._exit(1)


def stand_by(delivery: socket.socket, *, parent: int) -> NoReturn:
    """Everything a forked child does: get ready, wait for the one reading it is for, and do it.

    What does not depend on the reading is done before there is one, so that nobody waits for it. `delivery`
    brings the socket to the reading's parent, or ends when there will be no reading.
    """
    status = 1
    try:
        confine(parent=parent, keep=delivery.fileno())
        engine = make_engine()
        talk = _delivered(delivery)
        buffer = bytearray()
        spec = None if talk is None else _receive_spec(talk, buffer)
        if talk is not None and spec is not None:
            _answer(spec, talk, buffer, engine)
        status = 0
    finally:
        # Not sys.exit: nothing of the zygote's is to be cleaned up twice.
        os._exit(status)


def _delivered(delivery: socket.socket) -> socket.socket | None:
    data, fds, _, _ = socket.recv_fds(delivery, 1, 1)
    delivery.close()
    if not data or not fds:
        return None
    talk = socket.socket(fileno=fds[0])
    talk.setblocking(True)
    return talk


def _receive_spec(talk: socket.socket, buffer: bytearray) -> ReadSpec | None:
    while (value := unframe(buffer)) is None:
        data = talk.recv(1 << 18)
        if not data:
            return None
        buffer += data
    return ReadSpec.from_json(value)


def _answer(spec: ReadSpec, talk: socket.socket, early: bytearray, engine: wasmtime.Engine) -> None:
    secrets, outbox = Secrets(spec.secrets), Outbox(talk)
    try:
        cursor = _read(spec, talk=talk, early=early, secrets=secrets, outbox=outbox, engine=engine)
        outbox.send(Done(cursor))
    except Failure as failure:
        outbox.send(Failed(failure.kind, secrets.mask(failure.message), failure.retry_after_seconds))
    except Exception as error:  # noqa: BLE001 - the last door of this process: nobody else could tell the parent
        text = secrets.mask(f"the connector host failed: {type(error).__name__}: {error}")
        outbox.send(Failed("permanent", text[:2_000]))


def _read(
    spec: ReadSpec, *, talk: socket.socket, early: bytearray, secrets: Secrets, outbox: Outbox, engine: wasmtime.Engine
) -> str:
    connector = Connector.read(spec.wasm, spec.cache_dir)
    code = compiled(connector, seconds=spec.compile_seconds, talk=talk)
    guard = Guard(spec.call_seconds)
    guard.trap = engine.increment_epoch
    attend(talk, guard, early)
    host = _host(spec, guard=guard, secrets=secrets, outbox=outbox)
    loaded = connector.load(engine, code)
    outbox.send(Started(time.monotonic_ns()))
    guest = _instantiate(engine, loaded, host=host, guard=guard, spec=spec)
    pages = PageWriter(spec.staging, spec.columns or _declared(guest, spec), _opener(host.files))
    guest.open(spec.config, spec.table, spec.cursor)
    return _pages(guest, pages, guard=guard, outbox=outbox)


def _pages(guest: Guest, pages: PageWriter, *, guard: Guard, outbox: Outbox) -> str:
    while (batch := guest.next()) is not None:
        written = pages.write(batch)
        if written is None:
            continue
        cursor = _checked(guest.cursor())
        outbox.send(Page(str(written.path), written.rows, written.bytes, written.sha256, cursor, written.columns))
        guard.wait_for_acknowledgement()
    return _checked(guest.cursor())


def _host(spec: ReadSpec, *, guard: Guard, secrets: Secrets, outbox: Outbox) -> Host:
    meter = Meter(outbox.send)
    connections = Connections(Egress.parse(spec.egress), guard, spec.stall_seconds)
    http = Http(connections, secrets, guard, meter, spec.max_body_bytes)
    return Host(http, Files(spec.files_root, guard, meter), Logs(outbox.send, secrets), guard)


def _instantiate(
    engine: wasmtime.Engine,
    loaded: wasmtime.Module | component.Component,
    *,
    host: Host,
    guard: Guard,
    spec: ReadSpec,
) -> Guest:
    if isinstance(loaded, wasmtime.Module):
        return CoreGuest(
            engine, loaded, host=host, guard=guard, memory_bytes=spec.memory_bytes, page_bytes=spec.max_page_bytes
        )
    return ComponentGuest(
        engine, loaded, host=host, guard=guard, memory_bytes=spec.memory_bytes, page_bytes=spec.max_page_bytes
    )


def _declared(guest: Guest, spec: ReadSpec) -> tuple[Column, ...]:
    """What the connector says about a table that has not landed anything yet."""
    for name, fields, _ in guest.discover(spec.config):
        if name == spec.table:
            return tuple(
                Column(field, "timestamp" if kind == "timestamp-micros" else kind, nullable)
                for field, kind, nullable in fields
            )
    return ()


def _opener(files: Files) -> Callable[[str], tuple[int, Footer]]:
    def footer(path: str) -> tuple[int, Footer]:
        try:
            return files.footer(path)
        except FileFault as fault:
            raise Failure("permanent", fault.payload) from None

    return footer


def _checked(cursor: str) -> str:
    if len(cursor.encode()) > MAX_CURSOR_BYTES:
        raise Failure("limit", f"the connector's cursor is longer than {MAX_CURSOR_BYTES:,} bytes")
    return cursor
