"""The published JSON Schema of a manifest: the keys, their types, bounds and defaults, in one place.

`shape` checks a file against this very schema, so what is published is what is enforced. In each
fragment `title` says in messages what the value should be, and `examples` what to write instead.
"""

from __future__ import annotations

from appliance.core import manifest_limits
from appliance.core.duration import PATTERN as DURATION
from appliance.core.duration import duration_text
from appliance.core.manifest.fragments import Fragment, choice, field, free, names, number, table, text
from appliance.core.manifest.sources import COMMENTS
from appliance.core.pipeline import (
    APPLIANCE,
    CONTEXT,
    DEFAULT_CATCHUP_LIMIT,
    DEFAULT_RETRIES,
    DEFAULT_TIMEOUT,
    UTC,
    Catchup,
    OnTableError,
    Overlap,
)

SCHEMA_ID = "https://hakiri.dev/schemas/v1/pipeline.json"

# Kept in revisions and rendered, so that a manifest survives a move; nothing here acts on them.
CARRIED_BY_MANIFEST = ("coord_backend",)
CARRIED_BY_PIPELINE = (
    "transforms",
    "redaction",
    "normalize",
    "backfill",
    "seed",
    "queries",
    "inference_zone_allowed",
)
CARRIED_BY_TABLE = (
    "order_by",
    "write_mode",
    "replicate",
    "subject_id",
    "pii_type",
    "valid_time",
    "agent_description",
    "example_queries",
    "inference_zone_allowed",
)

_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST = rf"{_LABEL}(?:\.{_LABEL})*"


