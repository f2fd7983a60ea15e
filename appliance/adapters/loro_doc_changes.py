"""The operations between two versions, as the library's JSON.

Asked for peer by peer: the library's own way from one version to another (`export_json_updates`) takes seconds as
soon as dozens of people wrote at once, and this a millisecond.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from loro import CounterSpan, IdSpan, LoroDoc, VersionVector

Change = Mapping[str, Any]


def changes_text(doc: LoroDoc, *, since: VersionVector, until: VersionVector) -> Iterator[str]:
    """A JSON list of changes for each peer that has any. `id` is `<counter>@<peer>`, ours begin where `since` ends."""
    for peer, (start, end) in sorted(until.sub_vec(since).inner().items()):
        yield doc.export_json_in_id_span(IdSpan(peer, CounterSpan(start, end)))


def changes(doc: LoroDoc, *, since: VersionVector, until: VersionVector) -> Iterator[Change]:
    for text in changes_text(doc, since=since, until=until):
        yield from json.loads(text)
