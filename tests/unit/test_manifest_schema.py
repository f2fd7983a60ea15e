"""The published schema and the manual say what the code enforces."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.core.manifest import SCHEMA_ID, InvalidManifest, SourceText, load, schema, to_value

ROOT = Path(__file__).parent.parent.parent
PUBLISHED = ROOT / "docs" / "schemas" / "pipeline-v1.json"
MANUAL = ROOT / "docs" / "manifest.md"


def tables_of(fragment: dict[str, object], path: str = "") -> Iterator[tuple[str, dict[str, object]]]:
    properties = fragment.get("properties")
    for key, inner in properties.items() if isinstance(properties, dict) else ():
        where = f"{path}.{key}" if path else key
        yield where, inner
        yield from tables_of(inner, where)
        items = inner.get("items", {})
        for choice in items.get("anyOf", [items]):
            yield from tables_of(choice, where)


def test_the_published_schema_is_the_one_in_force() -> None:
    assert json.loads(PUBLISHED.read_text(encoding="utf-8")) == schema()
    assert PUBLISHED.read_text(encoding="utf-8") == json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"
    assert schema()["$id"] == SCHEMA_ID == "https://hakiri.dev/schemas/v1/pipeline.json"


def test_every_key_is_in_the_manual_with_its_default() -> None:
    rows = dict(
        re.findall(r"^\| `([^`]+)` \| ([^|]+) \| [^|]+ \| [^|]+ \|$", MANUAL.read_text(encoding="utf-8"), re.MULTILINE)
    )
    keys = {path: fragment for path, fragment in tables_of(schema()) if not path.startswith("$")}

    assert sorted(rows) == sorted(path for path, fragment in keys.items() if "properties" not in fragment)
    for path, default in rows.items():
        expected = keys[path].get("default")
        assert default.strip("` ") == ("none" if expected is None else json.dumps(expected)), path


def test_every_default_of_the_schema_is_accepted_and_left_out() -> None:
    defaults = {path: fragment["default"] for path, fragment in tables_of(schema()) if "default" in fragment}
    pipeline: dict[str, object] = {"id": "a", "source": {"connector": "http"}, "tables": ["a"]}
    said = {path.removeprefix("pipeline."): value for path, value in defaults.items() if path.count(".") == 1}
    plain = {key: value for key, value in said.items() if not key.startswith("context")}

    manifest = load([SourceText("a.json", json.dumps({"pipeline": [{**pipeline, **plain}]}), "json")])

    assert to_value(manifest)["pipeline"] == [pipeline]
    assert len(plain) >= 10


@pytest.mark.parametrize("path", [path for path, _ in tables_of(schema()) if path.startswith("pipeline.")])
def test_every_key_refuses_a_value_of_another_type(path: str) -> None:
    keys = path.split(".")[1:]
    free = {"order_by", "replicate", "subject_id", "pii_type", "valid_time", "redaction", "queries"}
    value: object = None if keys[-1] in free else 2.5
    for key in reversed(keys):
        value = {key: [value] if key == "tables" and isinstance(value, dict) else value}

    with pytest.raises(InvalidManifest) as refused:
        load([SourceText("a.json", json.dumps({"pipeline": [value]}), "json")])

    assert any(problem.path.endswith(keys[-1]) for problem in refused.value.problems)


def test_the_manual_is_made_of_manifests_that_load() -> None:
    examples = re.findall(r"^```toml\n(.*?)^```", MANUAL.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)

    assert len(examples) >= 3
    for text in examples:
        assert load([SourceText("manifest.md", text, "toml")])


def test_every_code_of_a_problem_is_in_the_manual() -> None:
    package = ROOT / "appliance" / "core" / "manifest"
    source = "".join(path.read_text(encoding="utf-8") for path in sorted(package.glob("*.py")))
    called = re.findall(r"\.(?:error|warning)\((?:\([^)]*\)|[\w\[\]:-]+), \"([a-z_]+)\"", source)
    raised = re.findall(r"Error\((?:self\.line, )?\"([a-z_]+)\"", source)

    manual = MANUAL.read_text(encoding="utf-8")
    assert len({*called, *raised}) >= 20
    assert [code for code in sorted({*called, *raised, "more"}) if f"| `{code}` |" not in manual] == []
