"""Operations that the library merges although it cannot live with them, found right after the merge.

No version of it that is out writes such, only somebody who makes up bytes. It takes containers of kinds that it
does not know and then fails over them or ends the process; and of texts and lists, operations that are longer or
shorter than they say, after which the document cannot be exported any more.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from loro import VersionVector

from appliance.adapters.loro_doc_heads import count

_UNKNOWN = re.compile(r'"(?:container":"|🦜:)cid:[^"]*:Unknown\(\d+\)"')

# What every operation in a text or a list has, and none in a map.
_POSITION = '"pos":'


def sound(history: str, *, end: VersionVector) -> bool:
    """`history` is the library's JSON of what was merged, up to `end`."""
    if ":Unknown(" in history and _UNKNOWN.search(history):
        return False
    if _POSITION not in history:
        return True
    parsed = json.loads(history)
    return all(taken == length for taken, length in _lengths(parsed["changes"], parsed["peers"], end))


def _lengths(
    changes: Sequence[Mapping[str, Any]], peers: Sequence[str], end: VersionVector
) -> Iterator[tuple[int, int]]:
    """Of each operation, how many counters it takes and how many it needs."""
    by_peer: dict[str, list[Mapping[str, Any]]] = {}
    for change in changes:
        by_peer.setdefault(change["id"].partition("@")[2], []).extend(change["ops"])
    for index, operations in by_peer.items():
        operations.sort(key=lambda operation: operation["counter"])
        starts = [operation["counter"] for operation in operations]
        ends = [*starts[1:], count(end, int(peers[int(index)]))]
        for operation, start, stop in zip(operations, starts, ends, strict=True):
            yield stop - start, _length(operation["content"])


def _length(content: Mapping[str, Any]) -> int:
    """A deletion backwards has a negative one. Nothing that is done takes no counter."""
    match content:
        case {"type": "insert", "pos": _, "text": str(put)} | {"type": "insert", "pos": _, "value": list(put)}:
            return len(put) or -1
        case {"type": "delete", "pos": _, "len": int(length)}:
            return abs(length) or -1
        case _:
            return 1
