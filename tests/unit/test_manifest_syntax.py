"""Files that are not TOML or JSON, or hold what one of the two cannot say."""

from __future__ import annotations

import json

import pytest

from appliance.core.manifest import InvalidManifest, SourceText, load
from appliance.core.pipeline import Manifest, Problem


def read_toml(text: str) -> Manifest:
    return load([SourceText("hakiri.toml", text, "toml")])


def problems_of(text: str) -> tuple[Problem, ...]:
    with pytest.raises(InvalidManifest) as refused:
        read_toml(text)
    return refused.value.problems


def test_broken_toml_names_line_and_column() -> None:
    (found,) = problems_of('[project]\nname = "a\n')

    assert str(found).startswith("hakiri.toml: line 2, column 10: ")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"a": }', "line 1, column 7: expecting value"),
        ('{"project": {"name": "a", "name": "b"}}', 'the key "name" stands twice'),
        ('{"project": {"name": NaN}}', "NaN is not JSON"),
        ("[]", "a list is not a manifest"),
        ('{"project": {"name": null}}', "project.name: null says nothing here; leave the key out"),
        ('{"pipeline": [{"id": "a", "source": {"connector": "http", "config": {"a": 1e999}}}]}', "inf is not a number"),
        ('{"project": {"name": "\\ud800"}}', "lone surrogate"),
    ],
)
def test_broken_json_is_refused_with_its_place(text: str, words: str) -> None:
    with pytest.raises(InvalidManifest) as refused:
        load([SourceText("a.json", text, "json")])

    assert words in str(refused.value)


def test_the_address_of_the_schema_is_accepted_and_not_kept() -> None:
    value = {"$schema": "https://hakiri.dev/schemas/v1/pipeline.json"}

    assert load([SourceText("a.json", json.dumps(value), "json")]) == Manifest()
    assert read_toml('"$schema" = "https://hakiri.dev/schemas/v1/pipeline.json"') == Manifest()


def test_comments_of_json_cannot_be_smuggled_into_toml() -> None:
    (found,) = problems_of('"$comments" = []')

    assert found.code == "unknown_key"
