"""Every route of the API against every role: who is let in, and who is told what they lack."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from tests.architecture.sources import ROOT
from tests.support.api import CAST, UNKNOWN, Api, api, in_process
from tests.support.harness import ALICE, pipeline

FILES = {"files": [{"name": "hakiri.toml", "text": pipeline("shipments")}]}

# Each route with a request that the lowest role allowed may make, and how it is answered.
ROUTES: dict[tuple[str, str], tuple[str, object, int]] = {
    ("GET", "/config"): ("charlie", None, 200),
    ("GET", "/config/revisions"): ("charlie", None, 200),
    ("GET", "/config/revisions/{number}"): ("charlie", None, 200),
    ("GET", "/config/revisions/{number}/manifest"): ("charlie", None, 200),
    ("GET", "/config/revisions/{number}/files"): ("charlie", None, 200),
    ("GET", "/config/log"): ("charlie", None, 200),
    ("GET", "/config/at"): ("charlie", None, 200),
    ("GET", "/config/diff"): ("charlie", None, 200),
    ("POST", "/config/validate"): ("charlie", FILES, 200),
    ("POST", "/config/plan"): ("charlie", FILES, 200),
    ("POST", "/config/apply"): ("bob", FILES, 201),
    ("POST", "/config/revert"): ("bob", {"to": 1, "based_on": 2}, 201),
    ("GET", "/config/drafts"): ("charlie", None, 200),
    ("POST", "/config/drafts"): ("bob", {"name": "try"}, 201),
    ("GET", "/config/drafts/{draft}"): ("charlie", None, 200),
    ("DELETE", "/config/drafts/{draft}"): ("oscar", None, 204),
    ("POST", "/config/drafts/{draft}/refresh"): ("bob", None, 200),
    ("POST", "/config/drafts/{draft}/rebuild"): ("oscar", None, 200),
    ("GET", "/config/drafts/{draft}/compare"): ("charlie", None, 200),
    ("GET", "/pipelines"): ("charlie", None, 200),
    ("GET", "/pipelines/{pipeline_id}"): ("charlie", None, 200),
    ("POST", "/pipelines/{pipeline_id}/runs"): ("oscar", None, 201),
    ("GET", "/schedules"): ("charlie", None, 200),
    ("GET", "/fires"): ("charlie", None, 200),
    ("GET", "/runs"): ("charlie", None, 200),
    ("GET", "/runs/{run_id}"): ("charlie", None, 200),
    ("GET", "/runs/{run_id}/steps"): ("charlie", None, 200),
    ("GET", "/runs/{run_id}/logs"): ("charlie", None, 200),
    ("POST", "/runs/{run_id}/cancel"): ("oscar", None, 202),
    ("POST", "/runs/{run_id}/retry"): ("oscar", None, 409),
    ("GET", "/members"): ("charlie", None, 200),
    ("POST", "/members"): ("alice", {"name": "dora", "role": "viewer"}, 201),
    ("PATCH", "/members/{name}"): ("alice", {"role": "operator"}, 204),
    ("DELETE", "/members/{name}"): ("alice", None, 204),
    ("GET", "/tokens"): ("charlie", None, 200),
    ("POST", "/tokens"): ("charlie", {"name": "laptop"}, 201),
    ("DELETE", "/tokens/{token_id}"): ("alice", None, 204),
    ("GET", "/audit"): ("oscar", None, 200),
}
PUBLIC = {("GET", "/livez"), ("GET", "/readyz"), ("GET", "/api/v1/version")}
RANKS = list(reversed(CAST))

# Bob may revoke his own token. Whoever is below an editor may not discard a draft of their own either.
ELSE = {("/tokens/{token_id}", "bob"), ("/config/drafts/{draft}", "charlie")}


@pytest.fixture
def given(tmp_path: Path) -> Iterator[Api]:
    with api(tmp_path) as given:
        given.harness.apply(pipeline("invoices"))
        given.harness.apply(pipeline())
        given.harness.control.drafts.create(ALICE, "ours", None)
        yield given


@pytest.fixture
def client(given: Api) -> Iterator[TestClient[Litestar]]:
    with in_process(given) as client:
        yield client


def _path(given: Api, template: str) -> str:
    runs = given.harness.runs()
    run_id = runs[0].id if runs else given.harness.control.request.start(ALICE, "orders").id
    token = next(token for token in given.harness.on.teams.tokens() if token.member == "bob")
    return f"/api/v1{template}".format(
        number=1, pipeline_id="orders", run_id=run_id, name="bob", token_id=token.id, draft="ours"
    )


def _ask(client: TestClient[Litestar], given: Api, route: tuple[str, str], who: str) -> tuple[int, dict[str, object]]:
    method, template = route
    answer = client.request(method, _path(given, template), json=ROUTES[route][1], headers=given.headers(who))
    return answer.status_code, answer.json() if answer.headers.get("content-type") == "application/json" else {}


def test_every_route_is_in_the_table(client: TestClient[Litestar]) -> None:
    paths = client.get("/api/v1/openapi.json").json()["paths"]

    told = {(method.upper(), path) for path, item in paths.items() for method in item}

    assert told == {(method, f"/api/v1{path}") for method, path in ROUTES} | PUBLIC


def test_every_route_is_documented() -> None:
    documented = re.sub(r"\{\w+\}", "{}", (ROOT / "docs" / "api.md").read_text())

    routes = [*ROUTES, *((method, path.removeprefix("/api/v1")) for method, path in PUBLIC)]
    told = [f"`{method} {re.sub(r'{[a-z_]+}', '{}', path)}`" for method, path in routes]

    assert [route for route in told if route not in documented] == []


@pytest.mark.parametrize("route", ROUTES, ids=" ".join)
def test_the_lowest_role_that_may_is_let_in(client: TestClient[Litestar], given: Api, route: tuple[str, str]) -> None:
    who, _, status = ROUTES[route]

    assert _ask(client, given, route, who)[0] == status


@pytest.mark.parametrize("route", [route for route, (who, *_) in ROUTES.items() if who != "charlie"], ids=" ".join)
def test_every_role_below_is_told_what_it_takes(
    client: TestClient[Litestar], given: Api, route: tuple[str, str]
) -> None:
    needed = ROUTES[route][0]
    below = [name for name in RANKS[: RANKS.index(needed)] if (route[1], name) not in ELSE]

    answers = {name: _ask(client, given, route, name) for name in below}

    assert answers
    assert {name: status for name, (status, _) in answers.items()} == dict.fromkeys(below, 403)
    assert all(str(CAST[needed]) in str(answer) for _, answer in answers.values())


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer ", f"Bearer {UNKNOWN}", "Basic YWxpY2U6", "Bearer hak_", "Bearer " + "x" * 9000],
)
def test_nobody_gets_in_without_a_good_token(
    client: TestClient[Litestar], given: Api, authorization: str | None
) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}

    for method, template in ROUTES:
        answer = client.request(method, _path(given, template), json=ROUTES[method, template][1], headers=headers)

        assert (template, answer.status_code, answer.headers["www-authenticate"]) == (template, 401, "Bearer")
        assert answer.json()["error"]["code"] == "unauthorized"


def test_a_removed_member_is_out_at_once(client: TestClient[Litestar], given: Api) -> None:
    assert client.get("/api/v1/runs", headers=given.headers("bob")).status_code == 200

    client.delete("/api/v1/members/bob", headers=given.headers("alice"))

    assert client.get("/api/v1/runs", headers=given.headers("bob")).status_code == 401


def test_a_token_does_no_more_than_its_own_role(client: TestClient[Litestar], given: Api) -> None:
    asked = {"name": "dashboard", "role": "viewer"}
    made = client.post("/api/v1/tokens", json=asked, headers=given.headers("alice")).json()
    given.tokens["dashboard"] = made["text"]

    answer = client.post("/api/v1/members", json={"name": "dora", "role": "owner"}, headers=given.headers("dashboard"))

    assert answer.status_code == 403


def test_nobody_makes_a_token_above_their_role(client: TestClient[Litestar], given: Api) -> None:
    asked = {"name": "more", "role": "owner"}

    assert client.post("/api/v1/tokens", json=asked, headers=given.headers("oscar")).status_code == 403


def test_everybody_may_revoke_their_own_token(client: TestClient[Litestar], given: Api) -> None:
    [token] = client.get("/api/v1/tokens", headers=given.headers("charlie")).json()["items"]

    revoked = client.delete(f"/api/v1/tokens/{token['id']}", headers=given.headers("charlie"))

    assert revoked.status_code == 204
    assert client.get("/api/v1/runs", headers=given.headers("charlie")).status_code == 401


def test_members_see_their_own_tokens_and_owners_everybodys(client: TestClient[Litestar], given: Api) -> None:
    def seen(who: str) -> set[str]:
        items = client.get("/api/v1/tokens", headers=given.headers(who)).json()["items"]
        return {token["member"] for token in items}

    assert seen("charlie") == {"charlie"}
    assert seen("alice") == set(CAST)


def test_the_last_owner_stays(client: TestClient[Litestar], given: Api) -> None:
    answer = client.patch("/api/v1/members/alice", json={"role": "viewer"}, headers=given.headers("alice"))

    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "conflict")


def test_every_change_leaves_an_audit_row(client: TestClient[Litestar], given: Api) -> None:
    for route in [("POST", "/pipelines/{pipeline_id}/runs"), ("POST", "/members"), ("POST", "/config/apply")]:
        _ask(client, given, route, "alice")

    items = client.get("/api/v1/audit", headers=given.headers("alice")).json()["items"]

    assert [(row["actor"], row["action"]) for row in items[:3]] == [
        ("alice", "config.apply"),
        ("alice", "member.add"),
        ("alice", "run.manual"),
    ]
