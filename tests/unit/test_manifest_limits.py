"""Hostile input: refused fast, as an InvalidManifest, whatever it is."""

from __future__ import annotations

import json
import time
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.core.manifest import InvalidManifest, SourceText, from_value, load, render

Form = Literal["toml", "json"]

MIB = 1 << 20
# Of CPU. What grows with the square of the size would take minutes.
SECONDS = 6.0


def refusal(text: str, form: Form = "toml") -> str:
    started = time.process_time()
    with pytest.raises(InvalidManifest) as refused:
        load([SourceText("a", text, form)])
    assert time.process_time() - started < SECONDS
    return str(refused.value)


def with_config(config: str) -> str:
    head = '[[pipeline]]\nid = "a"\ntables = ["a"]\n[pipeline.source]\nconnector = "http"\n'
    return f"{head}[pipeline.source.config]\n{config}"


_SCRAPS = st.sampled_from(
    [
        *(
            '"',
            '"""',
            "'",
            "'''",
            "[",
            "]",
            "[[",
            "]]",
            "{",
            "}",
            "=",
            ",",
            ".",
            "\n",
            "\r\n",
            "#",
            " ",
            "\\",
            "\\u00e9",
        ),
        *("pipeline", "id", "tables", "source", "config", "project", "$comments", "1", "-1e9", "2026-01-01", "true"),
        *('id = "a"\n', "[[pipeline]]\n", "[pipeline.source]\n", '"a"', "\ufeff", "\x00", "\ud800", ":", "null", "NaN"),
    ]
)


@given(st.lists(_SCRAPS, max_size=40).map("".join) | st.text(), st.sampled_from(["toml", "json"]))
@settings(max_examples=300, deadline=None)
def test_any_text_loads_or_is_an_invalid_manifest(text: str, form: Form) -> None:
    try:
        manifest = load([SourceText("a", text, form)])
    except InvalidManifest as refused:
        said = str(refused)
    else:
        said = "accepted"
        assert load([SourceText("a", render(manifest), "toml")]) == manifest
    assert said


_ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.binary(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.sampled_from(["pipeline", "id", "$comments", "at", "x", 1]), inner)
    ),
)


@given(_ANYTHING)
@settings(max_examples=80, deadline=None)
def test_any_value_loads_or_is_an_invalid_manifest(value: object) -> None:
    try:
        said = render(from_value(value))
    except InvalidManifest as refused:
        said = str(refused)
    # Nothing is said only of what says nothing.
    assert said or (isinstance(value, dict) and not any(value.values()))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("#" * (MIB + 1), "at most 1 MiB"),
        ("é" * (MIB // 2) + "x", "at most 1 MiB"),
        ("a\x00b", "holds NUL"),
        ("# \ud800", "lone surrogate"),
        ('[project]\nname = "\\u0000"', "NUL"),
        (f'[project]\nname = "{"x" * 65_537}"', "has 65537 bytes; at most 64 KiB"),
        (f"[project]\n{'k' * 300} = 1", "is too long; at most 256 characters"),
        (with_config(f"n = {'9' * 5_000}"), "too long to be read"),
        (with_config("n = 9223372036854775808"), "does not fit 64 bits"),
        (with_config("n = inf"), "inf is not a number"),
        (with_config("n = nan"), "nan is not a number"),
        (with_config("".join(f'k{n} = "{"x" * 30_000}"\n' for n in range(3))), "bytes as JSON; at most 64 KiB"),
        ("[[pipeline]]\n" * 2_001, "has 2,001 entries; at most 2,000"),
    ],
)
def test_what_is_too_large_or_no_text_is_refused(text: str, words: str) -> None:
    assert words in refusal(text)


@pytest.mark.parametrize(
    "text",
    [
        "a = " + "[" * 500_000,
        "a = " + "[" * 500_000 + "]" * 500_000,
        "a = " + "{a = " * 100_000,
        ".".join("a" * 500_000) + " = 1",
        "[" + ".".join("a" * 500_000) + "]",
        with_config("\n".join(f"{'.'.join('abcdefgh' * 3)}.{'.'.join('ijklmnop')} = 1" for _ in range(1_000))),
        with_config("a = " + "[" * 40 + "]" * 40),
    ],
    ids=["open lists", "lists", "inline tables", "dotted key", "dotted header", "many dotted keys", "just too deep"],
)
def test_deep_nesting_is_refused_fast(text: str) -> None:
    assert "nested too deep" in refusal(text)


