"""Each limit of the sync door, and the close code behind it."""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path

from appliance.core.limits import SYNC_ROOMS_PER_CONNECTION
from appliance.core.sync.frames import Join, JoinError, JoinFault, JoinOk, Kind, Room
from appliance.core.team import Role
from appliance.entrypoints.ws.hub import Limits
from appliance.services.teams import SYSTEM
from tests.support.api import UNKNOWN
from tests.support.harness import ALICE
from tests.support.sync_serving import syncing
from tests.support.sync_socket import Closed


def test_a_bad_token_is_refused_and_the_third_one_closes(tmp_path: Path) -> None:
    with syncing(tmp_path) as served:
        bob = served.editor()
        for token in (UNKNOWN, ""):
            bob.token = token
            answer = bob.ask()
            assert isinstance(answer, JoinError)
            assert answer.fault is JoinFault.AUTH_FAILED

        bob.token = "x" * 300
        bob.say(Join(bob.document, bob.token.encode(), b""))

        assert bob.wait_closed() == Closed(4401, "bad token")


def test_a_connection_is_of_one_token(tmp_path: Path) -> None:
    with syncing(tmp_path) as served:
        bob = served.joined("bob")
        bob.token = served.api.tokens["alice"]

        answer = bob.ask()

        assert isinstance(answer, JoinError)
        assert answer.fault is JoinFault.AUTH_FAILED


def test_who_does_not_join_in_time_is_sent_away(tmp_path: Path) -> None:
    with syncing(tmp_path, limits=Limits(look=0.05, join=0.3)) as served:
        idle, bob = served.editor(), served.joined()

        assert idle.wait_closed() == Closed(4408, "did not join in time")
        bob.saved(bob.set("schedule", "every 5m"))


def test_a_token_has_so_many_connections(tmp_path: Path) -> None:
    with syncing(tmp_path, limits=Limits(connections_per_token=3)) as served:
        held = [served.joined("bob") for _ in range(3)]
        fourth = served.editor("bob")
        fourth.say(Join(fourth.document, fourth.token.encode(), b""))

        assert fourth.wait_closed() == Closed(4429, "too many connections")
        served.joined("alice")
        held[0].socket.vanish()
        deadline = time.monotonic() + 5
        while served.in_loop(lambda: len(served.hub.connections)) > 3:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        served.joined("bob")


def test_a_full_house_asks_to_come_later(tmp_path: Path) -> None:
    with syncing(tmp_path, limits=Limits(connections=2)) as served:
        served.joined("bob")
        served.joined("alice")

        assert served.editor("oscar").wait_closed() == Closed(1013, "full")


def test_who_never_joins_makes_room_for_who_does(tmp_path: Path) -> None:
    with syncing(tmp_path, limits=Limits(strangers=2)) as served:
        bob, idle = served.joined("bob"), [served.editor() for _ in range(3)]

        assert idle[0].wait_closed() == Closed(1013, "full")
        served.joined("alice")
        bob.saved(bob.set("schedule", "every 5m"))


def test_a_revoked_token_closes_its_connections_and_no_others(tmp_path: Path) -> None:
    with syncing(tmp_path, limits=Limits(check_tokens=0.2)) as served:
        bob, alice = served.joined("bob"), served.joined("alice")
        teams = served.api.harness.control.teams

        teams.revoke_token(ALICE, served.api.tokens["bob"].split("_")[1])

        assert bob.wait_closed() == Closed(4401, "token revoked or expired")
        alice.saved(alice.set("schedule", "every 5m"))


def test_an_expired_token_closes_its_connections(tmp_path: Path) -> None:
    with syncing(tmp_path, limits=Limits(check_tokens=0.2)) as served:
        teams = served.api.harness.control.teams
        _, token = teams.create_token(
            SYSTEM, member="bob", name="short", role=Role.EDITOR, lifetime=timedelta(minutes=5)
        )
        bob = served.editor("bob")
        bob.token = token
        bob.join()

        served.api.harness.clock.forward(timedelta(minutes=6))

        assert bob.wait_closed().code == 4401


def test_a_changed_role_makes_the_client_come_back(tmp_path: Path) -> None:
    with syncing(tmp_path, limits=Limits(check_tokens=0.2)) as served:
        bob = served.joined("bob")

        served.api.harness.control.teams.change_role(ALICE, "bob", Role.VIEWER)
        closed = bob.wait_closed()
        bob.socket.close()
        bob.connect()
        again = bob.join()

        assert closed == Closed(1012, "role changed")
        assert not again.writes


def test_a_connection_is_in_so_many_rooms(tmp_path: Path) -> None:
    with syncing(tmp_path) as served:
        bob, rooms = served.joined("bob"), served.api.harness.control.rooms
        drafts = [rooms.create(ALICE, f"draft{number}") for number in range(SYNC_ROOMS_PER_CONNECTION)]

        for draft in drafts:
            bob.say(Join(Room(Kind.DOC, str(draft.room)), bob.token.encode(), b""))
        bob.until(lambda: bob.refused)

        assert bob.refused is not None
        assert (bob.refused.fault, bob.refused.app_code) == (JoinFault.APP, "too_many_rooms")
        assert sum(isinstance(one, JoinOk) for one in bob.heard) == SYNC_ROOMS_PER_CONNECTION


def test_who_sends_too_fast_is_read_later_and_loses_nothing(tmp_path: Path) -> None:
    with syncing(tmp_path, limits=Limits(messages_per_second=50)) as served:
        bob, alice = served.joined("bob"), served.joined("alice")
        started = time.monotonic()

        batches = [bob.set(f"field{number}", number) for number in range(150)]
        alice.saved(alice.set("schedule", "every 5m"))
        quick = time.monotonic() - started
        for batch in batches:
            bob.saved(batch)

        # A burst of two seconds' worth at once, the other 50 in a second.
        assert time.monotonic() - started > 0.9
        assert quick < 0.9


def test_a_silent_connection_is_closed(tmp_path: Path) -> None:
    with syncing(tmp_path, limits=Limits(look=0.05, silent=0.6)) as served:
        bob, alice = served.joined("bob"), served.joined("alice")
        for _ in range(8):
            alice.socket.send("ping")
            time.sleep(0.1)

        assert bob.wait_closed() == Closed(1013, "silent")
        alice.saved(alice.set("schedule", "every 5m"))
