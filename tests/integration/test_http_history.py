"""The history over HTTP: who changed what when, what was said then, and how it differs."""
# ruff: noqa: F811 - a fixture that is imported has the name of the argument that asks for it

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import quote

from tests.support.api import Api
from tests.support.callers import Caller, bob, client, given  # noqa: F401 - fixtures
from tests.support.editing import Editor
from tests.support.harness import BOB, pipeline


def edit(given: Api, field: str, value: str, *, as_bob: bool = False) -> str:
    """Somebody edits, two seconds after whatever was before."""
    given.harness.clock.forward(timedelta(seconds=2))
    return (Editor(given.harness, BOB) if as_bob else Editor(given.harness)).set(field, value)


def get(bob: Caller, path: str) -> Any:
    status, told = bob("GET", path)
    assert status == 200, told
    return told


def test_the_log_tells_edits_and_revisions_with_their_authors(given: Api, bob: Caller) -> None:
    edit(given, "schedule", "every 15m")
    heads = edit(given, "schedule", "every 30m", as_bob=True)
    bob("POST", "/apply", {"heads": heads, "based_on": 1})

    applied, by_bob, by_alice, *_ = get(bob, "/log")["items"]

    assert (applied["event"], applied["author"], applied["revision"]) == ("applied", "bob", 2)
    assert (applied["draft"], applied["reverts"], applied["edits"]) == ("main", None, [])
    assert (by_bob["event"], by_bob["author"], by_alice["author"]) == ("edited", "bob", "alice")
    assert (by_bob["first_at"], by_bob["at"], by_bob["more"]) == ("2026-06-01T00:00:04Z", "2026-06-01T00:00:04Z", 0)
    assert by_bob["edits"] == [
        {
            "path": "pipeline.orders.schedule",
            "pipeline": "orders",
            "kind": "field",
            "what": "set",
            "old": "every 15m",
            "new": "every 30m",
            "at": "2026-06-01T00:00:04Z",
            "overruled": False,
            "text": 'pipeline.orders.schedule: "every 15m" -> "every 30m"',
        }
    ]


def test_the_log_is_read_in_pages_and_sifted(given: Api, bob: Caller) -> None:
    for number in range(6):
        edit(given, "timeout", f"{number + 1}m", as_bob=number % 2 == 0)
    whole = get(bob, "/log")["items"]
    pages, path = [], "/log?limit=2"
    while True:
        page = get(bob, path)
        pages += page["items"]
        if page["next"] is None:
            break
        path = f"/log?limit=2&before={page['next']}"

    assert pages == whole
    assert {entry["author"] for entry in get(bob, "/log?member=bob")["items"]} == {"bob"}
    assert get(bob, "/log?pipeline=nope")["items"] == []
    assert len(get(bob, "/log?pipeline=orders")["items"]) == 7


def test_a_rebuilt_document_is_told_with_its_reason(given: Api, bob: Caller) -> None:
    edit(given, "schedule", "every 15m")
    given.harness.clock.forward(timedelta(seconds=2))
    Caller(bob._client, given, "oscar")("POST", "/drafts/main/rebuild")

    first = get(bob, "/log")
    assert [(one["event"], one["author"], one["reason"]) for one in first["items"]] == [("began", "oscar", "asked")]
    assert first["next"]
    older = get(bob, f"/log?before={first['next']}")["items"]
    assert older[0]["edits"][0]["new"] == "every 15m"


def test_what_was_said_then_is_told_with_its_problems(given: Api, bob: Caller) -> None:
    heads = edit(given, "schedule", "every 15m")
    edit(given, "schedule", "now and then")

    revision, then, seen, now = (
        get(bob, f"/at{query}") for query in ("?revision=1", "?moment=2026-06-01T00:00:03Z", f"?heads={heads}", "")
    )

    assert (revision["revision"], "schedule" in revision["toml"], revision["problems"]) == (1, False, [])
    assert 'schedule = "every 15m"' in then["toml"]
    assert (then["heads"], then["toml"], then["revision"]) == (heads, seen["toml"], None)
    assert (now["toml"], now["problems"][0]["path"]) == (None, "pipeline.orders.schedule")
    assert now["room"] == get(bob, "/drafts/main")["room"]


def test_any_two_points_are_compared(given: Api, bob: Caller) -> None:
    heads = edit(given, "schedule", "every 15m")
    bob("POST", "/apply", {"files": [{"name": "x.toml", "text": pipeline(timeout="2h")}]})
    bob("POST", "/drafts", {"name": "try"})
    Editor(given.harness, draft="try").set("retries", 3)

    def texts(before: str, after: str) -> list[str]:
        told = get(bob, f"/diff?from={quote(before)}&to={quote(after)}")
        return [change["text"] for change in told["changes"]]

    schedule = 'pipeline.orders.schedule: nothing -> "every 15m"'
    assert schedule in texts("1", f"heads:{heads}")
    assert texts("live", "draft") == [schedule]
    assert [change["text"] for change in get(bob, "/diff")["changes"]] == [schedule]
    assert texts("2", "live") == []
    assert texts("live", "draft:try") == ["pipeline.orders.retries: 5 -> 3"]
    assert schedule in texts("1", "2026-06-01T02:00:02+02:00")


REFUSED = {
    "/log?before=nonsense": 400,
    "/log?limit=0": 400,
    "/log?limit=501": 400,
    "/log?draft=nowhere": 404,
    "/log?draft=..%2Fmain": 400,
    "/log?pipeline=" + "a" * 129: 400,
    "/at?revision=99": 404,
    "/at?revision=0": 400,
    "/at?revision=1&moment=2026-06-01": 400,
    "/at?moment=yesterday": 400,
    "/at?moment=2026-05-31T00:00:00Z": 404,
    "/at?moment=0001-01-01T00:00:00%2B14:00": 400,
    "/at?heads=zzzz": 409,
    "/at?heads=%00": 409,
    "/diff?from=nowhere": 400,
    "/diff?from=%00": 400,
    "/diff?from=draft:nowhere": 404,
    "/diff?from=draft:Nowhere": 400,
    "/diff?from=99": 404,
    "/diff?from=" + "9" * 40: 400,
    "/diff?from=": 400,
    "/diff?to=heads:zzzz": 409,
}


def test_what_cannot_be_meant_is_refused_in_our_words(given: Api, bob: Caller) -> None:
    answers = {path: bob("GET", path) for path in REFUSED}

    assert {path: status for path, (status, _) in answers.items()} == REFUSED
    assert all(told["error"]["message"] for _, told in answers.values())


def test_a_comparison_of_what_has_problems_tells_them(given: Api, bob: Caller) -> None:
    edit(given, "schedule", "now and then")

    status, told = bob("GET", "/diff")

    assert (status, told["error"]["problems"][0]["path"]) == (422, "pipeline.orders.schedule")
