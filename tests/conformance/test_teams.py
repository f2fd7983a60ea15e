"""Members and their tokens, on every substrate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from appliance.bootstrap import Substrate
from appliance.core.errors import Conflict, ControlError, NotFound
from appliance.core.team import Credential, Member, Role, Token
from tests.support.harness import Harness
from tests.support.rows import HOSTILE, NOW, SECOND, at_once, audited, noted

ALICE = Member("alice", Role.OWNER, NOW)
BOB = Member("bob", Role.EDITOR, NOW)


def _token(key: str = "t1", member: str = "bob", *, role: Role = Role.VIEWER) -> Token:
    return Token(key, member, f"{member}'s laptop", role, NOW, NOW + timedelta(days=1), None)


def _add(on: Substrate, *members: Member) -> None:
    for member in members:
        on.teams.add_member(member, noted("member.add", member.name))


def _issue(on: Substrate, token: Token) -> Token:
    on.teams.add_token(token, f"digest of {token.id}", noted("token.create", token.id))
    return token


def _everything(on: Substrate) -> object:
    return (on.teams.members(), on.teams.tokens(), audited(on))


def test_a_team_is_founded_once_and_keeps_its_node(harness: Harness) -> None:
    """The harness founded it."""
    node_id = harness.on.teams.node_id()

    assert harness.on.teams.found("another", "another", NOW) is False
    assert harness.on.teams.node_id() == node_id

    harness.restart()
    assert harness.on.teams.node_id() == node_id == harness.control.node_id


def test_members_are_listed_by_name_and_audited(on: Substrate) -> None:
    _add(on, BOB, ALICE)

    assert on.teams.members() == [ALICE, BOB]
    assert audited(on) == [("alice", "member.add", "bob"), ("alice", "member.add", "alice")]


def test_a_name_is_taken_once(on: Substrate) -> None:
    _add(on, BOB)
    before = _everything(on)

    with pytest.raises(Conflict, match="bob is a member already"):
        _add(on, replace(BOB, role=Role.OWNER))

    assert _everything(on) == before


def _succeeds(act: Callable[[], object]) -> bool:
    try:
        act()
    except ControlError:
        return False
    return True


def test_of_eight_that_add_one_name_one_wins(on: Substrate) -> None:
    roles = list(Role) * 2

    won = at_once(lambda number: _succeeds(lambda: _add(on, replace(BOB, role=roles[number]))))

    assert sum(won) == 1
    assert [member.role for member in on.teams.members()] == [roles[won.index(True)]]
    assert len(audited(on)) == 1


def test_a_removed_member_is_gone_and_so_are_their_tokens(on: Substrate) -> None:
    _add(on, ALICE, BOB)
    _issue(on, _token("t1", "bob"))
    _issue(on, _token("t2", "alice"))

    on.teams.remove_member("bob", NOW + SECOND, noted("member.remove", "bob"))

    assert on.teams.members() == [ALICE]
    assert {token.id: token.revoked_at for token in on.teams.tokens()} == {"t1": NOW + SECOND, "t2": None}
    assert on.teams.credential("t1") is None
    assert on.teams.credential("t2") is not None
    assert audited(on)[-1] == ("alice", "member.remove", "bob")


def test_a_removed_member_can_come_back_without_their_old_tokens(on: Substrate) -> None:
    _add(on, ALICE, BOB)
    _issue(on, _token())
    on.teams.remove_member("bob", NOW, noted())
    back = Member("bob", Role.VIEWER, NOW + SECOND)

    _add(on, back)

    assert on.teams.members() == [ALICE, back]
    assert on.teams.credential("t1") is None


def test_a_role_changes(on: Substrate) -> None:
    _add(on, ALICE, BOB)

    on.teams.change_role("bob", Role.OPERATOR, noted("member.role", "bob"))

    assert on.teams.members() == [ALICE, replace(BOB, role=Role.OPERATOR)]
    assert audited(on)[-1] == ("alice", "member.role", "bob")


@pytest.mark.parametrize("name", ["charlie", "removed", "ALICE", *HOSTILE])
def test_an_unknown_or_removed_member_cannot_be_changed_or_get_a_token(on: Substrate, name: str) -> None:
    _add(on, ALICE, Member("removed", Role.OWNER, NOW))
    on.teams.remove_member("removed", NOW, noted())
    before = _everything(on)

    with pytest.raises(NotFound):
        on.teams.change_role(name, Role.OWNER, noted())
    with pytest.raises(NotFound):
        on.teams.remove_member(name, NOW, noted())
    with pytest.raises(NotFound):
        _issue(on, _token(member=name))

    assert _everything(on) == before


@pytest.mark.parametrize("role", [Role.VIEWER, Role.EDITOR, Role.OPERATOR])
def test_the_last_owner_can_neither_leave_nor_step_down(on: Substrate, role: Role) -> None:
    _add(on, ALICE, BOB, Member("gone", Role.OWNER, NOW))
    on.teams.remove_member("gone", NOW, noted())
    before = _everything(on)

    with pytest.raises(Conflict, match="last owner"):
        on.teams.remove_member("alice", NOW, noted())
    with pytest.raises(Conflict, match="last owner"):
        on.teams.change_role("alice", role, noted())

    assert _everything(on) == before


def test_the_last_owner_may_stay_one(on: Substrate) -> None:
    _add(on, ALICE)

    on.teams.change_role("alice", Role.OWNER, noted())

    assert on.teams.members() == [ALICE]


def test_one_of_two_owners_may_go(on: Substrate) -> None:
    _add(on, ALICE, replace(BOB, role=Role.OWNER))

    on.teams.remove_member("alice", NOW, noted())

    assert [member.name for member in on.teams.members()] == ["bob"]


def test_of_eight_owners_who_leave_at_once_one_has_to_stay(on: Substrate) -> None:
    _add(on, *(Member(f"owner {number}", Role.OWNER, NOW) for number in range(8)))

    def leave(number: int) -> bool:
        name = f"owner {number}"
        if number % 2:
            return _succeeds(lambda: on.teams.remove_member(name, NOW, noted()))
        return _succeeds(lambda: on.teams.change_role(name, Role.VIEWER, noted()))

    assert sum(at_once(leave)) == 7
    assert [member.role for member in on.teams.members()].count(Role.OWNER) == 1


def test_a_token_is_listed_and_audited_and_opens(on: Substrate) -> None:
    _add(on, BOB)

    token = _issue(on, _token())

    assert on.teams.tokens() == [token]
    assert on.teams.credential("t1") == Credential(token, digest="digest of t1", member_role=Role.EDITOR)
    assert audited(on)[-1] == ("alice", "token.create", "t1")


def test_a_credential_carries_the_members_role_of_now(on: Substrate) -> None:
    _add(on, BOB)
    _issue(on, _token())

    on.teams.change_role("bob", Role.OPERATOR, noted())

    credential = on.teams.credential("t1")
    assert credential is not None
    assert (credential.token.role, credential.member_role) == (Role.VIEWER, Role.OPERATOR)


def test_a_token_that_never_expires_is_one(on: Substrate) -> None:
    _add(on, BOB)
    token = _issue(on, replace(_token(), expires_at=None))

    assert on.teams.tokens() == [token]


def test_the_newest_token_is_listed_first(on: Substrate) -> None:
    _add(on, BOB)
    for number in (1, 3, 2):
        _issue(on, replace(_token(f"t{number}"), created_at=NOW + number * SECOND))

    assert [token.id for token in on.teams.tokens()] == ["t3", "t2", "t1"]


def test_a_revoked_token_opens_nothing_and_is_still_listed(on: Substrate) -> None:
    _add(on, BOB)
    token = _issue(on, _token())

    on.teams.revoke_token("t1", NOW + SECOND, noted("token.revoke", "t1"))

    assert on.teams.credential("t1") is None
    assert on.teams.tokens() == [replace(token, revoked_at=NOW + SECOND)]
    assert audited(on)[-1] == ("alice", "token.revoke", "t1")


def test_a_token_that_is_revoked_twice_was_revoked_the_first_time(on: Substrate) -> None:
    _add(on, BOB)
    _issue(on, _token())

    for number in (1, 2):
        on.teams.revoke_token("t1", NOW + number * SECOND, noted())

    assert on.teams.tokens()[0].revoked_at == NOW + SECOND


@pytest.mark.parametrize("token_id", ["t2", "T1", "t_", *HOSTILE])
def test_an_unknown_token_opens_nothing_and_cannot_be_revoked(on: Substrate, token_id: str) -> None:
    _add(on, BOB)
    _issue(on, _token())
    before = _everything(on)

    assert on.teams.credential(token_id) is None
    with pytest.raises(NotFound):
        on.teams.revoke_token(token_id, NOW, noted())

    assert _everything(on) == before


@pytest.mark.parametrize("text", HOSTILE)
def test_any_text_is_kept_as_it_is_and_found_again(on: Substrate, text: str) -> None:
    _add(on, Member(text, Role.OWNER, NOW), BOB)
    token = _issue(on, replace(_token(text, text), name=text))

    assert Member(text, Role.OWNER, NOW) in on.teams.members()
    credential = on.teams.credential(text)
    assert credential is not None
    assert credential.token == token


def test_a_digest_is_not_shown_by_accident(on: Substrate) -> None:
    _add(on, BOB)
    _issue(on, _token())

    assert "digest of t1" not in repr(on.teams.credential("t1"))
    assert "digest of t1" not in repr(on.teams.tokens())
