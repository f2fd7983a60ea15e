"""What a host function answers instead of a value."""

from __future__ import annotations


class HttpFault(Exception):
    """`case` is one of the WIT's http-error cases, `payload` its value."""

    def __init__(self, case: str, payload: str | int | None = None) -> None:
        super().__init__(case, payload)
        self.case = case
        self.payload = payload


class FileFault(Exception):
    """`case` is one of the WIT's file-error cases."""

    def __init__(self, case: str, payload: str) -> None:
        super().__init__(case, payload)
        self.case = case
        self.payload = payload
