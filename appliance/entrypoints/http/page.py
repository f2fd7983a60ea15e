"""The page where a team edits its configuration together: files that were built from `console/` and lie beside this.

It needs no token: it holds nothing of the team, and asks the API for everything with the token that somebody types in.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from litestar import Request, Response, Router, route
from litestar.datastructures import State
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

FOLDER = Path(__file__).parent.parent / "console"
INDEX = "index.html"

# The page is made of these files and loads nothing else, from here or from anywhere.
TYPES = {
    INDEX: "text/html",
    "console.js": "text/javascript",
    "console.css": "text/css",
    "loro.wasm": "application/wasm",
    "LICENSES.txt": "text/plain",
}

_POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
HEADERS = {
    # Asked for again each time, and answered with 304 until another version is installed.
    "Cache-Control": "no-cache",
    "Content-Security-Policy": _POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Vary": "Accept-Encoding",
    "X-Content-Type-Options": "nosniff",
}

_Request = Request[object, object, State]


@dataclass(frozen=True, slots=True)
class Asset:
    """A file of the page, compressed once. `tag` names its content."""

    kind: str
    packed: bytes
    tag: str

    @classmethod
    def of(cls, name: str) -> Asset:
        packed = FOLDER / f"{name}.gz"
        data = packed.read_bytes() if packed.is_file() else gzip.compress((FOLDER / name).read_bytes(), mtime=0)
        return cls(TYPES[name], data, f'W/"{hashlib.sha256(data).hexdigest()[:32]}"')

    def answer(self, request: _Request) -> Response[bytes]:
        headers = {**HEADERS, "ETag": self.tag}
        if self.tag in request.headers.get("if-none-match", ""):
            return Response(b"", status_code=304, headers=headers)
        if "gzip" in request.headers.get("accept-encoding", ""):
            return Response(self.packed, headers={**headers, "Content-Encoding": "gzip"}, media_type=self.kind)
        return Response(gzip.decompress(self.packed), headers=headers, media_type=self.kind)


def page_routes() -> Router:
    """The page at `/`, and what it loads under `/console/`."""
    assets: Mapping[str, Asset] = {name: Asset.of(name) for name in TYPES}

    @route("/", http_method=["GET", "HEAD"], sync_to_thread=False)
    def index(request: _Request) -> Response[bytes]:
        return assets[INDEX].answer(request)

    @route("/console/{name:str}", http_method=["GET", "HEAD"], sync_to_thread=False)
    def part(request: _Request, name: FromPath[str]) -> Response[bytes]:
        if name not in assets:
            raise NotFoundException
        return assets[name].answer(request)

    return Router("/", route_handlers=[index, part], include_in_schema=False)
