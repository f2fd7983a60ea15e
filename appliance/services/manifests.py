"""The pipeline that a run was created with, from its pinned revision."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

from appliance.core.manifest import from_value
from appliance.core.pipeline import Manifest, Pipeline
from appliance.core.ports import Revisions

# Revisions that runs still use at the same time are few.
KEPT = 4


@dataclass(slots=True)
class Manifests:
    """Revisions never change, so a parsed one is kept."""

    revisions: Revisions
    _parsed: OrderedDict[int, Manifest] = field(default_factory=OrderedDict)

    def get(self, revision: int) -> Manifest:
        """Raises NotFound."""
        known = self._parsed.get(revision)
        if known is None:
            known = from_value(self.revisions.get(revision).value)
            self._parsed[revision] = known
            while len(self._parsed) > KEPT:
                self._parsed.popitem(last=False)
        return known

    def pipeline(self, revision: int, pipeline_id: str) -> Pipeline:
        """Raises NotFound."""
        return self.get(revision).pipeline(pipeline_id)
