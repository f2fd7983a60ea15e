"""The published schema of a draft names every container and register, each of its kind."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from appliance.core.draft_schema import DRAFT_SCHEMA_ID, draft_schema
from appliance.core.draft_tree import ContainerKind, kind_at, to_tree
from appliance.core.manifest import schema
from tests.unit.test_manifest_canonical import VECTORS, read

PUBLISHED = Path(__file__).parent.parent.parent / "docs" / "schemas" / "draft-v1.json"

Fragment = dict[str, object]


def below(fragment: Fragment, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Fragment]]:
    """Everything that is a container or register of its own."""
    inner = dict(cast("dict[str, Fragment]", fragment.get("properties", {})))
    every = fragment.get("additionalProperties")
    if isinstance(every, dict):
        inner["*"] = every
    for key, part in inner.items():
        yield (*path, key), part
        if part["x-loro"] == "map":
            yield from below(part, (*path, key))


PLACES = dict(below(draft_schema(), ()))


def fragment_at(path: tuple[str, ...]) -> Fragment:
    fragment = draft_schema()
    for key in path:
        known = cast("dict[str, Fragment]", fragment.get("properties", {}))
        fragment = known[key] if key in known else cast("Fragment", fragment["additionalProperties"])
    return fragment


def spoken(node: object, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    if kind_at(path) is ContainerKind.MAP and isinstance(node, dict):
        for key, inner in node.items():
            yield (*path, key)
            yield from spoken(inner, (*path, key))


def test_the_published_schema_is_the_one_in_force() -> None:
    assert PUBLISHED.read_text(encoding="utf-8") == json.dumps(draft_schema(), indent=2, ensure_ascii=False) + "\n"
    assert draft_schema()["$id"] == DRAFT_SCHEMA_ID == "https://hakiri.dev/schemas/v1/draft.json"


@pytest.mark.parametrize("path", PLACES, ids=".".join)
def test_every_place_has_its_kind_and_a_description(path: tuple[str, ...]) -> None:
    assert PLACES[path]["x-loro"] == kind_at(path).value
    assert PLACES[path]["description"]


def test_the_schema_has_every_kind() -> None:
    assert {place["x-loro"] for place in PLACES.values()} == {kind.value for kind in ContainerKind}


def test_every_key_of_a_manifest_has_a_place() -> None:
    top = cast("dict[str, Fragment]", schema()["properties"])
    pipeline = cast("Fragment", top["pipeline"]["items"])
    settings = {path[1] for path in PLACES if len(path) == 2 and path[0] == "settings"}

    assert settings - {"comments"} == set(top) - {"$schema", "$comments", "pipeline"}
    assert set(cast("Fragment", pipeline["properties"])) - {"id"} <= {path[2] for path in PLACES if len(path) == 3}


@pytest.mark.parametrize("path", sorted(VECTORS.glob("*.toml")), ids=lambda path: path.stem)
def test_what_is_written_has_a_place_in_the_schema(path: Path) -> None:
    tree = to_tree(read(path.read_text(encoding="utf-8").partition("#### canonical\n")[0]))

    places = list(spoken(tree, ()))

    assert len(places) > 5
    assert all(fragment_at(place)["x-loro"] == kind_at(place).value for place in places)
