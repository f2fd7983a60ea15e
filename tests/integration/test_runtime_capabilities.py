"""What a guest may do to the world: HTTP to allowed hosts, files under its root, and no secret comes back."""

from __future__ import annotations

import gzip
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import duckdb
import pytest

from connectors_runtime.client import Done, Failed, Message, Progress, Zygote
from tests.support.guests.harness import (
    COMPONENT,
    MODULE,
    Answer,
    Bench,
    Site,
    lines,
    rows,
    serving,
    started,
    text,
    until_end,
)

SECRET = "hush-hush-4242"


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with Zygote() as zygote:
        yield Bench(zygote, tmp_path_factory.mktemp("capabilities"))


@pytest.fixture(params=[MODULE, COMPONENT], ids=["module", "component"])
def wasm(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


def echo(request: BaseHTTPRequestHandler) -> None:
    text(f"{request.path} {request.headers['x-key']}".encode(), x_echo=str(request.headers["x-key"]))(request)


def chunked(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.send_header("transfer-encoding", "chunked")
    request.end_headers()
    for piece in (b"a,b\n1", b",hush-hu", b"sh-4242\n", b""):
        request.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")


def silent(request: BaseHTTPRequestHandler) -> None:
    time.sleep(3)


def trickling(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.send_header("content-length", "1000")
    request.end_headers()
    request.wfile.write(b"a,b\n")
    request.wfile.flush()
    time.sleep(3)
    request.close_connection = True


def cut(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.send_header("content-length", "1000")
    request.end_headers()
    request.wfile.write(b"a,b\n1,2\n")
    request.close_connection = True


def to(path: str) -> Answer:
    return text(b"moved", status=302, location=path)


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    answers: dict[str, Answer] = {
        "/csv": text(b"a,b\n1,x\n"),
        "/gzip": text(gzip.compress(b"a,b\n1,zipped\n"), content_encoding="gzip"),
        "/chunked": chunked,
        "/echo": echo,
        "/silent": silent,
        "/trickling": trickling,
        "/cut": cut,
        "/busy": text(b"", status=429),
        "/loop": to("/loop"),
        "/moved": to("/csv"),
        "/away": to("http://localhost:9/elsewhere"),
        "/metadata": to("http://169.254.169.254/latest/meta-data/"),
        "/latin": text(b"caf\xe9"),
    }
    with serving(answers) as made:
        yield made


def fetch(bench: Bench, site: Site, path: str, *, verb: str = "fetch-csv", wasm: Path = MODULE) -> list[Message]:
    return bench.run(
        f"{verb} {site.url(path)}", wasm=wasm, egress=(site.here,), secrets={"KEY": SECRET}, stall_seconds=1.0
    )


def test_a_csv_file_is_fetched_and_landed(bench: Bench, site: Site, wasm: Path) -> None:
    messages = fetch(bench, site, "/csv", wasm=wasm)

    assert rows(messages) == [(1, "x")]
    assert any(isinstance(message, Progress) for message in messages)


def test_a_compressed_body_is_decoded(bench: Bench, site: Site) -> None:
    assert rows(fetch(bench, site, "/gzip")) == [(1, "zipped")]
    assert site.asked[-1][1]["accept-encoding"] == "gzip, deflate"


def test_a_redirect_within_the_allowed_hosts_is_followed(bench: Bench, site: Site) -> None:
    before = len(site.asked)

    assert rows(fetch(bench, site, "/moved")) == [(1, "x")]
    assert [path for path, _ in site.asked[before:]] == ["/moved", "/csv"]


@pytest.mark.parametrize(
    ("path", "kind", "trouble"),
    [
        ("/away", "permanent", "localhost:9 is not in the pipeline's list of allowed hosts"),
        ("/metadata", "permanent", "169.254.169.254:80 is not in the pipeline's list of allowed hosts"),
        ("/loop", "permanent", "more than 5 redirects"),
        ("/silent", "transient", "timeout"),
        ("/trickling", "transient", "reading the body failed"),
        ("/cut", "transient", "reading the body failed"),
        ("/latin", "transient", "reading the body failed"),
        ("/busy", "rate_limited", "retry after 17 s"),
    ],
)
def test_an_http_trouble_reaches_the_guest_as_what_it_is(
    bench: Bench, site: Site, path: str, kind: str, trouble: str
) -> None:
    end = fetch(bench, site, path)[-1]

    assert isinstance(end, Failed)
    assert end.kind == kind
    assert trouble in end.message


def test_nothing_is_sent_to_a_host_that_is_not_allowed(bench: Bench, site: Site, wasm: Path) -> None:
    before = len(site.asked)

    end = bench.last(f"fetch {site.url('/csv')}", wasm=wasm, egress=("other.example", "127.0.0.1"))

    assert end == Failed("permanent", f"{site.here} is not in the pipeline's list of allowed hosts")
    assert len(site.asked) == before


def test_an_allowed_name_that_leads_to_a_link_local_address_is_refused(bench: Bench) -> None:
    # The system's resolver takes this short form for 169.254.1.1; to the allow-list it is a name.
    assert bench.last("fetch http://169.254.257/", egress=("169.254.257",)) == Failed(
        "permanent", "169.254.257 resolves to 169.254.1.1, which is a link-local or metadata address"
    )


def test_a_refused_connection_may_be_tried_again(bench: Bench) -> None:
    assert bench.last("fetch http://127.0.0.1:9/", egress=("127.0.0.1:9",)) == Failed(
        "transient", "127.0.0.1:9: Connection refused"
    )


def test_a_secret_reaches_its_host_and_nobody_else(bench: Bench, site: Site, wasm: Path) -> None:
    messages = fetch(bench, site, "/echo?token=${secret:KEY}", verb="fetch-key", wasm=wasm)

    path, headers = site.asked[-1]
    assert headers["x-key"] == SECRET
    assert path == f"/echo?token={SECRET}"
    assert rows(messages) == [("/echo?token=*** ***",)]
    assert SECRET not in repr(messages)


def test_a_secret_is_masked_where_a_body_is_cut(bench: Bench, site: Site) -> None:
    assert rows(fetch(bench, site, "/chunked")) == [(1, "***")]


def test_a_secret_is_masked_in_log_lines_and_failures(bench: Bench, wasm: Path) -> None:
    messages = bench.run(f"chatter {SECRET}", wasm=wasm, secrets={"KEY": SECRET})
    end = bench.last(f"fail tried {SECRET}", wasm=wasm, secrets={"KEY": SECRET})

    assert lines(messages)[1] == "chatter ***"
    assert end == Failed("transient", "tried ***")


def test_a_secret_that_was_not_granted_is_not_filled(bench: Bench, site: Site) -> None:
    end = bench.last(f"fetch-key {site.url('/echo')}", egress=(site.here,))

    assert end == Failed("permanent", "secret 'KEY' is not granted to this connector")


def test_cancelling_ends_a_wait_for_the_network(bench: Bench, site: Site, wasm: Path) -> None:
    spec = bench.spec(f"fetch {site.url('/silent')}", wasm=wasm, egress=(site.here,))
    with bench.zygote.open(spec) as reading:
        started(reading)
        time.sleep(0.2)
        asked = time.monotonic()
        reading.cancel()

        end = list(until_end(reading))[-1]
        assert isinstance(end, Failed)
        assert end.kind == "cancelled"
        assert time.monotonic() - asked < 1


@pytest.fixture
def granted(tmp_path: Path) -> Path:
    root = tmp_path / "granted"
    root.mkdir()
    (root / "a.csv").write_text("hello")
    (root / "evil.csv").symlink_to("/etc/passwd")
    duckdb.sql(f"COPY (SELECT i FROM range(5000) t(i)) TO '{root}/p.parquet' (ROW_GROUP_SIZE 2048)")
    return root


def test_a_guest_lists_and_reads_its_root(bench: Bench, granted: Path, wasm: Path) -> None:
    assert rows(bench.run("list *", wasm=wasm, files_root=granted)) == [("a.csv p.parquet ",)]
    assert rows(bench.run("read a.csv", wasm=wasm, files_root=granted)) == [("hello",)]


def test_a_guest_lands_a_parquet_file_that_it_never_reads(bench: Bench, granted: Path, wasm: Path) -> None:
    found = rows(bench.run("parquet p.parquet", wasm=wasm, files_root=granted))

    assert (len(found), found[0], found[-1]) == (5000, (0,), (4999,))


@pytest.mark.parametrize("path", ["evil.csv", "../x", "/etc/passwd"])
def test_a_guest_cannot_leave_its_root(bench: Bench, granted: Path, wasm: Path, path: str) -> None:
    end = bench.last(f"read {path}", wasm=wasm, files_root=granted)

    assert isinstance(end, Failed)
    assert end.kind == "permanent"


def test_a_damaged_parquet_file_fails_the_reading_only(bench: Bench, granted: Path) -> None:
    whole = (granted / "p.parquet").read_bytes()
    (granted / "p.parquet").write_bytes(b"PAR1" + b"\xff" * 300 + whole[304:])

    end = bench.last("parquet p.parquet", files_root=granted)

    assert isinstance(end, Failed)
    assert end.kind == "permanent"
    assert bench.last("count 1") == Done("1")
