"""The catalog's tables, used to build SQL, never to run it. Their shape is in `migrations/`."""

from __future__ import annotations

from typing import Any

from peewee import SqliteDatabase, Table

from appliance.adapters.sql.prepared import param

# Never connected: it only tells peewee which dialect to write.
_DIALECT = SqliteDatabase(None)


def _table(name: str, *columns: str) -> Any:
    # Its columns are attributes that peewee makes, which no type checker sees.
    return Table(name, ("team_id", *columns), _database=_DIALECT)


Team = _table("team", "id", "name", "node_id", "created_at")
Member = _table("member", "name", "role", "created_at", "removed_at")
Token = _table("token", "id", "member", "name", "role", "digest", "created_at", "expires_at", "revoked_at")
Revision = _table(
    "revision", "number", "digest", "manifest", "value", "uploads", "applied_by", "applied_at", "draft", "epoch",
    "heads", "reverts", "undone_by",
)  # fmt: skip
Draft = _table("draft", "name", "epoch", "created_by", "created_at")
DraftEpoch = _table(
    "draft_epoch", "number", "epoch", "draft", "reason", "began_by", "began_at", "ended_at", "snapshot_seq",
    "applied", "applied_heads",
)  # fmt: skip
DraftPiece = _table("draft_piece", "epoch", "kind", "piece", "data")
DraftUpdate = _table("draft_update", "epoch", "seq", "piece", "data", "author", "token_id", "at")
Schedule = _table(
    "schedule", "pipeline_id", "revision", "text", "zone", "catchup", "catchup_limit", "overlap", "paused",
    "placement", "armed_at", "last_expected", "next_fire",
)  # fmt: skip
Fire = _table("fire", "pipeline_id", "first_due_at", "last_due_at", "count", "reason", "run_id", "recorded_at")
Run = _table(
    "run", "id", "pipeline_id", "revision", "due_at", "trigger", "exclusive", "state", "created_by", "created_at",
    "started_at", "finished_at", "deadline_at", "fence", "holder", "lease_expires_at", "failures",
    "first_failure_at", "retry_at", "cancel_requested_at", "cancelled_by", "error_code", "error_message", "rows",
    "bytes", "pages",
)  # fmt: skip
Checkpoint = _table(
    "checkpoint", "run_id", "seq", "step", "table_name", "key", "sha256", "rows", "bytes", "cursor", "columns",
    "fence", "committed_at",
)  # fmt: skip
TableCommit = _table(
    "table_commit", "run_id", "table_name", "landed_name", "sequence", "manifest_key", "cursor", "rows", "bytes",
    "parts", "fence", "committed_at",
)  # fmt: skip
Position = _table(
    "position", "pipeline_id", "table_name", "landed_name", "cursor", "sequence", "run_id", "updated_at"
)  # fmt: skip
TableSchema = _table("table_schema", "landed_name", "version", "columns", "run_id", "recorded_at")
RunLog = _table("run_log", "run_id", "seq", "at", "level", "message")
Audit = _table("audit", "seq", "at", "actor", "action", "subject", "detail")
Idempotency = _table("idempotency", "member", "key", "fingerprint", "status", "body", "created_at")
Counter = _table("counter", "name", "labels", "value")


def columns(table: Any) -> list[Any]:
    """Every column, in the order of the table."""
    return [getattr(table, name) for name in table._columns]  # noqa: SLF001 - peewee has no public way


def insert(table: Any) -> Any:
    """An insert of a whole row, each column a parameter of its name."""
    return table.insert({column: param(column.name) for column in columns(table)})
