"""Manifests by chance, and the many ways in which one of them can be written."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from random import Random
from typing import TypeGuard

from hypothesis import strategies as st

from appliance.core.manifest.credentials import is_credential, is_kept_secret

_TEXT = st.characters(codec="utf-8", exclude_characters="\x00")
# Hypothesis tries words it finds in the code: what is refused as a credential is tested elsewhere.
_WORDS = st.text(_TEXT, max_size=12).filter(lambda word: not is_credential(word) and "secret:" not in word)
_KEYS = st.text(_TEXT, max_size=6).filter(lambda key: not is_kept_secret((key,), "0000"))
_NAMES = st.text("abcxyz_", min_size=1, max_size=6)
_NUMBERS = st.integers(-(1 << 63), (1 << 63) - 1) | st.floats(allow_nan=False, allow_infinity=False)
_SETTINGS = st.recursive(
    st.booleans() | _NUMBERS | _WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=3),
    max_leaves=8,
)
_TABLE = st.fixed_dictionaries(
    {"name": _NAMES},
    optional={
        "primary_key": st.lists(_NAMES, max_size=2, unique=True),
        "incremental": _NAMES,
        "agent_description": _WORDS.filter(bool),
    },
)
_SOURCE = st.fixed_dictionaries(
    {"connector": st.sampled_from(["http", "file@1.2.0"])},
    optional={"config": st.dictionaries(_KEYS, _SETTINGS, max_size=3)},
)
_REQUIRED: dict[str, st.SearchStrategy[object]] = {
    "source": _SOURCE,
    "tables": st.lists(_TABLE, min_size=1, max_size=3, unique_by=lambda table: str(table["name"])),
}
_OPTIONS: dict[str, st.SearchStrategy[object]] = {
    "schedule": st.sampled_from(["every 15m", "0 3 * * *", "every 1d"]),
    "timezone": st.sampled_from(["UTC", "Europe/Berlin"]),
    "catchup": st.sampled_from(["skip", "latest", "all"]),
    "overlap": st.sampled_from(["skip", "buffer-one"]),
    "retries": st.integers(1, 9),
    "paused": st.booleans(),
    "timeout": st.sampled_from(["6h", "90s", "60m"]),
    "secrets": st.lists(st.sampled_from(["A", "B", "C1"]), unique=True),
    "egress": st.lists(st.sampled_from(["a.example", "b.example:8443", "[::1]:80"]), unique=True),
    "transforms": st.lists(st.dictionaries(_KEYS, _SETTINGS, max_size=2), max_size=2),
    "destination": st.just({"connector": "context"}),
}
_PIPELINE = st.fixed_dictionaries(_REQUIRED, optional=_OPTIONS)
_SECTIONS: dict[str, st.SearchStrategy[object]] = {
    "project": st.fixed_dictionaries({}, optional={"name": _NAMES, "version": _NAMES}),
    "context": st.fixed_dictionaries({}, optional={"path": _NAMES}),
    "sync": st.fixed_dictionaries({"bucket": st.just("s3://team-context")}, optional={"region": _NAMES}),
    "coord_backend": st.just("etcd"),
}


def _named(pipelines: list[dict[str, object]]) -> list[dict[str, object]]:
    return [{"id": f"p{index}", **pipeline} for index, pipeline in enumerate(pipelines)]


def manifest_values() -> st.SearchStrategy[dict[str, object]]:
    """Valid manifests as plain values."""
    pipelines: dict[str, st.SearchStrategy[object]] = {"pipeline": st.lists(_PIPELINE, max_size=3).map(_named)}
    return st.fixed_dictionaries(pipelines, optional=_SECTIONS)


@dataclass(frozen=True, slots=True)
class TomlWriter:
    """Writes one value in any of the ways TOML has for it, with a comment where `remarks` says so."""

    chance: Random
    remarks: Iterator[str] | None = None

    def write(self, tree: Mapping[str, object]) -> str:
        newline = self.chance.choice(["\n", "\r\n"])
        return newline.join([*self._table((), tree), *self._above()]) + self.chance.choice(["", newline])

    def _table(self, path: tuple[str, ...], tree: Mapping[str, object]) -> Iterator[str]:
        inner: list[tuple[str, list[Mapping[str, object]], bool]] = []
        for key in self.chance.sample(sorted(tree), len(tree)):
            value = tree[key]
            if _is_tables(value) and self.chance.random() < 0.7:
                inner.append((key, value if isinstance(value, list) else [value], isinstance(value, list)))
                continue
            yield from self._above()
            equals = self.chance.choice([" = ", "=", "\t=  "])
            yield f"{self._margin()}{self._key(key)}{equals}{self._value(value)}{self._behind()}"
        for key, entries, is_list in inner:
            name = ".".join(map(self._key, (*path, key)))
            for entry in entries:
                yield from self._above()
                header = f"[[ {name} ]]" if is_list else f"[{name}]"
                yield f"{self._margin()}{header}{self._behind()}"
                yield from self._table((*path, key), entry)

    def _value(self, value: object) -> str:
        match value:
            case str():
                return self._text(value)
            case list():
                return self._list(value)
            case dict():
                pairs = (f"{self._key(key)} = {_line(inner)}" for key, inner in value.items())
                return "{" + ", ".join(pairs) + "}"
            case _:
                return _line(value)

    def _list(self, value: list[object]) -> str:
        if self.remarks is None or self.chance.random() < 0.5:
            return _line(value)
        lines = [f"{line}\n" for entry in value for line in (*self._above(), f"{self._value(entry)},{self._behind()}")]
        return "[\n" + "".join(lines) + "".join(f"{line}\n" for line in self._above()) + "]"

    def _text(self, value: str) -> str:
        if "'" not in value and value.isprintable() and self.chance.random() < 0.5:
            return f"'{value}'"
        return _line(value)

    def _key(self, key: str) -> str:
        is_bare = key.isascii() and key.replace("_", "").replace("-", "").isalnum()
        return key if is_bare and self.chance.random() < 0.7 else _line(key)

    def _margin(self) -> str:
        return self.chance.choice(["", "", "  ", "\t"])

    def _above(self) -> Iterator[str]:
        while self.chance.random() < 0.3:
            yield "" if self.remarks is None or self.chance.random() < 0.4 else f"#{next(self.remarks)}"

    def _behind(self) -> str:
        return f"  # {next(self.remarks)}" if self.remarks is not None and self.chance.random() < 0.3 else ""


def _is_tables(value: object) -> TypeGuard[Mapping[str, object] | list[Mapping[str, object]]]:
    return isinstance(value, dict) or (isinstance(value, list) and bool(value) and all(map(_is_dict, value)))


def _is_dict(value: object) -> bool:
    return isinstance(value, dict)


def _line(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_line(key)} = {_line(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_line, value)) + "]"
    text = json.dumps(value, ensure_ascii=False)
    return text.replace("\x7f", "\\u007f") if isinstance(value, str) else text
