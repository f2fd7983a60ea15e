"""The `http` interface itself, against a real server."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler

import pytest

from connectors_runtime.capabilities.connections import Connections
from connectors_runtime.capabilities.faults import HttpFault
from connectors_runtime.capabilities.http import MAX_OPEN_BODIES, Http
from connectors_runtime.capabilities.meter import Meter
from connectors_runtime.capabilities.secrets import Secrets
from connectors_runtime.egress import Egress
from connectors_runtime.errors import Cancelled
from connectors_runtime.guard import Guard
from tests.support.guests.harness import Site, serving, text


def closing(request: BaseHTTPRequestHandler) -> None:
    text(b"bye")(request)
    request.close_connection = True


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    big = text(b"0123456789" * 100_000)
    with serving({"/small": text(b"small"), "/big": big, "/closing": closing}) as made:
        yield made


class Client:
    """Makes `http` interfaces, and closes what they left open."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.made: list[Http] = []

    def __call__(self, *, limit: int | None = None, guard: Guard | None = None) -> Http:
        guard = guard or Guard(10.0)
        connections = Connections(Egress.parse([self.site.here]), guard, 2.0)
        self.made.append(Http(connections, Secrets({}), guard, Meter(lambda _: None), limit))
        return self.made[-1]


@pytest.fixture
def client(site: Site) -> Iterator[Client]:
    client = Client(site)
    yield client
    for http in client.made:
        for link in (*http.connections._idle.values(), *(link for _, link in http._bodies.values())):
            link.close()


def get(http: Http, site: Site, path: str) -> int:
    return http.send("GET", site.url(path), [], None, 0)[2]


def whole(http: Http, handle: int, size: int = 65_536) -> bytes:
    return b"".join(iter(lambda: http.read_bytes(handle, size) or b"", b""))


def test_pages_of_one_host_share_a_connection(client: Client, site: Site) -> None:
    http = client()
    site.connections.clear()

    for _ in range(5):
        handle = get(http, site, "/small")
        assert whole(http, handle) == b"small"
        http.close(handle)

    assert len(site.connections) == 1


def test_a_connection_that_the_server_closed_is_made_again(client: Client, site: Site) -> None:
    http = client()

    for _ in range(3):
        assert whole(http, get(http, site, "/closing")) == b"bye"


def test_a_body_let_go_early_does_not_disturb_the_next(client: Client, site: Site) -> None:
    http = client()
    handle = get(http, site, "/big")
    assert http.read_bytes(handle, 10) == b"0123456789"

    http.close(handle)

    assert whole(http, get(http, site, "/small")) == b"small"
    with pytest.raises(HttpFault, match="no open body"):
        http.read_bytes(handle, 10)


def test_bodies_are_read_side_by_side(client: Client, site: Site) -> None:
    http = client()
    first, second = get(http, site, "/big"), get(http, site, "/big")

    assert http.read_bytes(first, 5) == b"01234"
    assert len(whole(http, second, 999)) == 1_000_000
    assert http.read_text(first, 5) == b"56789"


def test_open_bodies_are_limited(client: Client, site: Site) -> None:
    http = client()
    handles = [get(http, site, "/big") for _ in range(MAX_OPEN_BODIES)]

    with pytest.raises(HttpFault, match="close one first"):
        get(http, site, "/big")
    http.close(handles[0])
    get(http, site, "/big")


def test_a_body_beyond_its_limit_is_too_large(client: Client, site: Site) -> None:
    http = client(limit=500_000)

    with pytest.raises(HttpFault) as caught:
        whole(http, get(http, site, "/big"))

    assert (caught.value.case, caught.value.payload) == ("too-large", 500_000)


def test_a_cancelled_reading_sends_nothing(client: Client, site: Site) -> None:
    guard = Guard(10.0)
    http = client(guard=guard)
    before = len(site.asked)
    guard.cancel()

    with pytest.raises(Cancelled):
        get(http, site, "/small")
    assert len(site.asked) == before
