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

from loro import LoroDoc, VersionVector

from appliance.adapters.loro_doc_changes import Change, changes_text
from appliance.adapters.loro_doc_heads import count

_UNKNOWN = re.compile(r'"(?:container":"|🦜:)cid:[^"]*:Unknown\(\d+\)"')

# What every operation in a text or a list has, and none in a map.
_POSITION = '"pos":'


def sound(doc: LoroDoc, *, since: VersionVector, until: VersionVector) -> bool:
    """Can the document live with what it gained between the two versions?"""
    return all(_is_sound(text, until) for text in changes_text(doc, since=since, until=until))


def _is_sound(text: str, until: VersionVector) -> bool:
    if ":Unknown(" in text and _UNKNOWN.search(text):
        return False
    return _POSITION not in text or all(taken == length for taken, length in _lengths(json.loads(text), until))


def _lengths(of_peer: Sequence[Change], until: VersionVector) -> Iterator[tuple[int, int]]:
    """Of each operation, how many counters it takes and how many it needs."""
    operations = sorted((one for change in of_peer for one in change["ops"]), key=lambda one: int(one["counter"]))
    starts = [operation["counter"] for operation in operations]
    peer = int(of_peer[0]["id"].partition("@")[2])
    for operation, start, stop in zip(operations, starts, [*starts[1:], count(until, peer)], strict=True):
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
