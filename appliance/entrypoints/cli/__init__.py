"""The `hakiri` command: everything a person or a script asks of the control plane from a shell."""

from __future__ import annotations

from appliance.entrypoints.cli.root import main

__all__ = ["main"]
