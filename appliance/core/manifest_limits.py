"""How large and how deep a manifest may be. Its bytes and a connector's settings are bounded in `limits`."""

from __future__ import annotations

PIPELINES = 2_000
TABLES = 1_000

# Containers around a value, in TOML and in JSON alike. Far below where a recursive parser gives up.
NESTING = 32

# Keys and list elements in one file: fifty for every pipeline, and as many again.
VALUES = 200_000
STRING_BYTES = 64 << 10
KEY_CHARS = 256

# A file that is wrong everywhere is described well enough by its first mistakes.
PROBLEMS = 100
