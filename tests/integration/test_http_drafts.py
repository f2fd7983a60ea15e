"""Drafts over HTTP: opening, reviewing, applying as seen, refreshing, comparing, reverting, discarding."""
# ruff: noqa: F811 - a fixture that is imported has the name of the argument that asks for it

from __future__ import annotations

from typing import Any

from litestar import Litestar
from litestar.testing import TestClient

from appliance.core.draft import MAIN
from tests.support.api import Api
from tests.support.callers import Caller, bob, client, given  # noqa: F401 - fixtures
from tests.support.editing import Editor, schedule
from tests.support.harness import BOB, Harness, pipeline


def _plan(bob: Caller, **body: object) -> Any:
    status, told = bob("POST", "/plan", body or {"draft": MAIN})
    assert status == 200, told
    return told


def test_what_a_plan_answers_is_what_an_apply_takes(given: Api, bob: Caller) -> None:
    seen = Editor(given.harness).set("schedule", "every 15m")
    plan = _plan(bob)
    Editor(given.harness).set("schedule", "every 1h")

    status, applied = bob("POST", "/apply", {"heads": plan["heads"], "based_on": plan["based_on"]})

    assert (plan["heads"], plan["based_on"], plan["applied"], plan["problems"]) == (seen, 1, 1, [])
    assert (plan["plan"]["retimed"], plan["plan"]["unchanged"]) == (["orders"], [])
    assert plan["plan"]["next_fires"] == {"orders": "2026-06-01T00:15:00Z"}
    assert (status, applied["created"], applied["mirrored"]) == (201, True, True)
    assert [change["text"] for change in applied["changes"]] == ['pipeline.orders.schedule: nothing -> "every 15m"']
    revision = applied["revision"]
    assert (revision["draft"], revision["room"], revision["heads"]) == ("main", plan["room"], seen)
    assert (revision["reverts"], revision["undone_by"], revision["applied_by"]) == (None, None, "bob")


def test_a_draft_with_problems_is_an_answer_when_reviewed_and_an_error_when_applied(given: Api, bob: Caller) -> None:
    heads = Editor(given.harness).set("schedule", "every now and then")

    for route in ("/plan", "/validate"):
        status, told = bob("POST", route, {"heads": heads})
        assert (status, told["plan"]) == (200, None)
        assert [problem["path"] for problem in told["problems"]] == ["pipeline.orders.schedule"]
    status, told = bob("POST", "/apply", {"heads": heads, "based_on": 1})
    assert (status, told["error"]["code"]) == (422, "invalid_manifest")
    assert [problem["path"] for problem in told["error"]["problems"]] == ["pipeline.orders.schedule"]


def test_contradictions_are_told_by_name(given: Api, bob: Caller) -> None:
    alice, other = Editor(given.harness), Editor(given.harness, BOB)
    late = other.offline(schedule("orders", "every 1h"))
    alice.set("schedule", "every 15m")
    late()
    torn = alice.remove(saw=alice.room.draft().applied_heads)

    told = _plan(bob)
    status, refused = bob("POST", "/apply", {"heads": torn, "based_on": 1})

    [rivals] = [each for each in told["rivals"] if each["path"][-1] == "schedule"]
    assert sorted(value["author"] for value in rivals["values"]) == ["alice", "bob"]
    assert [(each["pipeline"], each["removed_by"]) for each in told["removals"]] == [("orders", "alice")]
    assert set(told["removals"][0]["edited_by"]) == {"alice", "bob"}
    assert (status, refused["error"]["code"]) == (409, "unresolved")
    assert "pipeline orders was removed by alice" in refused["error"]["message"]


def test_a_stale_apply_is_told_who_was_first_and_when(given: Api, bob: Caller) -> None:
    heads = Editor(given.harness).set("schedule", "every 15m")
    given.harness.apply(pipeline("invoices"))

    status, told = bob("POST", "/apply", {"heads": heads, "based_on": 1})

    error = told["error"]
    assert (status, error["code"], error["head"], error["by"]) == (409, "conflict", 2, "alice")
    assert error["at"] == "2026-06-01T00:00:00Z"
    assert "the head is revision 2, by alice at 2026-06-01 00:00:00 UTC" in error["message"]


