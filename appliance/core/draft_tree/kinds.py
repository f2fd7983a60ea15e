"""Which places of a draft's document are containers, and of which kind: the one place that says so."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

SETTINGS = "settings"
PIPELINES = "pipelines"
COMMENTS = "comments"
NOTES = "notes"
ORDER = "order"
TABLES = "tables"
SOURCE = "source"
CONFIG = "config"
REMOVED = "removed"

# Parts of the settings whose keys are edited one by one.
SECTIONS = ("project", "context", "sync")


class ContainerKind(StrEnum):
    """How concurrent edits of one place meet: key by key, letter by letter, by moves, or the last one stays."""

    MAP = "map"
    TEXT = "text"
    LIST = "movable-list"
    REGISTER = "register"


# `*` stands for an id or a name.
_CONTAINERS: Mapping[tuple[str, ...], ContainerKind] = {
    (): ContainerKind.MAP,
    (SETTINGS,): ContainerKind.MAP,
    **{(SETTINGS, section): ContainerKind.MAP for section in (*SECTIONS, COMMENTS)},
    (PIPELINES,): ContainerKind.MAP,
    (PIPELINES, "*"): ContainerKind.MAP,
    (PIPELINES, "*", SOURCE): ContainerKind.MAP,
    (PIPELINES, "*", SOURCE, CONFIG): ContainerKind.MAP,
    (PIPELINES, "*", TABLES): ContainerKind.MAP,
    (PIPELINES, "*", TABLES, "*"): ContainerKind.MAP,
    (PIPELINES, "*", ORDER): ContainerKind.LIST,
    (PIPELINES, "*", NOTES): ContainerKind.TEXT,
    (PIPELINES, "*", COMMENTS): ContainerKind.MAP,
}


def kind_at(path: tuple[str, ...]) -> ContainerKind:
    """What stands at a path of the document. What is no container is (a part of) a register."""
    if path[:1] != (PIPELINES,) or len(path) == 1:
        return _CONTAINERS.get(path, ContainerKind.REGISTER)
    pattern = (PIPELINES, "*", *path[2:])
    if len(path) == len((PIPELINES, "*", TABLES, "*")) and path[2] == TABLES:
        pattern = (PIPELINES, "*", TABLES, "*")
    return _CONTAINERS.get(pattern, ContainerKind.REGISTER)
