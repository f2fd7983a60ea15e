"""Writes at places of a document, told as people say it: which field changed, from what to what."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from appliance.core.config_doc import Deed
from appliance.core.draft_tree import ContainerKind, kind_at
from appliance.core.draft_tree.kinds import NOTES, PIPELINES, REMOVED, TABLES
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

    or that it is not told, as of texts and lists. `overruled`: it never showed, because something newer stood there
    when it arrived.
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
        return f"{_said(self)}{' (overruled by a later one)' if self.overruled else ''}"


def edits_of(burst: Sequence[Written]) -> Sequence[Edit]:
    """One for each place, in the order in which the places were touched last."""
    places: dict[tuple[str, ...], tuple[Written, Written]] = {}
    for one in burst:
        first, _ = places.pop(one.path, (one, one))
        places[one.path] = (first, one)
    return [_edit(first, last) for first, last in places.values()]


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


def _edit(first: Written, last: Written) -> Edit:
    path, kind = in_words(last.path)
    pipeline = last.path[1] if last.path[:1] == (PIPELINES,) and len(last.path) > 1 else None
    what = _what(last)
    tells = kind is Kind.FIELD or (kind is Kind.COMMENT and last.path[-1] != NOTES)
    return Edit(
        path=path,
        pipeline=pipeline,
        kind=kind,
        what=what,
        old=_shown(first.before) if tells else None,
        new=_shown(last) if tells else None,
        at=last.at,
        overruled=what in (What.SET, What.REMOVED, What.KEPT) and not last.shows,
    )


def _what(one: Written) -> What:
    if one.path[:1] == (PIPELINES,) and one.path[2:] == (REMOVED,):
        return What.REMOVED if one.deed is Deed.SET else What.KEPT
    match kind_at(one.path):
        case ContainerKind.LIST:
            return What.MOVED
        case ContainerKind.TEXT:
            return What.EDITED
        case _:
            return What.REMOVED if one.deed is Deed.REMOVE else What.SET


def _shown(one: Written | None) -> object:
    """The value that stands after a write: short, and never what may be a credential."""
    if one is None or one.deed is Deed.REMOVE:
        return None
    text = one.value if isinstance(one.value, str) else json.dumps(one.value, ensure_ascii=False)
    if is_credential(text) or is_kept_secret(one.path, one.value):
        return HIDDEN
    return one.value if len(text) <= VALUE_CHARACTERS else f"{text[:VALUE_CHARACTERS]}…"


def _said(edit: Edit) -> str:
    about = "comment of " if edit.kind is Kind.COMMENT else ""
    match edit.what:
        case What.MOVED:
            return f"{edit.path}: put in another order"
        case What.EDITED:
            return f"{about}{edit.path}: edited"
        case What.KEPT:
            return f"{edit.path}: kept"
        case What.REMOVED if edit.old is None:
            return f"{about}{edit.path}: removed"
        case _:
            return f"{about}{edit.path}: {_value(edit.old)} -> {_value(edit.new)}"


def _value(value: object) -> str:
    return "nothing" if value is None else json.dumps(value, ensure_ascii=False, sort_keys=True)
