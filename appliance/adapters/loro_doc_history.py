"""The operations of a document as writes at places, read from the library's JSON."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from loro import LoroDoc, VersionVector

from appliance.adapters.loro_doc_changes import Change, changes
from appliance.core.config_doc import Deed, Write

# A mergeable child has its place for an id, behind this mark: `🤝:$root>key>key`, or `🤝:@peer:counter>key` in a
# container that is not mergeable.
_MERGEABLE = "🤝:"
_ROOT = "cid:root-"
_STEP = re.compile(r"((?:[^\\>]|\\.)*)(?:>|$)", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_ESCAPES = {"0": "\0", "s": "/"}

# What a map holds where a mergeable child hangs: bytes, which JSON shows as a list of eight numbers.
_MARK = [0, 76, 77, 1]
_MARK_LENGTH = 8
# What JSON shows for a child that is not mergeable.
_CHILD = re.compile(r"🦜:cid:\d+@\d+:(\w+)")
_EMPTY: Mapping[str, object] = {"Map": {}, "List": [], "MovableList": [], "Text": ""}

_MAP_DEEDS = {"insert": Deed.SET, "delete": Deed.REMOVE}
_SEQUENCE_DEEDS = _MAP_DEEDS | {"insert": Deed.INSERT, "set": Deed.SET, "move": Deed.MOVE}


def read_writes(doc: LoroDoc, *, since: VersionVector, until: VersionVector) -> Sequence[Write]:
    """Oldest first: by lamport and peer, the order in which the library lets a later one win."""
    # Most operations are in containers that others are in, too.
    places: dict[str, tuple[str, ...]] = {}
    found = (write for change in changes(doc, since=since, until=until) for write in _of_change(change, places))
    return sorted(found, key=lambda write: (write.lamport, write.peer, write.counter))


def _of_change(change: Change, places: dict[str, tuple[str, ...]]) -> Iterator[Write]:
    first, _, peer = change["id"].partition("@")
    for operation in change["ops"]:
        name, _, kind = operation["container"].rpartition(":")
        done = _done(operation["content"], in_map=kind == "Map")
        if done is None:
            continue
        key, deed, value = done
        counter = operation["counter"]
        if name not in places:
            places[name] = _place(name)
        yield Write(
            path=(*places[name], *key),
            deed=deed,
            value=value,
            peer=int(peer),
            counter=counter,
            lamport=change["lamport"] + counter - int(first),
        )


def _place(name: str) -> tuple[str, ...]:
    """The way to a container. One that is not mergeable has no place in a draft: its name is who made it, and when."""
    root = name.removeprefix(_ROOT)
    if root == name:
        counter, _, peer = name.removeprefix("cid:").partition("@")
        return (f"@{peer}:{counter}",)
    if not root.startswith(_MERGEABLE):
        return (root,)
    way = root.removeprefix(_MERGEABLE)
    return tuple(_ESCAPED.sub(_unescape, step) for step in _steps(way.removeprefix("$")))


def _steps(way: str) -> Iterator[str]:
    at = 0
    while (match := _STEP.match(way, at)) is not None:
        yield match[1]
        at = match.end()
        if not match[0].endswith(">") or len(match[0]) == len(match[1]):
            return


def _unescape(match: re.Match[str]) -> str:
    return _ESCAPES.get(match[1], match[1])


def _done(content: Mapping[str, Any], *, in_map: bool) -> tuple[tuple[str, ...], Deed, object] | None:
    """The key (in a map), the deed and the value; None for what is no write: a mergeable child, a style, a tree."""
    if in_map:
        value = content.get("value")
        deed = _MAP_DEEDS.get(content["type"])
        return None if deed is None or _is_mark(value) else ((content["key"],), deed, _plain(value))
    deed = _SEQUENCE_DEEDS.get(content["type"])
    return None if deed is None else ((), deed, _put(content))


def _is_mark(value: object) -> bool:
    return isinstance(value, list) and len(value) == _MARK_LENGTH and value[: len(_MARK)] == _MARK


def _put(content: Mapping[str, Any]) -> object:
    value = content.get("text", content.get("value"))
    return (
        [_plain(item) for item in value] if content["type"] == "insert" and isinstance(value, list) else _plain(value)
    )


def _plain(value: object) -> object:
    child = _CHILD.fullmatch(value) if isinstance(value, str) else None
    return _EMPTY.get(child[1]) if child else value
