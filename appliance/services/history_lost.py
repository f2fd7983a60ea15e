"""Edits that are gone because somebody took away what was edited, by its key and without a grave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from appliance.core.config_doc import Unseen
from appliance.core.draft import Heads, Tree
from appliance.core.draft_tree.kinds import PIPELINES
from appliance.services.derive import SOMEBODY
from appliance.services.history_words import in_words
from appliance.services.room import Room


@dataclass(frozen=True, slots=True)
class LostEdits:
    """What was removed at `path`, and what was edited in it by who did not know. Writing it again brings it back."""

    path: str
    pipeline: str | None
    removed_by: str
    removed_at: datetime | None
    edited_by: Sequence[str]
    edits: Sequence[str]

    def __str__(self) -> str:
        edited = " and ".join(self.edited_by)
        return f"{self.path} was removed by {self.removed_by} while {edited} edited it: {', '.join(self.edits)}"


def lost_edits(room: Room, *, since: Heads | None, heads: Heads | None = None) -> Sequence[LostEdits]:
    """Of the removals after `since`, those that still stand at `heads`. Raises UnknownHeads.

    A grave is no such removal: it loses nothing.
    """
    found = room.unseen(since=since, until=heads)
    if not found:
        return []
    tree = room.tree(heads)
    return [_lost(room, one) for one in found if not _stands(tree, one.removal.path)]


def _lost(room: Room, unseen: Unseen) -> LostEdits:
    removal = unseen.removal
    remover = room.author_of(removal.peer, removal.counter)
    spans = [room.author_of(write.peer, write.counter) for write in unseen.writes]
    return LostEdits(
        path=in_words(removal.path)[0],
        pipeline=removal.path[1] if removal.path[0] == PIPELINES and len(removal.path) > 1 else None,
        removed_by=remover.author if remover else SOMEBODY,
        removed_at=remover.last_at if remover else None,
        edited_by=list(dict.fromkeys(span.author if span else SOMEBODY for span in spans)),
        edits=list(dict.fromkeys(in_words(write.path)[0] for write in unseen.writes)),
    )


def _stands(tree: Tree, path: Sequence[str]) -> bool:
    node: object = tree
    for key in path:
        if not isinstance(node, Mapping) or key not in node:
            return False
        node = node[key]
    return True
