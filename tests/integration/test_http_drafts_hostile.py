"""Bodies and names that cannot be meant are refused in our words, and change nothing."""
# ruff: noqa: F811 - a fixture that is imported has the name of the argument that asks for it

from __future__ import annotations

import pytest

from tests.support.api import Api
from tests.support.callers import Caller, bob, client, given  # noqa: F401 - fixtures

A_FILE = [{"name": "a", "text": ""}]
BODIES: dict[str, tuple[str, object, int, str]] = {
    "neither": ("/apply", {}, 400, "either files, or heads"),
    "both": ("/apply", {"files": A_FILE, "heads": "AA", "based_on": 1}, 400, "either files, or heads"),
    "nothing but a base": ("/apply", {"based_on": 1}, 400, "either files, or heads"),
    "heads without a base": ("/apply", {"heads": "AA"}, 400, "based_on: is needed"),
    "files of a draft": ("/apply", {"files": A_FILE, "draft": "main"}, 400, "draft: goes with heads"),
    "heads that are a number": ("/apply", {"heads": 7, "based_on": 1}, 400, "heads: "),
    "heads in other letters": ("/apply", {"heads": "../+/==", "based_on": 1}, 400, "heads: "),
    "heads with a line": ("/apply", {"heads": "AA\n", "based_on": 1}, 400, "heads: "),
    "heads too long": ("/apply", {"heads": "A" * ((64 << 10) + 1), "based_on": 1}, 400, "heads: "),
    "heads as long as they may be": ("/apply", {"heads": "A" * (64 << 10), "based_on": 1}, 409, "heads"),
    "a draft with a path": ("/apply", {"heads": "AA", "based_on": 1, "draft": "../x"}, 400, "draft: "),
    "a base below nothing": ("/apply", {"heads": "AA", "based_on": -1}, 400, "based_on: "),
    "again as a text": ("/apply", {"heads": "AA", "based_on": 1, "again": "yes"}, 400, "again: "),
    "an unknown field": ("/apply", {"heads": "AA", "based_on": 1, "force": True}, 400, "force"),
    "a plan of nothing": ("/plan", {}, 400, "files: is missing"),
    "a plan of both": ("/plan", {"files": A_FILE, "draft": "main"}, 400, "either files, or a draft"),
    "a plan of no draft": ("/plan", {"draft": "nowhere"}, 404, "nowhere"),
    "a plan of no heads": ("/plan", {"heads": "zzzz"}, 409, "heads"),
    "a revert to nothing": ("/revert", {"to": 0, "based_on": 1}, 400, "to: "),
    "a revert to the head": ("/revert", {"to": 1, "based_on": 1}, 400, "is the head"),
    "a revert to what is not": ("/revert", {"to": 2**53, "based_on": 1}, 404, "revision"),
    "a revert without a base": ("/revert", {"to": 1}, 400, "based_on"),
    "a draft without a name": ("/drafts", {}, 400, "name"),
    "a draft with a bad name": ("/drafts", {"name": "Ünicode"}, 400, "name: "),
    "a draft with a name too long": ("/drafts", {"name": "a" * 33}, 400, "name: "),
    "a draft called live": ("/drafts", {"name": "live"}, 400, "live"),
    "a draft called main": ("/drafts", {"name": "main"}, 400, "main"),
    "a draft of heads that are none": ("/drafts", {"name": "try", "at": "zzzz"}, 409, "heads"),
}  # fmt: skip


@pytest.mark.parametrize("kind", BODIES)
def test_a_body_that_cannot_be_meant_is_refused_and_changes_nothing(given: Api, bob: Caller, kind: str) -> None:
    path, body, status, message = BODIES[kind]
    before = (given.harness.on.revisions.head_number(), given.harness.on.drafts.list())

    answer = bob("POST", path, body)

    assert (answer[0], message in answer[1]["error"]["message"]) == (status, True), answer
    assert (given.harness.on.revisions.head_number(), given.harness.on.drafts.list()) == before


@pytest.mark.parametrize("name", ["%2e%2e", "A", "a" * 33, "%00", "a%20b", "%F0%9F%A6%86", "-a"])
def test_a_name_that_no_draft_may_have_is_refused_in_a_path(given: Api, bob: Caller, name: str) -> None:
    for method, path in [("GET", ""), ("DELETE", ""), ("POST", "/refresh"), ("GET", "/compare")]:
        status, told = bob(method, f"/drafts/{name}{path}")
        assert (status, told["error"]["code"]) in {(400, "invalid"), (404, "not_found")}, told
    assert bob("GET", f"/drafts/main/compare?with={name}")[0] == 400
