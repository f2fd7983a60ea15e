"""Comments whose place is gone: somebody removed a field while somebody else wrote about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from appliance.core.manifest.comments import Places
from appliance.core.manifest.load import from_value
from appliance.core.manifest.sources import COMMENTS
from appliance.core.manifest.typed import full_tree


def homed(value: Mapping[str, object], name: str) -> dict[str, object]:
    """Move such comments of a manifest's JSON form to the nearest thing around, so that no word is lost.

    The manifest must be good but for them. Raises InvalidManifest.
    """
    bare = {key: part for key, part in value.items() if key != COMMENTS}
    places = Places(full_tree(from_value(bare, name)))
    homes: dict[tuple[str, ...], dict[str, object]] = {}
    strays: list[tuple[tuple[str, ...], Mapping[str, object]]] = []
    for comment in cast("Sequence[Mapping[str, object]]", value[COMMENTS]):
        at = tuple(cast("Sequence[str]", comment["at"]))
        home = next(at[:length] for length in range(len(at), -1, -1) if places.exists(at[:length]))
        if home == at:
            homes[at] = dict(comment)
        else:
            strays.append((home, comment))
    for home, comment in strays:
        kept = homes.setdefault(home, {"at": list(home)})
        kept["before"] = [*_lines(kept, "before"), *_words(comment)]
    return {**bare, COMMENTS: list(homes.values())}


def _words(comment: Mapping[str, object]) -> list[str]:
    line = str(comment.get("line", ""))
    return [*_lines(comment, "before"), *([line] if line else []), *_lines(comment, "end")]


def _lines(comment: Mapping[str, object], part: str) -> Sequence[str]:
    return cast("Sequence[str]", comment.get(part, ()))
