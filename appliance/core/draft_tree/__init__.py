"""The document of a draft and the manifest it stands for: each made from the other, losing nothing."""

from __future__ import annotations

from appliance.core.draft_tree.kinds import ContainerKind, kind_at
from appliance.core.draft_tree.read import content, graves, manifest_of
from appliance.core.draft_tree.shape import to_tree, tree_of_value

__all__ = ["ContainerKind", "content", "graves", "kind_at", "manifest_of", "to_tree", "tree_of_value"]