def schema() -> dict[str, object]:
    """Return JSON Schema 2020-12 for the JSON form of a manifest; TOML has the same keys."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_ID,
        "title": "hakiri.toml",
        "description": "What a team moves, on which schedule, and where it lands.",
        **table(
            {
                "$schema": text("The address of this schema, for editors. It is not kept.", "text", SCHEMA_ID),
                COMMENTS: _comments(),
                "project": _project(),
                "context": _context(),
                "sync": _sync(),
                "pipeline": _pipelines(),
                "coord_backend": text("An external coordinator. Kept, not acted on.", "text", "etcd"),
            }
        ),
    }


def _project() -> Fragment:
    return table(
        {
            "name": text("What people call the project.", "a name", "warehouse"),
            "version": text("The project's own version.", "a version in quotes", "0.1.0"),
        }
    )


def _context() -> Fragment:
    return table(
        {
            "path": text("Where readers keep the local store.", "a path", ".hakiri/context", maxLength=1024),
            "default_destination": choice("Where pipelines land unless they say otherwise.", (CONTEXT,), CONTEXT),
        }
    )


def _sync() -> Fragment:
    bucket = {"pattern": r"^(s3|r2)://[A-Za-z0-9][A-Za-z0-9._-]{1,62}$"}
    names = {"type": "array", "items": text("A name.", "a name", "orders"), "maxItems": manifest_limits.TABLES}
    replica: Fragment = {
        "mode": choice("How much of the store a laptop holds.", ("full", "partial", "proxy"), None),
        "tables": {**names, "description": "Tables a partial replica holds."},
        "indexes": {**names, "description": "Indexes a partial replica holds."},
        "partitions": {**names, "description": "Partitions a partial replica holds."},
    }
    return table(
        {
            "bucket": text("The bucket readers share.", "a bucket", "s3://team-context", **bucket),
            "endpoint": text(
                "The bucket's server.", "an http address", "https://s3.example.com", pattern=r"^https?://[^\s/@]+/?$"
            ),
            "region": text("The bucket's region.", "a region", "auto"),
            "prefix": text("Where in the bucket.", "a prefix", "warehouse/", maxLength=512),
            "replica": {"description": "What a laptop copies. Kept, not acted on.", **table(replica)},
        },
        ("bucket",),
    )


def _pipelines() -> Fragment:
    return {
        "type": "array",
        "title": "a list of pipelines",
        "description": "The pipelines, each with an id of its own.",
        "maxItems": manifest_limits.PIPELINES,
        "default": [],
        "items": _pipeline(),
    }


def _pipeline() -> Fragment:
    moment = {"maxLength": 200}
    return table(
        {
            "id": _pipeline_id(),
            "source": {"title": "a table", "description": "Who reads, and its settings.", **_source()},
            "tables": _tables(),
            "schedule": text("When it fires; without it only when asked.", "a schedule", "every 15m", **moment),
            "timezone": text("The IANA zone of a cron line.", "an IANA zone", "Europe/Berlin", default=UTC),
            **_policies(),
            "incremental": field("The field that tells new rows from known ones, in every table."),
            "secrets": names("Names of the secrets that `source.config` refers to.", _secret(), 64, default=[]),
            "destination": _destination(),
            "egress": _egress(),
            **_carried_by_pipeline(),
        },
        ("id", "source", "tables"),
    )


def _destination() -> Fragment:
    store = table({"connector": choice("The store.", (CONTEXT,), CONTEXT)})
    return {"description": "Where the tables land.", **store}


def _pipeline_id() -> Fragment:
    return text(
        "The pipeline's name, unique over all files.",
        "a pipeline id: at most 63 of a-z, 0-9, - and _, the first a letter or digit",
        "orders",
        pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$",
        maxLength=63,
    )


def _tables() -> Fragment:
    return {
        "type": "array",
        "title": "a list of tables",
        "description": "What to read, in this order: a name, or a table with options.",
        "minItems": 1,
        "maxItems": manifest_limits.TABLES,
        "examples": [["customers", "orders"]],
        "items": {"anyOf": [_table_name(), _table_options()]},
    }


def _policies() -> Fragment:
    return {
        "catchup": choice("What becomes of fires missed while down.", tuple(Catchup), Catchup.LATEST.value),
        "catchup_limit": number("How many missed fires `all` makes up for.", 1, 10_000, DEFAULT_CATCHUP_LIMIT),
        "overlap": choice("What a fire does while a run goes on.", tuple(Overlap), Overlap.SKIP.value),
        "placement": text(
            "Where its runs may execute. What nobody serves never runs.",
            'a placement: "appliance", or a kind such as "any-laptop", "laptop:ada", "cf:auto"',
            "appliance",
            pattern=r"^[a-z][a-z0-9-]*(:[A-Za-z0-9][A-Za-z0-9._-]*)?$",
            maxLength=128,
            default=str(APPLIANCE),
        ),
        "paused": {"type": "boolean", "description": "Do not fire.", "default": False, "examples": [True]},
        "timeout": text(
            "How long one run may take, from 1s to 7d.",
            'a duration such as "90s", "15m", "6h" or "2d"',
            "6h",
            pattern=DURATION,
            default=duration_text(DEFAULT_TIMEOUT),
        ),
        "retries": number("Attempts at one run in all, the first included.", 1, 100, DEFAULT_RETRIES),
        "on_table_error": choice("Go on after a table failed?", tuple(OnTableError), OnTableError.ABORT.value),
    }


def _source() -> Fragment:
    connector = text(
        "The connector's name, `name` or `name@version`.",
        "a connector's name",
        "http",
        pattern=r"^[a-z0-9][a-z0-9-]*(@[0-9A-Za-z.+-]+)?$",
    )
    settings: Fragment = {
        "type": "object",
        "description": "The connector's own settings; `${secret:NAME}` stands for a secret. At most 64 KiB as JSON.",
        "default": {},
    }
    return table({"connector": connector, "config": settings}, ("connector",))


def _table_name() -> Fragment:
    return text(
        "The table's name at the source.", "a table name", "orders", pattern=r"^[^\x00-\x1f\x7f]+$", maxLength=128
    )


def _table_options() -> Fragment:
    zones = names("Zones in which rows may meet a model. Kept, not acted on.", text("A zone.", "a zone", "local"), 16)
    return table(
        {
            "name": _table_name(),
            "primary_key": names(
                "Columns that name a row; views show the latest row per key.",
                text("A column.", "a column name", "id"),
                16,
                default=[],
            ),
            "incremental": field("The pipeline's `incremental`, for this table only."),
            "order_by": free("Columns that order rows."),
            "write_mode": choice("Kept, not acted on.", ("append", "replace"), None),
            "replicate": free("Whether laptops copy it."),
            "subject_id": free("The column that names a person."),
            "pii_type": free("Personal data in it."),
            "valid_time": free("The column of validity."),
            "agent_description": free("What it is, for agents.", "string"),
            "example_queries": free("Queries to start from.", "array"),
            "inference_zone_allowed": zones,
        },
        ("name",),
    )


def _carried_by_pipeline() -> Fragment:
    zones = names("Zones in which rows may meet a model. Kept, not acted on.", text("A zone.", "a zone", "local"), 16)
    return {
        "transforms": free("Steps between source and store.", "array"),
        "redaction": free("What to remove before landing."),
        "normalize": free("How nested values become tables.", "object"),
        "backfill": free("How history is read in chunks.", "object"),
        "seed": free("A source for the first run.", "object"),
        "queries": free("Named queries."),
        "inference_zone_allowed": zones,
    }


def _secret() -> Fragment:
    title = "a secret's name: A-Z, 0-9 and _, the first a letter"
    return text("A secret's name, never its value.", title, "SHOPIFY_TOKEN", pattern=r"^[A-Z][A-Z0-9_]*$", maxLength=64)


def _egress() -> Fragment:
    description = "Hosts it may reach besides those of addresses in `source.config`, as a name or `*.name`."
    return names(description, _host(), 64, default=[])


def _host() -> Fragment:
    pattern = rf"^(?:(?:\*\.)?{_HOST}|\[[0-9a-f:.]{{2,45}}\])(?::[1-9][0-9]{{0,4}})?$"
    title = "a host in lower case, with a port if it is not the usual one, without https:// and path"
    return text("A host.", title, "api.example.com", pattern=pattern)


def _comments() -> Fragment:
    words: Fragment = {"type": "array", "items": {"type": "string"}}
    return {
        "type": "array",
        "description": "The comments of the TOML form, by the place they stand at. JSON only.",
        "items": table(
            {
                "at": {**words, "description": "The keys that lead there; a pipeline by id, a table by name."},
                "before": {**words, "description": "Lines above it."},
                "line": {"type": "string", "description": "Behind it, on its line."},
                "end": {**words, "description": "Last inside it."},
            },
            ("at",),
        ),
    }


SCHEMA = schema()