def test_a_revert_is_told_and_holds_up_the_same_again(given: Api, bob: Caller) -> None:
    heads = Editor(given.harness).set("schedule", "every 15m")
    bob("POST", "/apply", {"heads": heads, "based_on": 1})

    status, reverted = bob("POST", "/revert", {"to": 1, "based_on": 2})
    again = bob("POST", "/apply", {"heads": heads, "based_on": 3})
    insisted = bob("POST", "/apply", {"heads": heads, "based_on": 3, "again": True})

    assert (status, reverted["revision"]["number"], reverted["revision"]["reverts"]) == (201, 3, 1)
    assert bob("GET", "/revisions/2")[1]["undone_by"] == 3
    assert (again[0], again[1]["error"]["code"], again[1]["error"]["head"]) == (409, "undone", 3)
    assert (again[1]["error"]["by"], "`hakiri apply --again`" in again[1]["error"]["message"]) == ("bob", True)
    assert insisted[0] == 201


def test_files_that_were_reverted_pass_with_again_in_either_form(
    client: TestClient[Litestar], given: Api, bob: Caller
) -> None:
    text = pipeline(schedule="every 15m")
    files = {"files": [{"name": "a.toml", "text": text}]}
    headers = given.headers("bob", content_type="application/toml")
    bob("POST", "/apply", files)
    bob("POST", "/revert", {"to": 1, "based_on": 2})

    plain = client.post("/api/v1/config/apply", content=text, headers=headers)
    insisted = client.post("/api/v1/config/apply?again=true&based_on=3", content=text, headers=headers)
    bob("POST", "/revert", {"to": 1, "based_on": 4})

    assert (plain.status_code, plain.json()["error"]["code"]) == (409, "undone")
    assert insisted.status_code == 201
    assert bob("POST", "/apply", files)[0] == 409
    assert bob("POST", "/apply", {**files, "again": True})[0] == 201


def test_a_draft_is_opened_edited_compared_applied_and_discarded(given: Api, bob: Caller) -> None:
    status, made = bob("POST", "/drafts", {"name": "try"})
    assert (status, made["name"], made["applied"], made["created_by"]) == (201, "try", 1, "bob")
    assert made["room"] == f"config:try:{made['epoch']}"
    seen = Editor(given.harness, BOB, draft="try").set("schedule", "every 15m")

    assert [each["name"] for each in bob("GET", "/drafts")[1]["items"]] == ["main", "try"]
    assert bob("GET", "/drafts/try")[1] == {**made, "heads": seen}
    for other in ("live", "main"):
        told = bob("GET", f"/drafts/try/compare?with={other}")[1]
        assert [change["path"] for change in told["changes"]] == ["pipeline.orders.schedule"]
        assert (told["heads"], told["other"], told["other_heads"] is None) == (seen, other, other == "live")
    assert bob("GET", "/drafts/main/compare?with=try")[1]["changes"][0]["old"] == "every 15m"

    status, applied = bob("POST", "/apply", {"heads": seen, "based_on": 1, "draft": "try"})
    assert (status, applied["revision"]["draft"]) == (201, "try")
    assert Editor(given.harness).sees()["schedule"] == "every 15m"
    assert bob("DELETE", "/drafts/try") == (204, None)
    assert bob("GET", "/drafts/try")[0] == 404


def test_a_draft_may_begin_with_what_somebody_saw_of_the_main_one(given: Api, bob: Caller) -> None:
    seen = Editor(given.harness).set("schedule", "every 15m")
    Editor(given.harness).set("schedule", "every 1h")

    assert bob("POST", "/drafts", {"name": "try", "at": seen})[0] == 201

    changes = bob("GET", "/drafts/try/compare")[1]["changes"]
    assert [(change["path"], change["new"]) for change in changes] == [("pipeline.orders.schedule", "every 15m")]


def test_a_refresh_brings_what_was_applied_meanwhile_and_leaves_the_drafts_own_edits(given: Api, bob: Caller) -> None:
    bob("POST", "/drafts", {"name": "try"})
    mine = Editor(given.harness, BOB, draft="try")
    mine.set("catchup", "all")
    given.harness.apply(pipeline(schedule="every 15m"))

    status, refreshed = bob("POST", "/drafts/try/refresh")

    assert (status, refreshed["applied"]) == (200, 2)
    assert (mine.sees()["schedule"], mine.sees()["catchup"]) == ("every 15m", "all")
    assert [change["path"] for change in bob("GET", "/drafts/try/compare")[1]["changes"]] == ["pipeline.orders.catchup"]
    assert bob("POST", "/drafts/try/refresh")[1] == refreshed
    given.harness.restart()
    assert given.harness.control.drafts.get(BOB, "try").heads == refreshed["heads"]
    actions = [entry.action for entry in given.harness.on.records.audit(before=None, limit=3).items]
    assert actions.count("draft.refresh") == 1


