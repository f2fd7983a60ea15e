"""A guest's request made ready, and what a redirect may carry on."""

from __future__ import annotations

from typing import Any

import pytest

from connectors_runtime.capabilities.faults import HttpFault
from connectors_runtime.capabilities.outgoing import Outgoing, prepare, redirected
from connectors_runtime.capabilities.secrets import Secrets

SECRETS = Secrets({"KEY": 'a b&"c'})


def prepared(**changes: Any) -> Outgoing:
    given: dict[str, Any] = {"method": "GET", "url": "https://a.example/x", "headers": [], "body": None}
    return prepare(**(given | changes), secrets=SECRETS)


def test_a_secret_is_encoded_for_where_it_stands() -> None:
    in_query = prepared(url="https://a.example/x?key=${secret:KEY}&n=1")
    in_json = prepared(method="POST", headers=[("Content-Type", "application/json")], body='{"k":"${secret:KEY}"}')
    in_form = prepared(
        method="POST", headers=[("content-type", "application/x-www-form-urlencoded")], body="k=${secret:KEY}"
    )

    assert in_query.target == "/x?key=a%20b%26%22c&n=1"
    assert in_json.body == b'{"k":"a b&\\"c"}'
    assert in_form.body == b"k=a+b%26%22c"


@pytest.mark.parametrize("url", ["https://${secret:KEY}.example/", "https://a.example/${secret:KEY}"])
def test_a_secret_never_names_a_place(url: str) -> None:
    with pytest.raises(HttpFault) as caught:
        prepared(url=url)

    assert caught.value.case == "denied"


@pytest.mark.parametrize(
    "changes",
    [
        {"method": "CONNECT"},
        {"method": "get"},
        {"url": "ftp://a.example/"},
        {"url": "file:///etc/passwd"},
        {"url": "https://user:pw@a.example/"},
        {"url": "https://a.example/\nHost: b.example"},
        {"url": "https://a.example\\@b.example/"},
        {"url": "https://a.example:99999/"},
        {"url": "https:///x"},
        {"url": "https://[::1/"},
        {"url": "https://a.example/" + "x" * 20_000},
        {"headers": [("host", "b.example")]},
        {"headers": [("Transfer-Encoding", "chunked")]},
        {"headers": [("Proxy-Authorization", "x")]},
        {"headers": [("a b", "x")]},
        {"headers": [("x", "a\r\nhost: b")]},
        {"headers": [("x", "1")] * 101},
        {"headers": [("x", "${secret:NOPE}")]},
    ],
)
def test_a_request_that_could_mean_two_things_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(HttpFault):
        prepared(**changes)


def test_a_secret_with_a_line_break_cannot_make_headers_and_is_not_shown() -> None:
    with pytest.raises(HttpFault) as caught:
        prepare(
            method="GET",
            url="https://a.example/",
            headers=[("x", "${secret:K}")],
            body=None,
            secrets=Secrets({"K": "hidden\r\nx"}),
        )

    assert "hidden" not in str(caught.value)


def test_another_host_gets_neither_credentials_nor_secrets() -> None:
    headers = [("Authorization", "Bearer x"), ("Cookie", "c"), ("X-Key", "${secret:KEY}"), ("Accept", "text/csv")]

    there = redirected(prepared(headers=headers), status=302, location="https://b.example/y")
    here = redirected(prepared(headers=headers), status=302, location="/y")

    assert there.headers == (("accept", "text/csv"),)
    assert [name for name, _ in here.headers] == ["authorization", "cookie", "x-key", "accept"]


@pytest.mark.parametrize("location", ["http://a.example/x", "https://a.example:444/x"])
def test_another_scheme_or_port_is_another_host(location: str) -> None:
    assert not redirected(prepared(headers=[("authorization", "x")]), status=307, location=location).headers


def test_a_secret_in_a_body_stays_with_its_host() -> None:
    request = prepared(method="POST", body="${secret:KEY}")

    assert redirected(request, status=307, location="/y").body == b'a b&"c'
    assert redirected(request, status=303, location="https://b.example/").body is None
    with pytest.raises(HttpFault):
        redirected(request, status=307, location="https://b.example/")


def test_a_location_is_never_filled_with_secrets() -> None:
    there = redirected(prepared(), status=302, location="https://b.example/?k=${secret:KEY}")

    assert "a%20b" not in there.target


def test_a_post_becomes_a_get_unless_the_status_keeps_it() -> None:
    request = prepared(method="POST", body="x")

    assert redirected(request, status=302, location="/y").method == "GET"
    assert redirected(request, status=308, location="/y").method == "POST"
