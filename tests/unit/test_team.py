"""Who may do what, and what a token is."""

from __future__ import annotations

from itertools import pairwise, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.core.errors import Forbidden, Invalid
from appliance.core.team import (
    Action,
    Actor,
    Role,
    check_member_name,
    lesser,
    may,
    same_digest,
    token_digest,
    token_id_of,
    token_text,
)

# Written out, so that a change of a right is a change of this table.
MATRIX = {
    Role.VIEWER: {Action.READ},
    Role.EDITOR: {Action.READ, Action.EDIT, Action.APPLY},
    Role.OPERATOR: {Action.READ, Action.EDIT, Action.APPLY, Action.MANAGE_DRAFTS, Action.RUN, Action.READ_AUDIT},
    Role.OWNER: set(Action),
}


@pytest.mark.parametrize(("role", "action"), list(product(Role, Action)))
def test_each_role_may_do_what_the_table_says(role: Role, action: Action) -> None:
    actor = Actor("alice", role, "t1")

    assert may(role, action) is (action in MATRIX[role])
    if action in MATRIX[role]:
        actor.require(action)
    else:
        with pytest.raises(Forbidden, match=f"alice is {role}; to .* takes "):
            actor.require(action)


def test_each_role_may_do_all_that_the_ones_before_it_may() -> None:
    assert all(MATRIX[before] < MATRIX[after] for before, after in pairwise(Role))


@pytest.mark.parametrize(("one", "other"), list(product(Role, Role)))
def test_the_lesser_of_two_roles_may_what_both_may(one: Role, other: Role) -> None:
    assert MATRIX[lesser(one, other)] == MATRIX[one] & MATRIX[other]


def test_a_tokens_text_leads_back_to_its_id() -> None:
    text = token_text("a1b2", "s3cret_with_underscore")

    assert text == "hak_a1b2_s3cret_with_underscore"
    assert token_id_of(text) == "a1b2"


@pytest.mark.parametrize("text", ["", "hak_", "hak_a1b2", "hak_a1b2_", "hak__secret", "HAK_a1b2_secret", "a1b2_secret"])
def test_a_text_that_is_no_token_has_no_id(text: str) -> None:
    assert token_id_of(text) is None


@given(st.text())
def test_any_text_has_a_digest_that_does_not_show_it(text: str) -> None:
    digest = token_digest(text)

    assert len(digest) == 64
    assert same_digest(digest, token_digest(text))


def test_a_digest_changes_with_one_letter() -> None:
    assert not same_digest(token_digest("hak_a_secret"), token_digest("hak_a_secres"))
    assert not same_digest(token_digest("hak_a_secret"), "")


@pytest.mark.parametrize("name", ["alice", "a", "Ünïcödé 漢字", "with space", "x" * 64])
def test_a_visible_name_is_a_name(name: str) -> None:
    assert check_member_name(name) == name


@pytest.mark.parametrize("name", ["", "x" * 65, " alice", "alice ", "a\nb", "a\0b", "\u202ealice", "\ud800", " ", "\t"])
def test_a_name_that_cannot_be_seen_is_refused(name: str) -> None:
    with pytest.raises(Invalid, match="1 to 64 visible characters"):
        check_member_name(name)
