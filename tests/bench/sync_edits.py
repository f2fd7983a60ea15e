"""Edits that are made before they are measured: those of every editor, in the order in which they will be sent.

Nobody sees anybody else's edits while making their own, so all of them are concurrent: the most work for a server.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from loro import ExportMode, LoroDoc

from appliance.adapters.loro_doc import LoroDocs
from appliance.core.draft_tree import to_tree
from appliance.core.manifest import SourceText, load
from tests.support.sync_client import new_doc, pipeline_map

PIPELINES = [f"pipeline-{number:02}" for number in range(20)]
FIRST_EDITOR = 1000

# Together: more at once only makes the library slower.
IMPORTED = 512


@dataclass(frozen=True, slots=True)
class Edits:
    """`file` holds `base` and then the edits of every editor."""

    file: Path
    base: bytes
    of_editor: Sequence[Sequence[bytes]]

    def expected(self, sent: Sequence[int]) -> LoroDoc:
        """The document after so many edits of each editor."""
        doc = new_doc()
        doc.import_(self.base)
        edits = [edit for made, count in zip(self.of_editor, sent, strict=False) for edit in made[:count]]
        for start in range(0, len(edits), IMPORTED):
            doc.import_batch(edits[start : start + IMPORTED])
        return doc


def manifest(pipelines: Sequence[str]) -> str:
    """Pipelines as somebody would write them."""
    head = '[project]\nname = "bench"\n'
    return "\n".join([head, *(_pipeline(number, name) for number, name in enumerate(pipelines))])


def make(folder: Path, counts: Sequence[int]) -> Edits:
    """So many edits for each editor."""
    doc = LoroDocs().empty()
    base = doc.write(to_tree(load([SourceText("hakiri.toml", manifest(PIPELINES), "toml")])), at=doc.heads()).update
    made = [list(_edits(base, editor, count)) for editor, count in enumerate(counts)]
    file = folder / "edits.bin"
    with file.open("wb") as out:
        head = json.dumps({"base": len(base), "counts": list(counts)}).encode()
        out.write(struct.pack("<I", len(head)) + head + base)
        for edit in (edit for edits in made for edit in edits):
            out.write(struct.pack("<H", len(edit)) + edit)
    return Edits(file, base, made)


def _edits(base: bytes, editor: int, count: int) -> Iterator[bytes]:
    """One field of one pipeline each time."""
    doc = new_doc()
    doc.import_(base)
    doc.peer_id = FIRST_EDITOR + editor
    for number in range(count):
        before = doc.oplog_vv
        pipeline = pipeline_map(doc, PIPELINES[(number + editor) % len(PIPELINES)])
        pipeline.insert("schedule", f"{number % 60} {editor % 24} * * *")
        doc.commit()
        yield doc.export(ExportMode.Updates(before))


def _pipeline(number: int, name: str) -> str:
    return (
        f'[[pipeline]]\nid = "{name}"\nschedule = "{number % 60} * * * *"\n'
        f'source = {{ connector = "http", config = {{ url = "http://127.0.0.1/{name}" }} }}\n'
        f'tables = ["orders", "items"]\n'
    )
