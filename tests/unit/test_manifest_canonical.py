"""Canonical form: equal configurations give identical bytes, comments included."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.core.manifest import InvalidManifest, SourceText, digest, from_value, load, render, to_value
from appliance.core.pipeline import Manifest
from tests.support.manifests import TomlWriter, manifest_values

CHANCES = st.integers(0, 1 << 32).map(Random)
VECTORS = Path(__file__).parent.parent / "vectors" / "manifests"


def read(text: str) -> Manifest:
    return load([SourceText("hakiri.toml", text, "toml")])


def read_json(value: object) -> Manifest:
    return load([SourceText("hakiri.json", json.dumps(value), "json")])


def remarks() -> Iterator[str]:
    return (f"remark {number};" for number in count())


@given(manifest_values(), CHANCES, CHANCES)
@settings(max_examples=80, deadline=None)
def test_order_spacing_quoting_and_form_do_not_matter(
    value: dict[str, object], one_way: Random, another: Random
) -> None:
    one, other = read(TomlWriter(one_way).write(value)), read(TomlWriter(another).write(value))

    assert render(one) == render(other) == render(read_json(value))
    assert digest(one) == digest(other)


@given(manifest_values(), CHANCES)
@settings(max_examples=80, deadline=None)
def test_canonical_text_is_its_own_canonical_text(value: dict[str, object], chance: Random) -> None:
    manifest = read(TomlWriter(chance, remarks()).write(value))

    again = read(render(manifest))

    assert again == manifest
    assert render(again) == render(manifest)


@given(manifest_values(), CHANCES)
@settings(max_examples=80, deadline=None)
def test_no_comment_is_lost_or_told_twice(value: dict[str, object], chance: Random) -> None:
    text = TomlWriter(chance, remarks()).write(value)

    rendered = render(read(text))

    said = [word for word in text.split(";") if "remark " in word]
    assert rendered.count("remark ") == len(said)
    assert all(rendered.count(f"remark {number};") == 1 for number in range(len(said)))


@given(manifest_values(), CHANCES)
@settings(max_examples=60, deadline=None)
def test_the_json_form_keeps_everything(value: dict[str, object], chance: Random) -> None:
    manifest = read(TomlWriter(chance, remarks()).write(value))

    assert from_value(to_value(manifest)) == manifest
    assert read_json(to_value(manifest)) == manifest


@pytest.mark.parametrize("path", sorted(VECTORS.glob("*.toml")), ids=lambda path: path.stem)
def test_golden_forms_hold(path: Path) -> None:
    given_text, _, canonical = path.read_text(encoding="utf-8").partition("#### canonical\n")

    manifest = read(given_text)

    assert render(manifest) == canonical
    assert render(read(canonical)) == canonical


def test_the_golden_forms_are_there() -> None:
    assert len(list(VECTORS.glob("*.toml"))) >= 6


def test_digests_are_of_the_canonical_bytes() -> None:
    assert digest(Manifest()) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_a_comment_makes_a_different_configuration() -> None:
    plain = '[project]\nname = "a"\n'

    assert digest(read(plain)) != digest(read(f"# why\n{plain}"))


def test_a_file_of_comments_alone_is_kept() -> None:
    assert render(read("\n#one\n\n# two")) == "# one\n# two\n"


def test_comments_of_several_files_stay_together() -> None:
    texts = ['# one\n[project]\nname = "a"\n', "# left behind\n"]

    files = [SourceText(f"{index}.toml", text, "toml") for index, text in enumerate(texts)]

    manifest = load(files)

    assert manifest == load(files[::-1])
    assert render(manifest) == '# one\n# left behind\n[project]\nname = "a"\n'
    assert read(render(manifest)) == manifest


def test_a_comment_in_json_must_have_a_place() -> None:
    value = {"$comments": [{"at": ["pipeline", "orders"], "before": ["why"]}]}

    with pytest.raises(InvalidManifest, match="there is nothing at"):
        read_json(value)


@pytest.mark.parametrize("entry", [1, {}, {"at": "x"}, {"at": [], "line": "a\nb"}, {"at": [], "more": 1}])
def test_a_malformed_comment_in_json_is_refused(entry: object) -> None:
    with pytest.raises(InvalidManifest, match="is not a comment"):
        read_json({"$comments": [entry]})
