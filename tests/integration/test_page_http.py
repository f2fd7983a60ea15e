"""How the page is served: whole, compressed, never stale, under a strict policy, and nothing beside it."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from appliance.entrypoints.http.page import TYPES
from tests.support.api import api, in_process
from tests.support.page import BUILT

PATHS = ("/", *(f"/console/{name}" for name in TYPES))


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient[Litestar]]:
    with api(tmp_path_factory.mktemp("page")) as given, in_process(given) as opened:
        yield opened


@pytest.mark.parametrize("path", PATHS)
def test_it_needs_no_token_and_comes_with_its_policy(client: TestClient[Litestar], path: str) -> None:
    answer = client.get(path)
    policy = answer.headers["content-security-policy"].split("; ")
    assert answer.status_code == 200
    assert "default-src 'none'" in policy
    assert "script-src 'self' 'wasm-unsafe-eval'" in policy
    assert "frame-ancestors 'none'" in policy
    assert not any("unsafe-inline" in part or "*" in part or "http" in part for part in policy)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cross-origin-opener-policy"] == "same-origin"
    assert answer.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("name", TYPES)
def test_every_file_comes_as_it_was_built(client: TestClient[Litestar], name: str) -> None:
    packed = BUILT / f"{name}.gz"
    wanted = gzip.decompress(packed.read_bytes()) if packed.is_file() else (BUILT / name).read_bytes()
    small = client.get(f"/console/{name}", headers={"Accept-Encoding": "gzip"})
    plain = client.get(f"/console/{name}", headers={"Accept-Encoding": "identity"})
    assert small.headers["content-encoding"] == "gzip"
    assert small.content == wanted
    assert "content-encoding" not in plain.headers
    assert plain.content == wanted
    assert small.headers["content-type"] == plain.headers["content-type"]
    charset = "; charset=utf-8" if TYPES[name].startswith("text/") else ""
    assert small.headers["content-type"] == TYPES[name] + charset


@pytest.mark.parametrize("path", PATHS)
def test_what_a_browser_has_is_not_sent_again(client: TestClient[Litestar], path: str) -> None:
    tag = client.get(path).headers["etag"]
    again = client.get(path, headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == tag
    assert client.get(path, headers={"If-None-Match": 'W/"another"'}).status_code == 200


@pytest.mark.parametrize("path", PATHS)
def test_a_head_has_no_body(client: TestClient[Litestar], path: str) -> None:
    answer = client.head(path)
    assert (answer.status_code, answer.content) == (200, b"")
    assert int(answer.headers["content-length"]) > 0


@pytest.mark.parametrize(
    "path", ["/console", "/console/", "/console/loro.wasm.gz", "/console/../app.py", "/console/%2e%2e/app.py", "/x"]
)
def test_nothing_else_is_there(client: TestClient[Litestar], path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "not_found"


def test_it_is_only_read(client: TestClient[Litestar]) -> None:
    assert client.post("/").status_code == 405
    assert client.delete("/console/console.js").status_code == 405


def test_the_page_loads_its_own_files_and_holds_no_script_or_style() -> None:
    html = (BUILT / "index.html").read_text()
    loaded = re.findall(r'(?:src|href)="([^"]*)"', html)
    assert sorted(loaded) == ["/console/console.css", "/console/console.js", "data:,"]
    assert re.findall(r"<script[^>]*>([^<]+)</script>|<style| style=| on[a-z]+=", html) == []


def test_the_files_are_small() -> None:
    sizes = {path.name: len(gzip.compress(path.read_bytes())) for path in BUILT.iterdir()}
    assert sizes["console.js"] < 60 << 10
    assert sizes["loro.wasm.gz"] < 1300 << 10
    assert sum(sizes.values()) < 1400 << 10
