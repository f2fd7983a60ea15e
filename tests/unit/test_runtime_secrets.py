"""Secrets are put in where they belong, and never come back."""

from __future__ import annotations

import base64
import itertools
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors_runtime.capabilities.secrets import Secrets, SecretUnknown

TOKEN = "s3cr3t/with+odd chars"


def test_a_placeholder_becomes_the_value() -> None:
    assert Secrets({"KEY": TOKEN}).fill("Bearer ${secret:KEY}") == f"Bearer {TOKEN}"


def test_a_secret_that_was_not_given_is_an_error_without_values() -> None:
    with pytest.raises(SecretUnknown, match="'OTHER' is not granted"):
        Secrets({"KEY": TOKEN}).fill("${secret:OTHER}")


def test_a_value_that_looks_like_a_placeholder_is_not_filled_again() -> None:
    assert Secrets({"A": "${secret:B}", "B": TOKEN}).fill("${secret:A}") == "${secret:B}"


@pytest.mark.parametrize(
    "form", [TOKEN, quote(TOKEN), quote(TOKEN, safe=""), repr(TOKEN), base64.b64encode(TOKEN.encode()).decode()]
)
def test_every_form_of_a_value_is_masked_in_text(form: str) -> None:
    masked = Secrets({"KEY": TOKEN}).mask(f"failed: {form}!")

    assert masked.count("***") == 1
    assert "s3cr3t" not in masked


@given(
    st.lists(st.text("ab", min_size=8, max_size=12), min_size=1, max_size=3),
    st.text("abc", max_size=80),
    st.lists(st.integers(0, 200), max_size=8),
)
def test_a_stream_hides_values_wherever_it_is_cut(values: list[str], text: str, cuts: list[int]) -> None:
    body = (text + values[0] + text[::-1]).encode()
    edges = sorted({0, len(body), *(cut for cut in cuts if cut < len(body))})
    masker = Secrets({str(n): value for n, value in enumerate(values)}).masker()

    out = b"".join(masker.feed(body[a:b]) for a, b in itertools.pairwise(edges)) + masker.finish()

    assert not any(value.encode() in out for value in values)


@given(st.binary(max_size=200), st.integers(1, 7))
def test_a_stream_without_values_passes_unchanged(body: bytes, step: int) -> None:
    masker = Secrets({"KEY": "not in there, ever"}).masker()

    out = b"".join(masker.feed(body[at : at + step]) for at in range(0, len(body), step)) + masker.finish()

    assert out == body


def test_a_short_value_is_not_hunted_in_data() -> None:
    secrets = Secrets({"PIN": "7"})
    masker = secrets.masker()

    assert masker.feed(b"row 7") + masker.finish() == b"row 7"
    assert secrets.mask("pin 7") == "pin ***"
