"""A document and a manifest say the same, and what a document says wrongly is told in people's words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.core.draft import Tree
from appliance.core.draft_tree import ContainerKind, content, graves, kind_at, manifest_of, to_tree
from appliance.core.manifest import InvalidManifest, from_value, render
from appliance.core.pipeline import Manifest
from tests.support.manifests import TomlWriter, manifest_values
from tests.unit.test_manifest_canonical import CHANCES, VECTORS, read, remarks

EXAMPLE = Path(__file__).parent.parent.parent / "examples" / "hakiri.toml"
ORDERS: dict[str, object] = {
    "source": {"connector": "http", "config": {"url": "https://shop.example"}},
    "tables": {"orders": {"primary_key": ["id"]}, "items": {}},
    "order": ["orders", "items"],
    "schedule": "every 15m",
}


def a_tree(**changes: object) -> Tree:
    return {"settings": {}, "pipelines": {"orders": {**ORDERS, **changes}}}


def a_source(config: Mapping[str, object]) -> dict[str, object]:
    return {"source": {"connector": "http", "config": config}}


def problems_of(tree: Tree) -> list[str]:
    with pytest.raises(InvalidManifest) as refused:
        manifest_of(tree)
    return [str(problem) for problem in refused.value.problems]


def tables_of(tree: Tree) -> list[str]:
    return [table.name for table in manifest_of(tree).pipeline("orders").tables]


@given(manifest_values(), CHANCES)
@settings(max_examples=120, deadline=None)
def test_nothing_is_lost_between_a_manifest_and_a_document(value: Mapping[str, object], chance: Random) -> None:
    manifest = read(TomlWriter(chance, remarks()).write(value))

    again = manifest_of(json.loads(json.dumps(to_tree(manifest))))

    assert again == manifest
    assert render(again) == render(manifest)


@pytest.mark.parametrize("path", [*sorted(VECTORS.glob("*.toml")), EXAMPLE], ids=lambda path: path.stem)
def test_golden_manifests_come_back_byte_for_byte(path: Path) -> None:
    manifest = read(path.read_text(encoding="utf-8").partition("#### canonical\n")[0])

    assert render(manifest_of(to_tree(manifest))) == render(manifest)


def test_an_empty_document_is_an_empty_manifest() -> None:
    assert manifest_of({}) == manifest_of({"settings": {}, "pipelines": {}}) == Manifest()
    assert to_tree(Manifest()) == {"settings": {}, "pipelines": {}}


def test_empty_containers_and_null_say_nothing() -> None:
    empty: Tree = {"project": {}, "context": {}, "sync": {}, "comments": {}, "coord_backend": None}
    tree = a_tree(retries=None, notes="", comments={}, order=["orders", "items"], paused=None)

    assert manifest_of({"settings": empty, "pipelines": {**_pipelines(tree), "gone": None}}) == manifest_of(a_tree())


def _pipelines(tree: Tree) -> Mapping[str, object]:
    found = tree["pipelines"]
    assert isinstance(found, dict)
    return found


@given(st.lists(st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=5).map(str.rstrip), max_size=4))
def test_notes_keep_every_line(lines: list[str]) -> None:
    value = {"pipeline": [{"id": "a", "source": {"connector": "http"}, "tables": ["t"]}]}
    manifest = from_value({**value, "$comments": [{"at": ["pipeline", "a"], "before": lines}]})

    assert manifest_of(to_tree(manifest)) == manifest


@pytest.mark.parametrize(
    ("typed", "lines"),
    [
        ("why", ("why",)),
        ("why\n", ("why",)),
        ("why \t\r\nso  \r\n", ("why", "so")),
        ("\n", ("",)),
        ("a\n\n", ("a", "")),
        ("old\rmac", ("old", "mac")),
    ],
)
def test_notes_are_read_as_people_type_them(typed: str, lines: tuple[str, ...]) -> None:
    (comment,) = manifest_of(a_tree(notes=typed)).comments

    assert (comment.at, comment.before) == (("pipeline", "orders"), lines)


@pytest.mark.parametrize(
    ("order", "tables"),
    [
        (["items", "orders"], ["items", "orders"]),
        (["items", "orders", "items"], ["items", "orders"]),
        (["strange", "items", 3, {"a": 1}], ["items", "orders"]),
        ([], ["items", "orders"]),
        (None, ["items", "orders"]),
    ],
)
def test_an_order_counts_as_far_as_it_says_something(order: object, tables: list[str]) -> None:
    assert tables_of(a_tree(order=order)) == tables


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"schedule": "often"}, 'draft: pipeline.orders.schedule: "often" is not a schedule'),
        ({"schedule": 5}, "draft: pipeline.orders.schedule: 5 is not text in quotes"),
        ({"retries": 0}, "draft: pipeline.orders.retries: 0 is out of range"),
        ({"retries": float("nan")}, "draft: pipeline.orders.retries: nan is not a number"),
        ({"colour": "red"}, "draft: pipeline.orders.colour: is not a key here"),
        ({"id": "orders"}, "draft: pipeline.orders.id: is not a key here; the pipeline's own key is its id"),
        ({"source": "http"}, 'draft: pipeline.orders.source: "http" is not a map; make it a map again'),
        ({"source": {"connector": "http", "config": [1]}}, "draft: pipeline.orders.source.config: a list is not a map"),
        (a_source({"a": {"b": None}}), "draft: pipeline.orders.source.config.a.b: null"),
        (a_source({"a": "\ud800"}), "draft: pipeline.orders.source.config.a: the text"),
        (a_source({"n": 1 << 63}), "draft: pipeline.orders.source.config.n: the number"),
        (a_source({"n": b"x"}), "draft: pipeline.orders.source.config.n: a bytes"),
        ({"source": {}}, "draft: pipeline.orders: source is missing"),
        ({"tables": ["orders"]}, "draft: pipeline.orders.tables: a list is not a map"),
        ({"tables": {}}, "draft: pipeline.orders: tables is missing"),
        ({"tables": {"orders": True}}, "draft: pipeline.orders.tables.orders: true is not a map"),
        ({"tables": {"orders": {"name": "x"}}}, "draft: pipeline.orders.tables.orders.name: is not a key here"),
        ({"tables": {"orders": {"key": "x"}}}, "draft: pipeline.orders.tables.orders.key: is not a key here"),
        ({"tables": {"\n": {}}}, 'draft: pipeline.orders.tables."\\n".name: "'),
        ({"order": "orders"}, 'draft: pipeline.orders.order: "orders" is not a list'),
        ({"notes": 5}, "draft: pipeline.orders.notes: 5 is not a text"),
        ({"notes": "a\x07"}, "draft: pipeline.orders.notes: holds a control character; remove it"),
        ({"removed": True}, "draft: pipeline.orders.removed: true is not the heads of a draft"),
        ({"comments": "x"}, 'draft: pipeline.orders.comments: "x" is not a map'),
        ({"comments": {"schedule": {}}}, 'draft: pipeline.orders.comments: "schedule" is not a place'),
        ({"comments": {'[ "schedule" ]': {}}}, 'draft: pipeline.orders.comments: "[ \\"schedule\\" ]" is not a place'),
        ({"comments": {"[" * 5000: {}}}, "draft: pipeline.orders.comments: "),
        ({"comments": {'["schedule"]': "x"}}, "draft: pipeline.orders.schedule: a comment here is mal"),
        ({"comments": {'["schedule"]': {"line": "a\nb"}}}, "draft: pipeline.orders.schedule: a comment here is mal"),
        ({"comments": {'["schedule"]': {"more": "a"}}}, "draft: pipeline.orders.schedule: a comment here is mal"),
        ({"comments": {"[]": {"before": ["a"]}}}, "draft: pipeline.orders.comments: the lines above a pipeline stand"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_a_pipeline_is_told_where_it_stands(changes: dict[str, object], problem: str) -> None:
    (said,) = problems_of(a_tree(**changes))

    assert said.startswith(problem)


@pytest.mark.parametrize(
    ("tree", "problem"),
    [
        ({"settings": "x"}, 'draft: settings: "x" is not a map'),
        ({"pipelines": ["x"]}, "draft: pipelines: a list is not a map"),
        ({"pipelines": {"orders": "x"}}, 'draft: pipeline.orders: "x" is not a map'),
        ({"pipelines": {"Not An Id": ORDERS}}, 'draft: pipeline."Not An Id".id: "Not An Id" is not a pipeline id'),
        ({"settings": {"projekt": {"name": "x"}}}, "draft: projekt: is not a key here; write one of project, context"),
        ({"settings": {"pipeline": []}}, "draft: pipeline: is not a key here"),
        ({"settings": {"$comments": []}}, 'draft: "$comments": is not a key here'),
        ({"settings": {"project": {"nam": "x"}}}, "draft: project.nam: is not a key here; did you mean name?"),
        ({"settings": {"project": "x"}}, 'draft: project: "x" is not a map'),
        ({"settings": {"sync": {"region": "auto"}}}, "draft: sync: bucket is missing"),
        ({"settings": {"coord_backend": 5}}, "draft: coord_backend: 5 is not text"),
        (
            {"settings": {"comments": {'["pipeline","orders"]': {"line": "x"}}}},
            'draft: comments: "pipeline.orders" belongs to a pipeline',
        ),
    ],
)
def test_what_is_wrong_elsewhere_is_told_where_it_stands(tree: Tree, problem: str) -> None:
    (said,) = problems_of(tree)

    assert said.startswith(problem)


def test_everything_that_is_wrong_is_told_at_once_and_in_one_order() -> None:
    wrong: Tree = {
        "settings": {"project": 1, "sync": {"region": "auto"}},
        "pipelines": {"b": {**ORDERS, "retries": 0, "notes": 5}, "a": "x", "c": {**ORDERS, "order": 1, "paused": "no"}},
    }
    turned = {key: dict(reversed(list(_pipelines({"pipelines": part}).items()))) for key, part in wrong.items()}

    said = problems_of(wrong)

    assert [line.split(": ")[1] for line in said] == [
        "pipeline.a",
        "pipeline.b.notes",
        "pipeline.b.retries",
        "pipeline.c.order",
        "pipeline.c.paused",
        "project",
        "sync",
    ]
    assert problems_of(turned) == said


def test_a_document_that_is_wrong_everywhere_is_described_by_its_first_problems() -> None:
    said = problems_of({"pipelines": {f"p{number}": number for number in range(500)}})

    assert len(said) == 101
    assert "stopped after 100 problems" in said[-1]


def test_a_value_that_is_nested_too_deep_is_refused() -> None:
    deep: object = 1
    for _ in range(500):
        deep = [deep]

    (said,) = problems_of(a_tree(source={"connector": "http", "config": {"deep": deep}}))

    assert "is nested too deep" in said


@pytest.mark.parametrize(
    ("place", "home"),
    [
        ('["timeout"]', ("pipeline", "orders", "timeout")),
        ('["incremental"]', ("pipeline", "orders")),
        ('["tables","gone","primary_key"]', ("pipeline", "orders", "tables", "items")),
        ('["source","config","gone"]', ("pipeline", "orders", "source", "config")),
    ],
)
def test_a_comment_stays_when_what_it_was_about_is_gone(place: str, home: tuple[str, ...]) -> None:
    said = {"before": ["above"], "line": "behind", "end": ["within"]}
    tree = a_tree(order=["items"], comments={place: said, '["schedule"]': {"line": "kept"}})

    manifest = manifest_of(tree)

    assert {comment.at for comment in manifest.comments} == {home, ("pipeline", "orders", "schedule")}
    assert [render(manifest).count(word) for word in ("above", "behind", "within", "kept")] == [1, 1, 1, 1]
    assert manifest_of(to_tree(manifest)) == manifest


def test_a_grave_is_no_part_of_the_manifest_whatever_is_in_it() -> None:
    removed = {"retries": "many", "removed": "aGVhZHM", "comments": 5}
    tree: Tree = {"pipelines": {**_pipelines(a_tree()), "gone": removed}}

    assert manifest_of(tree) == manifest_of(a_tree())
    assert graves(tree) == {"gone": "aGVhZHM"}


def test_a_pipeline_says_the_same_however_it_is_said() -> None:
    padded = a_tree(notes="", comments={}, retries=None, removed="aGVhZHM")

    assert content(padded, "orders") == content(a_tree(), "orders") == ORDERS
    assert content(a_tree(tables={"orders": {}}), "orders") != content(a_tree(tables={}), "orders")
    assert content(a_tree(), "other") == {}


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("settings", ContainerKind.MAP),
        ("settings sync", ContainerKind.MAP),
        ("settings sync replica", ContainerKind.REGISTER),
        ("settings coord_backend", ContainerKind.REGISTER),
        ("settings comments", ContainerKind.MAP),
        ("settings tables", ContainerKind.REGISTER),
        ("pipelines tables", ContainerKind.MAP),
        ("pipelines a order", ContainerKind.LIST),
        ("pipelines a notes", ContainerKind.TEXT),
        ("pipelines a tables notes", ContainerKind.MAP),
        ("pipelines a tables order primary_key", ContainerKind.REGISTER),
        ("pipelines a source config", ContainerKind.MAP),
        ("pipelines a source config config", ContainerKind.REGISTER),
        ("pipelines a destination", ContainerKind.REGISTER),
        ("pipelines a removed", ContainerKind.REGISTER),
    ],
)
def test_every_place_has_one_kind(path: str, kind: ContainerKind) -> None:
    assert kind_at(tuple(path.split())) is kind
