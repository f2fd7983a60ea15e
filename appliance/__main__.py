"""`python -m appliance` is the command line."""

from __future__ import annotations

from appliance.entrypoints.cli import main

main()
