-- The catalog: what a team configured, what fired, what ran, and how far each run got.
-- Times are ISO 8601 UTC text with microseconds, so that they sort as text. Every table carries its team.

CREATE TABLE team (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  node_id TEXT NOT NULL,
  created_at TEXT NOT NULL
) STRICT;

CREATE TABLE member (
  team_id TEXT NOT NULL,
  name TEXT NOT NULL,
  role TEXT NOT NULL CHECK (role IN ('viewer', 'editor', 'operator', 'owner')),
  created_at TEXT NOT NULL,
  removed_at TEXT,
  PRIMARY KEY (team_id, name)
) STRICT;

CREATE TABLE token (
  team_id TEXT NOT NULL,
  id TEXT NOT NULL,
  member TEXT NOT NULL,
  name TEXT NOT NULL,
  role TEXT NOT NULL CHECK (role IN ('viewer', 'editor', 'operator', 'owner')),
  digest TEXT NOT NULL UNIQUE,
  created_at TEXT NOT NULL,
  expires_at TEXT,
  revoked_at TEXT,
  PRIMARY KEY (team_id, id)
) STRICT;

-- One applied manifest, immutable. `value` is the parsed manifest as JSON, `uploads` the files exactly as sent.
CREATE TABLE revision (
  team_id TEXT NOT NULL,
  number INTEGER NOT NULL,
  digest TEXT NOT NULL,
  manifest TEXT NOT NULL,
  value TEXT NOT NULL,
  uploads TEXT NOT NULL,
  applied_by TEXT NOT NULL,
  applied_at TEXT NOT NULL,
  PRIMARY KEY (team_id, number)
) STRICT;

-- The armed schedules of the newest revision. `last_expected` is the last due moment that has its ledger row.
CREATE TABLE schedule (
  team_id TEXT NOT NULL,
  pipeline_id TEXT NOT NULL,
  revision INTEGER NOT NULL,
  text TEXT NOT NULL,
  zone TEXT NOT NULL,
  catchup TEXT NOT NULL,
  catchup_limit INTEGER NOT NULL,
  overlap TEXT NOT NULL,
  paused INTEGER NOT NULL,
  placement TEXT NOT NULL,
  armed_at TEXT NOT NULL,
  last_expected TEXT,
  next_fire TEXT,
  PRIMARY KEY (team_id, pipeline_id)
) STRICT;
CREATE INDEX schedule_due ON schedule (team_id, next_fire);

-- One row for each expected fire and its reason; a long gap is one row with first, last and count.
CREATE TABLE fire (
  team_id TEXT NOT NULL,
  pipeline_id TEXT NOT NULL,
  first_due_at TEXT NOT NULL,
  last_due_at TEXT NOT NULL,
  count INTEGER NOT NULL,
  reason TEXT NOT NULL,
  run_id TEXT,
  recorded_at TEXT NOT NULL,
  PRIMARY KEY (team_id, pipeline_id, first_due_at)
) STRICT;
CREATE INDEX fire_recent ON fire (team_id, first_due_at, pipeline_id);
CREATE INDEX fire_old ON fire (team_id, last_due_at);

CREATE TABLE run (
  team_id TEXT NOT NULL,
  id TEXT NOT NULL,
  pipeline_id TEXT NOT NULL,
  revision INTEGER NOT NULL,
  due_at TEXT NOT NULL,
  trigger TEXT NOT NULL,
  exclusive INTEGER NOT NULL,
  state TEXT NOT NULL
    CHECK (state IN ('pending', 'running', 'succeeded', 'partial_failure', 'failed', 'cancelled')),
  created_by TEXT NOT NULL,
  created_at TEXT NOT NULL,
  started_at TEXT,
  finished_at TEXT,
  deadline_at TEXT NOT NULL,
  fence INTEGER NOT NULL DEFAULT 0,
  holder TEXT,
  lease_expires_at TEXT,
  failures INTEGER NOT NULL DEFAULT 0,
  first_failure_at TEXT,
  retry_at TEXT,
  cancel_requested_at TEXT,
  cancelled_by TEXT,
  error_code TEXT,
  error_message TEXT,
  rows INTEGER NOT NULL DEFAULT 0,
  bytes INTEGER NOT NULL DEFAULT 0,
  pages INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (team_id, id)
) STRICT;
-- Not of unfinished runs alone: statements bind the states, and SQLite would not know that it may use them.
CREATE INDEX run_active ON run (team_id, state, pipeline_id);
CREATE INDEX run_of_state ON run (team_id, state, created_at, id);
CREATE INDEX run_newest ON run (team_id, created_at, id);
CREATE INDEX run_ended ON run (team_id, finished_at) WHERE finished_at IS NOT NULL;
CREATE INDEX run_of_pipeline ON run (team_id, pipeline_id, created_at, id);