@pytest.mark.parametrize("text", ['"\\' * 500_000, '"\\"' * 300_000 + "[", "[" + "1," * 500_000 + "1]"])
def test_broken_json_is_refused_fast(text: str) -> None:
    assert refusal(text, "json")


@pytest.mark.parametrize("text", ["[" * 900_000, '{"a":' * 200_000, "[" * 40 + "]" * 40])
def test_deep_json_is_refused_fast(text: str) -> None:
    assert "nested too deep" in refusal(text, "json")


def test_a_value_nested_without_end_is_refused() -> None:
    endless: dict[str, object] = {}
    endless["project"] = endless

    with pytest.raises(InvalidManifest, match="nested too deep"):
        from_value(endless)
    with pytest.raises(InvalidManifest, match="the key 1 is not text"):
        from_value({1: 2})


def test_nesting_up_to_the_limit_is_read() -> None:
    # pipeline, its position, source, config and the key are five of 32 levels.
    manifest = load([SourceText("a", with_config("a = " + "[" * 28 + "]" * 28), "toml")])

    assert load([SourceText("a", render(manifest), "toml")]) == manifest
    assert "nested too deep" in refusal(with_config("a = " + "[" * 29 + "]" * 29))


def test_a_small_file_cannot_ask_for_a_large_canonical_form() -> None:
    deep = "{k = " * 20 + "{" + ", ".join(f"k{n} = {{}}" for n in range(3_000)) + "}" + "}" * 20
    one = f'[[pipeline]]\nid = "ID"\ntables = ["a"]\nsource = {{ connector = "http", config = {deep} }}\n'

    assert "canonical form has more than 1 MiB" in refusal("".join(one.replace("ID", f"p{n}") for n in range(6)))


@pytest.mark.parametrize(
    "text",
    [
        "".join(f"x{n} = 1\n" for n in range(40_000)),
        "".join(f'"\\t{n}" = 1\n' for n in range(30_000)),
        with_config("a = [" + "{}, #\n" * 50_000 + "]"),
        with_config('a = "' + "-eyJaaaaaaaa" * 80_000 + '"'),
        with_config("".join(f'a{n} = "{"-sk-a" * 10_000}"\n' for n in range(20))),
        with_config("a = [" + "1," * 400_000 + "]"),
        '"""' * 300_000,
        '"\\' * 500_000,
        '"""' + '\\"""' * 200_000,
        "=" * 300_000,
        "a" + "." * 300_000,
        "[[pipeline]]\nid=1\n" * 20_000,
    ],
)
def test_a_file_wrong_everywhere_is_refused_fast(text: str) -> None:
    assert refusal(text).count("\n") <= 101


def test_after_a_hundred_problems_reading_stops() -> None:
    lines = refusal("".join(f"x{n} = 1\n" for n in range(500))).splitlines()

    assert len(lines) == 101
    assert lines[-1] == "a: stopped after 100 problems"


def test_ten_times_the_pipelines_take_no_more_than_their_share_of_time() -> None:
    """A mistake that takes quadratic time would take a hundred times as long."""
    one = (
        '# why\n[[pipeline]]\nid = "p-{n}" # name\ntables = ["a", {{ name = "b", primary_key = ["id"] }}]\n'
        'schedule = "every 15m"\nretries = 4\nsecrets = ["TOKEN"]\n[pipeline.source]\nconnector = "http"\n'
        '[pipeline.source.config]\nurl = "https://a.example/v1"\n'
        'headers = {{ Authorization = "Bearer ${{secret:TOKEN}}" }}\n'
    )

    def seconds(count: int) -> float:
        text = "".join(one.format(n=n) for n in range(count))
        started = time.process_time()
        assert len(load([SourceText("a", text, "toml")]).pipelines) == count
        return time.process_time() - started

    assert seconds(1_000) < 30 * min(seconds(100) for _ in range(3))


def test_two_thousand_pipelines_over_two_files_are_the_most() -> None:
    def some(first: int, count: int) -> SourceText:
        pipelines = [
            {"id": f"p{n}", "source": {"connector": "http"}, "tables": ["a"]} for n in range(first, first + count)
        ]
        return SourceText(f"{first}.json", json.dumps({"pipeline": pipelines}), "json")

    assert len(load([some(0, 1_000), some(1_000, 1_000)]).pipelines) == 2_000
    with pytest.raises(InvalidManifest, match="together have 2,001 pipelines"):
        load([some(0, 1_000), some(1_000, 1_001)])
