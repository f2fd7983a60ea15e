"""Writes at places of a document, told as people say it: which field changed, from what to what."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from appliance.core.config_doc import Deed
from appliance.core.draft_tree import ContainerKind, kind_at
from appliance.core.draft_tree.kinds import PIPELINES, REMOVED, TABLES
from appliance.core.draft_tree.remarks import place_of
from appliance.core.manifest.credentials import is_credential, is_kept_secret
from appliance.core.manifest.names import PIPELINE
from appliance.core.manifest.problems import dotted
from appliance.services.history_log import Written

# A longer value is told by its beginning.
VALUE_CHARACTERS = 1000

HIDDEN = "a text that looks like a credential"


class What(StrEnum):
    """What became of a place."""

    SET = "set"
    REMOVED = "removed"
    KEPT = "kept"
    EDITED = "edited"
    INSERTED = "inserted"
    MOVED = "moved"


class Kind(StrEnum):
    """What stands at a place."""

    PIPELINE = "pipeline"
    TABLE = "table"
    FIELD = "field"
    COMMENT = "comment"
    ORDER = "order"


@dataclass(frozen=True, slots=True)
class Edit:
    """What somebody did at one place, all of a burst together. None as `old` or `new` says that there is none,

    or that it is not told, as of texts; of a list `new` has what was put in. `overruled`: it never showed, because
    `old` was newer when it arrived.
    """

    path: str
    pipeline: str | None
    kind: Kind
    what: What
    old: object
    new: object
    at: datetime
    overruled: bool

    def __str__(self) -> str:
        """In a line."""
        return _said(self)


def edits_of(burst: Sequence[Written]) -> Sequence[Edit]:
    """One for each place, in the order in which the places were touched last."""
    places: dict[tuple[str, ...], list[Written]] = {}
    for one in burst:
        here = places.pop(one.path, [])
        here.append(one)
        places[one.path] = here
    return list(map(_edit, places.values()))


def touches(burst: Iterable[Written], pipeline: str) -> bool:
    return any(one.path[:2] == (PIPELINES, pipeline) for one in burst)


def in_words(path: tuple[str, ...]) -> tuple[str, Kind]:
    """A place of the document as the manifest calls it."""
    match path:
        case ("settings", "comments", place):
            return _comment((), place)
        case ("settings", *_):
            return _field(path[1:])
        case ("pipelines", _, *rest):
            return _of_pipeline((PIPELINE, path[1]), tuple(rest))
        case _:
            return _field(path)


def _of_pipeline(pipeline: tuple[str, str], rest: tuple[str, ...]) -> tuple[str, Kind]:
    match rest:
        case () | ("removed",):
            return dotted(pipeline), Kind.PIPELINE
        case ("notes",):
            return dotted(pipeline), Kind.COMMENT
        case ("order",):
            return dotted((*pipeline, TABLES)), Kind.ORDER
        case ("comments", place):
            return _comment(pipeline, place)
        case ("tables", _):
            return dotted((*pipeline, *rest)), Kind.TABLE
        case _:
            return dotted((*pipeline, *rest)), Kind.FIELD


def _comment(above: tuple[str, ...], place: str) -> tuple[str, Kind]:
    return dotted((*above, *(place_of(place) or (place,)))), Kind.COMMENT


def _field(path: tuple[str, ...]) -> tuple[str, Kind]:
    return dotted(path), Kind.FIELD


def _edit(writes: Sequence[Written]) -> Edit:
    """Of writes at one place."""
    first, last = writes[0], writes[-1]
    path, kind = in_words(last.path)
    what, put_in = _what(writes), None
    tells = what in (What.SET, What.REMOVED) and kind in (Kind.FIELD, Kind.COMMENT)
    if what is What.INSERTED:
        put_in = [name for one in writes if isinstance(one.value, list) for name in one.value]
    overruled = kind_at(last.path) is ContainerKind.REGISTER and not last.shows
    return Edit(
        path=path,
        pipeline=last.path[1] if last.path[:1] == (PIPELINES,) and len(last.path) > 1 else None,
        kind=kind,
        what=what,
        old=_shown((last if overruled else first).before) if tells else None,
        new=_shown(last) if tells else put_in,
        at=last.at,
        overruled=overruled,
    )


def _what(writes: Sequence[Written]) -> What:
    last = writes[-1]
    if last.path[:1] == (PIPELINES,) and last.path[2:] == (REMOVED,):
        return What.REMOVED if last.deed is Deed.SET else What.KEPT
    match kind_at(last.path):
        case ContainerKind.LIST:
            deeds = {one.deed for one in writes}
            return What.INSERTED if Deed.INSERT in deeds else What.MOVED if deeds != {Deed.REMOVE} else What.REMOVED
        case ContainerKind.TEXT:
            return What.EDITED
        case _:
            return What.REMOVED if last.deed is Deed.REMOVE else What.SET


def _shown(one: Written | None) -> object:
    """The value that stands after a write: short, and never what may be a credential."""
    if one is None or one.deed is Deed.REMOVE:
        return None
    text = one.value if isinstance(one.value, str) else json.dumps(one.value, ensure_ascii=False)
    if is_credential(text) or is_kept_secret(one.path, one.value):
        return HIDDEN
    return one.value if len(text) <= VALUE_CHARACTERS else f"{text[:VALUE_CHARACTERS]}…"


def _said(edit: Edit) -> str:
    place = f"comment of {edit.path}" if edit.kind is Kind.COMMENT else edit.path
    match edit.what:
        case What.INSERTED:
            done = f"{_value(edit.new)} put in"
        case What.MOVED:
            done = "put in another order"
        case What.REMOVED if edit.kind is Kind.ORDER:
            done = "shortened"
        case _ if edit.overruled:
            told = _value(edit.new) if edit.kind in (Kind.FIELD, Kind.COMMENT) else edit.what
            by = "" if edit.old is None else f" by {_value(edit.old)}"
            done = f"{told} (overruled{by})"
        case What.SET | What.REMOVED if edit.old is not None or edit.new is not None:
            done = f"{_value(edit.old)} -> {_value(edit.new)}"
        case _:
            done = edit.what
    return f"{place}: {done}"


def _value(value: object) -> str:
    return "nothing" if value is None else json.dumps(value, ensure_ascii=False, sort_keys=True)