def test_a_refresh_after_a_revert_to_what_the_draft_says_is_noted_and_changes_nothing(given: Api, bob: Caller) -> None:
    before = bob("POST", "/drafts", {"name": "try"})[1]
    given.harness.apply(pipeline(schedule="every 15m"))
    given.harness.control.revert(BOB, to=1, based_on=2)

    status, refreshed = bob("POST", "/drafts/try/refresh")

    assert (status, refreshed) == (200, {**before, "applied": 3})


def test_a_refresh_of_the_main_draft_has_nothing_to_do(given: Api, bob: Caller) -> None:
    before = bob("GET", "/drafts/main")[1]

    assert bob("POST", "/drafts/main/refresh") == (200, before)


def test_a_rebuilt_draft_goes_on_in_another_room(client: TestClient[Litestar], given: Api, bob: Caller) -> None:
    alice = Editor(given.harness)
    heads = alice.set("schedule", "every 15m")
    before = bob("GET", "/drafts/main")[1]

    assert bob("POST", "/drafts/main/rebuild")[0] == 403
    status, rebuilt = Caller(client, given, "oscar")("POST", "/drafts/main/rebuild")

    assert (status, rebuilt["room"] == before["room"], rebuilt["applied"]) == (200, False, 1)
    assert [change["path"] for change in _plan(bob)["plan"]["changes"]] == ["pipeline.orders.schedule"]
    status, told = bob("POST", "/apply", {"heads": heads, "based_on": 1})
    assert (status, told["error"]["code"]) == (409, "unknown_heads")


def test_somebody_elses_draft_is_discarded_by_an_operator_and_the_main_one_by_nobody(
    client: TestClient[Litestar], given: Api, bob: Caller
) -> None:
    alice, oscar = Caller(client, given, "alice"), Caller(client, given, "oscar")
    alice("POST", "/drafts", {"name": "hers"})

    status, told = bob("DELETE", "/drafts/hers")
    assert (status, "operator" in told["error"]["message"]) == (403, True)
    assert oscar("DELETE", "/drafts/hers")[0] == 204
    assert oscar("DELETE", "/drafts/main")[0] == 409
    assert oscar("DELETE", "/drafts/hers")[0] == 404


def test_a_repeated_apply_is_done_once(given: Api, bob: Caller) -> None:
    heads = Editor(given.harness).set("schedule", "every 15m")
    body = {"heads": heads, "based_on": 1}

    first = bob("POST", "/apply", body, Idempotency_Key="one")
    again = bob("POST", "/apply", body, Idempotency_Key="one")
    made = [bob("POST", "/drafts", {"name": "try"}, Idempotency_Key="two")[0] for _ in range(2)]

    assert (first[0], again) == (201, first)
    assert given.harness.on.revisions.head_number() == 2
    assert made == [201, 201]


def test_a_comparison_with_a_draft_that_has_problems_tells_them(given: Api, bob: Caller) -> None:
    Editor(given.harness).set("schedule", "every now and then")

    status, told = bob("GET", "/drafts/main/compare")

    assert (status, told["error"]["code"]) == (422, "invalid_manifest")


def test_drafts_are_limited_in_number(given: Api, bob: Caller) -> None:
    statuses = [bob("POST", "/drafts", {"name": f"d{number}"})[0] for number in range(33)]

    assert statuses.count(201) >= 31
    assert statuses[-1] == 413


def test_an_open_name_is_taken(given: Api, bob: Caller) -> None:
    bob("POST", "/drafts", {"name": "try"})

    assert bob("POST", "/drafts", {"name": "try"})[0] == 409


def test_the_rooms_of_the_api_are_those_of_the_service(given: Api, bob: Caller) -> None:
    harness: Harness = given.harness

    assert bob("GET", "/drafts/main")[1]["room"] == str(harness.control.rooms.named(MAIN).id)
