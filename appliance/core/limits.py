"""The strictest limit of any substrate, enforced on all of them, with its source."""

from __future__ import annotations

from datetime import timedelta

# Cloudflare Workflows: a step's result is at most 1 MiB. Larger results travel as object keys.
STEP_RESULT_BYTES = 1 << 20

# Cloudflare Workflows, free plan: 1,024 steps a run. Pages are batched into steps to stay under it.
STEPS_PER_RUN = 1024

# The glossary's bound on a cursor: it is stored with every checkpoint and sent to every connector.
CURSOR_BYTES = 64 << 10

# A connector's configuration, as the connector contract bounds it.
CONFIG_BYTES = 64 << 10

# How long a run may keep retrying one failure: the practical window of a Workflow.
RETRY_WINDOW = timedelta(hours=6)
RETRY_FIRST_DELAY = timedelta(seconds=1)
RETRY_LONGEST_DELAY = timedelta(minutes=10)
RETRY_ATTEMPTS = 5

# A lease not renewed for this long may be taken over; renewing happens at a third of it.
LEASE_TTL = timedelta(seconds=30)

# A run still waiting after this long will never be what its owner wanted: it fails visibly.
PENDING_DEADLINE = timedelta(hours=24)
RUN_TIMEOUT = timedelta(hours=6)

# Text kept of a run: an error, and its log lines.
ERROR_TEXT_BYTES = 2 << 10
LOG_LINE_BYTES = 4 << 10
LOG_LINES_PER_RUN = 10_000

# Bodies of the HTTP API.
MANIFEST_BYTES = 1 << 20
REQUEST_BYTES = 4 << 20
PAGE_SIZE = 50
PAGE_SIZE_MAX = 500

# The sync protocol's bound on one message, and the share of it that a fragment may fill.
SYNC_MESSAGE_BYTES = 256 << 10
SYNC_FRAGMENT_BYTES = 240 << 10
SYNC_ROOM_NAME_BYTES = 128

# One delivery, its fragments put together: more than the edits of any offline laptop. The CRDT merges long runs of
# text in quadratic time, so operations are counted, too: the worst of this many hold the server up for a third of a
# second, and a first import of 1,000 pipelines has 44,000.
SYNC_UPDATE_BYTES = 4 << 20
SYNC_UPDATE_OPERATIONS = 50_000
SYNC_FRAGMENTS_SECONDS = 10.0

# A document with its history, and the peers after which it is rebuilt from what it says: each of them makes every
# later merge and join slower, for ever.
DRAFT_BYTES = 32 << 20
DRAFT_PEERS = 1000
DRAFTS = 32

# The log of a document is folded into a snapshot after so much.
DRAFT_LOG_UPDATES = 5_000
DRAFT_LOG_BYTES = 4 << 20

# What one connection may hold and ask. Over the rate a socket is not read until it is within it again.
SYNC_CONNECTIONS_PER_TOKEN = 64
SYNC_ROOMS_PER_CONNECTION = 8
SYNC_MESSAGES_PER_SECOND = 500
SYNC_OUTBOX_BYTES = 8 << 20
SYNC_JOIN_SECONDS = 10.0

# Presence: how long somebody counts as here without a sign of life, and what they may say.
PRESENCE_SECONDS = 45.0
PRESENCE_KEYS_PER_CONNECTION = 4
PRESENCE_BYTES = 4 << 10