-- Proof that one page is in the object store, with the source cursor after it.
CREATE TABLE checkpoint (
  team_id TEXT NOT NULL,
  run_id TEXT NOT NULL,
  seq INTEGER NOT NULL,
  step INTEGER NOT NULL,
  table_name TEXT NOT NULL,
  key TEXT NOT NULL,
  sha256 TEXT NOT NULL,
  rows INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  cursor TEXT NOT NULL,
  columns TEXT NOT NULL,
  fence INTEGER NOT NULL,
  committed_at TEXT NOT NULL,
  PRIMARY KEY (team_id, run_id, seq)
) STRICT;

-- A table of a run whose run manifest is in the object store.
CREATE TABLE table_commit (
  team_id TEXT NOT NULL,
  run_id TEXT NOT NULL,
  table_name TEXT NOT NULL,
  landed_name TEXT NOT NULL,
  sequence INTEGER NOT NULL,
  manifest_key TEXT NOT NULL,
  cursor TEXT,
  rows INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  parts INTEGER NOT NULL,
  fence INTEGER NOT NULL,
  committed_at TEXT NOT NULL,
  PRIMARY KEY (team_id, run_id, table_name)
) STRICT;

-- From where the next run of a pipeline reads a table, and the number of its last run manifest.
CREATE TABLE position (
  team_id TEXT NOT NULL,
  pipeline_id TEXT NOT NULL,
  table_name TEXT NOT NULL,
  landed_name TEXT NOT NULL,
  cursor TEXT,
  sequence INTEGER NOT NULL,
  run_id TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  PRIMARY KEY (team_id, pipeline_id, table_name)
) STRICT;

CREATE TABLE table_schema (
  team_id TEXT NOT NULL,
  landed_name TEXT NOT NULL,
  version INTEGER NOT NULL,
  columns TEXT NOT NULL,
  run_id TEXT NOT NULL,
  recorded_at TEXT NOT NULL,
  PRIMARY KEY (team_id, landed_name, version)
) STRICT;

CREATE TABLE run_log (
  team_id TEXT NOT NULL,
  run_id TEXT NOT NULL,
  seq INTEGER NOT NULL,
  at TEXT NOT NULL,
  level TEXT NOT NULL,
  message TEXT NOT NULL,
  PRIMARY KEY (team_id, run_id, seq)
) STRICT;

CREATE TABLE audit (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  team_id TEXT NOT NULL,
  at TEXT NOT NULL,
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  subject TEXT NOT NULL,
  detail TEXT NOT NULL
) STRICT;

-- What was answered to a write with an Idempotency-Key, so that the same request gets the same answer.
CREATE TABLE idempotency (
  team_id TEXT NOT NULL,
  member TEXT NOT NULL,
  key TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  status INTEGER,
  body TEXT,
  created_at TEXT NOT NULL,
  PRIMARY KEY (team_id, member, key)
) STRICT;

CREATE INDEX idempotency_old ON idempotency (team_id, created_at);

-- Counters for /metrics that survive restarts. `labels` is JSON with sorted keys.
CREATE TABLE counter (
  team_id TEXT NOT NULL,
  name TEXT NOT NULL,
  labels TEXT NOT NULL,
  value REAL NOT NULL,
  PRIMARY KEY (team_id, name, labels)
) STRICT, WITHOUT ROWID;
