"""The key of a page is what was given out, or it is refused."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.core.errors import Invalid
from appliance.core.paging import decode_key, encode_key

printable = st.text().filter(str.isprintable)


def _raw(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


@given(printable, st.integers(0, 2**53))
def test_a_key_comes_back_as_it_went(text: str, number: int) -> None:
    key = encode_key(text, number)

    assert decode_key(key, str, int) == (text, number)


@given(printable)
def test_a_key_can_stand_in_an_address(text: str) -> None:
    assert encode_key(text).replace("-", "").replace("_", "").isalnum()


@given(st.text())
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="before: must be the `next` of an earlier page"):
        decode_key(f"x{text}", str, int)


@pytest.mark.parametrize(
    "value",
    [
        None, 1, "x", [], {}, ["x"], [1], [1, "x"], ["x", 1, 1], ["x", 1.0], ["x", True], ["x", None], [["x"], 1],
        ["x", -1], ["x", 2**53 + 1], ["x", 10**400], ["\0", 1], ["\ud800", 1], ["\n", 1], {"x": 1},
    ],
)  # fmt: skip
def test_parts_of_another_kind_are_refused(value: object) -> None:
    with pytest.raises(Invalid):
        decode_key(_raw(value), str, int)


@pytest.mark.parametrize(
    "text",
    ["", "=", "====", "é", "\ud800", "\0", "A" * 1_000_000, base64.b64encode(b"[" * 100_000).decode(), _raw("x")[:-1]],
    ids=range(9),
)
def test_a_broken_key_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        decode_key(text, str)


@given(printable, st.data())
def test_a_key_that_lost_its_end_never_becomes_another(text: str, data: st.DataObject) -> None:
    key = encode_key(text, 1)
    cut = key[: data.draw(st.integers(0, len(key) - 3))]

    with pytest.raises(Invalid):
        decode_key(cut, str, int)
