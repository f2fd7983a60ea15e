"""The documents of drafts, on the CRDT library loro. Nothing outside this family of files knows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from loro import ExportMode, Frontiers, LoroDoc, VersionVector

from appliance.adapters.loro_doc_accept import accept
from appliance.adapters.loro_doc_guard import LoroFailed, guarded, new_doc, new_version, whole
from appliance.adapters.loro_doc_heads import count, frontiers_of, heads_text, last_operations, version_vector
from appliance.adapters.loro_doc_history import read_writes
from appliance.adapters.loro_doc_minimal import minimal
from appliance.adapters.loro_doc_moments import frontiers_at
from appliance.adapters.loro_doc_rivals import find_rivals, seen_by_all
from appliance.adapters.loro_doc_tree import read_tree
from appliance.adapters.loro_doc_unseen import find_unseen
from appliance.adapters.loro_doc_write import write_tree
from appliance.core.config_doc import Accepted, DocBroken, Edited, PeerRange, Refusal, Rivals, Unseen, Write
from appliance.core.draft import Heads, Tree, UnknownHeads
from appliance.core.errors import Conflict

# Trees of other heads than now, kept for those who look again: an apply looks thrice.
_TREES = 4


class LoroDocs:
    """Makes documents."""

    def empty(self) -> LoroDocument:
        return LoroDocument(new_doc())

    def load(self, snapshot: bytes, deliveries: Sequence[bytes]) -> LoroDocument:
        """Raises DocBroken."""
        doc = new_doc()
        try:
            with guarded():
                if snapshot:
                    doc.import_(snapshot)
                if deliveries:
                    doc.import_batch([*deliveries])
        except LoroFailed as failure:
            raise DocBroken(f"a stored document cannot be read: {failure}") from failure
        return LoroDocument(doc)


class LoroDocument:
    """One document. It is never written in or checked out: edits and looks back happen on forks.

    Nothing subscribes to it either: a callback that runs while another thread commits hangs the process.
    """

    def __init__(self, doc: LoroDoc) -> None:
        self._doc = doc
        self._trees: dict[Heads, Tree] = {}

    def heads(self) -> Heads:
        with whole():
            return heads_text(self._doc.oplog_frontiers)

    def version(self) -> bytes:
        with whole():
            return self._doc.oplog_vv.encode()

    def peers(self) -> int:
        with whole():
            return len(self._doc.oplog_vv.to_spans().inner())

    def accept(self, deliveries: Sequence[bytes]) -> Sequence[Accepted | Refusal]:
        """Raises DocBroken."""
        with whole():
            return accept(self._doc, deliveries)

    def missing(self, version: bytes) -> bytes:
        """A snapshot for whoever has nothing: it is smaller. Raises Invalid."""
        have = version_vector(version)
        with whole():
            if have.includes_vv(self._doc.oplog_vv):
                return b""
            new = not have.to_spans().inner()
            return self._doc.export(ExportMode.Snapshot() if new else ExportMode.Updates(have))

    def snapshot(self) -> tuple[bytes, bytes]:
        with whole():
            return self._doc.export(ExportMode.Snapshot()), self._doc.export_pending_updates() or b""

    def tree(self, heads: Heads | None = None) -> Tree:
        """Raises UnknownHeads."""
        wanted = self.heads() if heads is None else heads
        if wanted not in self._trees:
            self._trees[wanted] = self._read(wanted)
            while len(self._trees) > _TREES:
                del self._trees[next(iter(self._trees))]
        return self._trees[wanted]

    def heads_of(self, counts: Mapping[int, int]) -> Heads:
        with whole():
            return heads_text(frontiers_at(self._doc, counts))

    def write(self, tree: Tree, *, at: Heads, peer: int | None = None) -> Edited:
        """Raises UnknownHeads; Conflict if the peer wrote something after `at`, which its next edit would hide."""
        frontiers = self._frontiers(at)
        with whole():
            branch = self._doc.fork_at(frontiers)
            before = branch.oplog_vv
            if peer is not None:
                if count(self._doc.oplog_vv, peer) > count(before, peer):
                    raise Conflict(f"peer {peer} has written after heads {at[:80]}")
                branch.peer_id = peer
            write_tree(branch, tree, seen=at)
            branch.commit()
            made = branch.oplog_vv.sub_vec(before).inner()
            ranges = tuple(PeerRange(peer, start, end) for peer, (start, end) in made.items())
            return Edited(branch.export(ExportMode.Updates(before)), heads_text(branch.oplog_frontiers), ranges)

    def writes(self, *, since: Heads | None, until: Heads | None = None) -> Sequence[Write]:
        """Raises UnknownHeads."""
        start = new_version() if since is None else self._version(since)
        end = self._doc.oplog_vv if until is None else self._version(until)
        with whole():
            return read_writes(self._doc, since=start, until=end)

    def rivals(self, *, since: Heads | None, until: Heads | None = None) -> Sequence[Rivals]:
        """Raises UnknownHeads."""
        new = self.writes(since=since, until=until)
        if since is None or not new:
            return find_rivals(self._doc, new, new=new)
        start = self._version(since)
        end = self._doc.oplog_vv if until is None else self._version(until)
        with whole():
            # Somebody may come back late, with edits that are rivals of what is old news to everybody else.
            shared = seen_by_all(self._doc, start, new)
            writes = new if shared == start else read_writes(self._doc, since=shared, until=end)
            return find_rivals(self._doc, writes, new=new)

    def unseen(self, *, since: Heads | None, until: Heads | None = None) -> Sequence[Unseen]:
        """Raises UnknownHeads."""
        writes = self.writes(since=since, until=until)
        with whole():
            return find_unseen(self._doc, writes)

    def holds(self, heads: Heads) -> bool:
        try:
            self._frontiers(heads)
        except UnknownHeads:
            return False
        return True

    def _read(self, heads: Heads) -> Tree:
        frontiers = self._frontiers(heads)
        with whole():
            return read_tree(self._doc if heads == self.heads() else self._doc.fork_at(frontiers))

    def _frontiers(self, heads: Heads) -> Frontiers:
        """Raises UnknownHeads. Only operations that are in reach the library: it panics over others."""
        operations = last_operations(heads)
        with whole():
            own = self._doc.oplog_vv
            if any(counter >= count(own, peer) for peer, counter in operations):
                raise UnknownHeads(f"heads {heads[:80]}: some of the edits they name have not arrived")
            frontiers = frontiers_of(operations)
            if heads != self.heads() and [*minimal(self._doc, operations)] != sorted(operations):
                raise UnknownHeads(f"heads {heads[:80]}: the draft never was there, one edit is part of another")
        return frontiers

    def _version(self, heads: Heads) -> VersionVector:
        """Raises UnknownHeads."""
        frontiers = self._frontiers(heads)
        with whole():
            return self._doc.frontiers_to_vv(frontiers) or new_version()
