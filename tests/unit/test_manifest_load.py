"""Loading: what is read, and what each rejection says."""

from __future__ import annotations

from datetime import timedelta

import pytest

from appliance.core.errors import ControlError, NotFound
from appliance.core.manifest import InvalidManifest, SourceText, load
from appliance.core.pipeline import Catchup, Manifest, OnTableError, Overlap, Problem, Table, landed_name

WHOLE = """
[project]
name = "warehouse"
version = "0.1.0"

[context]
path = ".hakiri/context"
default_destination = "context"

[sync]
bucket = "r2://team-context"
endpoint = "https://account.r2.example.com"
region = "auto"
prefix = "warehouse/"

[[pipeline]]
id = "meta-ads"
source = { connector = "http", config = { url = "https://a.example/v1", key = "${secret:ADS}" } }
tables = ["insights", { name = "days", primary_key = ["id", "day"], incremental = "day" }]
schedule = "0 3 * * mon"
timezone = "Europe/Berlin"
catchup = "all"
catchup_limit = 7
overlap = "buffer-one"
incremental = "updated_at"
secrets = ["ADS"]
destination = { connector = "context" }
placement = "laptop:ada"
paused = true
timeout = "90m"
retries = 3
on_table_error = "continue"
egress = ["b.example:8443", "*.a.example"]
"""


def read(*texts: str) -> Manifest:
    names = ["hakiri.toml", "pipelines/b.toml", "pipelines/c.toml"]
    return load([SourceText(name, text, "toml") for name, text in zip(names, texts, strict=False)])


def problems(*texts: str) -> tuple[Problem, ...]:
    with pytest.raises(InvalidManifest) as refused:
        read(*texts)
    return refused.value.problems


def pipeline(extra: str, *, config: str = "") -> str:
    return f'[[pipeline]]\nid = "orders"\ntables = ["a"]\n{extra}\n[pipeline.source]\nconnector = "http"\n{config}'


def test_every_key_reaches_its_noun() -> None:
    manifest = read(WHOLE)

    (ads,) = manifest.pipelines
    assert (manifest.project.name, manifest.project.version) == ("warehouse", "0.1.0")
    assert manifest.context.path == ".hakiri/context"
    assert manifest.sync is not None
    assert (manifest.sync.bucket, manifest.sync.region, manifest.sync.prefix) == (
        "r2://team-context",
        "auto",
        "warehouse/",
    )
    assert ads.source.config == {"url": "https://a.example/v1", "key": "${secret:ADS}"}
    assert ads.tables == (Table("insights"), Table("days", ("id", "day"), "day"))
    assert (ads.schedule, ads.timezone) == ("0 3 * * MON", "Europe/Berlin")
    assert (ads.catchup, ads.catchup_limit, ads.overlap) == (Catchup.ALL, 7, Overlap.BUFFER_ONE)
    assert (ads.secrets, ads.egress) == (("ADS",), ("*.a.example", "b.example:8443"))
    assert (ads.placement, ads.paused, ads.timeout, ads.retries) == ("laptop:ada", True, timedelta(minutes=90), 3)
    assert ads.on_table_error is OnTableError.CONTINUE
    assert [ads.incremental_of(table) for table in ads.tables] == ["updated_at", "day"]
    assert ads.landed_name(ads.table("insights")) == "meta_ads_insights"


def test_defaults_are_filled_in() -> None:
    (orders,) = read(pipeline("")).pipelines

    assert (orders.schedule, orders.timezone, orders.catchup, orders.catchup_limit) == (None, "UTC", "latest", 100)
    assert (orders.overlap, orders.destination, orders.placement, orders.paused) == (
        "skip",
        "context",
        "appliance",
        False,
    )
    assert (orders.timeout, orders.retries, orders.on_table_error) == (timedelta(hours=6), 5, "abort")


def test_a_pipeline_is_found_by_its_id() -> None:
    manifest = read(pipeline(""))

    assert manifest.pipeline("orders").id == "orders"
    with pytest.raises(NotFound, match="no pipeline 'order'"):
        manifest.pipeline("order")
    with pytest.raises(NotFound, match="no table 'b'"):
        manifest.pipeline("orders").table("b")


def test_several_files_merge_and_pipelines_sort_by_id() -> None:
    manifest = read('[project]\nname = "a"', pipeline(""), pipeline("").replace("orders", "ads"))

    assert [known.id for known in manifest.pipelines] == ["ads", "orders"]
    assert manifest.project.name == "a"


def test_no_files_are_an_empty_manifest() -> None:
    assert load([]) == read("") == Manifest()


def test_a_byte_order_mark_and_windows_line_ends_are_read() -> None:
    assert read("\ufeff" + WHOLE.replace("\n", "\r\n")) == read(WHOLE)


def test_everything_wrong_is_reported_at_once_one_line_each() -> None:
    text = '[[pipeline]]\ntables = ["a"]\nschedule = "evry 5m"\nretries = 0\nsource = { connector = "http" }\n'

    found = problems(text, "a = [", '[contex]\npath = "x"')

    assert [(problem.file, problem.path, problem.code) for problem in found] == [
        ("pipelines/b.toml", "", "syntax"),
        ("hakiri.toml", "pipeline[0]", "missing_key"),
        ("hakiri.toml", "pipeline[0].retries", "range"),
        ("hakiri.toml", "pipeline[0].schedule", "schedule"),
        ("pipelines/c.toml", "contex", "unknown_key"),
    ]
    assert str(InvalidManifest(found)).count("\n") == len(found) - 1


def test_a_problem_names_file_line_key_mistake_and_remedy() -> None:
    (found,) = problems(pipeline('schedule = "evry 5m"'))

    assert str(found).startswith(
        'hakiri.toml:4: pipeline.orders.schedule: "evry 5m" is not a schedule; write "every 15m" or five cron fields'
    )


def test_an_invalid_manifest_is_a_control_error_with_its_own_code() -> None:
    assert issubclass(InvalidManifest, ControlError)
    assert InvalidManifest.code == "invalid_manifest"


@pytest.mark.parametrize(
    ("text", "path", "code", "words"),
    [
        ('[projct]\nname = "x"', "projct", "unknown_key", "did you mean project?"),
        ('[project]\nnam = "x"', "project.nam", "unknown_key", "did you mean name?"),
        ("[project]\nname = 5", "project.name", "type", '5 is not text in quotes; write "warehouse"'),
        ('project = "x"', "project", "type", '"x" is not a table'),
        ('[context]\ndefault_destination = "s3"', "context.default_destination", "value", 'write "context"'),
        ("[sync]", "sync", "missing_key", 'write bucket = "s3://team-context"'),
        ('[sync]\nbucket = "http://x"', "sync.bucket", "value", '"http://x" is not a bucket'),
        ('[sync]\nbucket = "s3://abc"\nreplica = {mode = "half"}', "sync.replica.mode", "value", '"full", "partial"'),
        ('[[pipeline]]\nid = "Orders"', "pipeline.Orders.id", "value", "is not a pipeline id"),
        (pipeline('schdule = "every 5m"'), "pipeline.orders.schdule", "unknown_key", "did you mean schedule?"),
        (pipeline('timezone = "Berlin"'), "pipeline.orders.timezone", "timezone", "did you mean Europe/Berlin"),
        (pipeline('catchup = "lates"'), "pipeline.orders.catchup", "value", 'did you mean "latest"?'),
        (pipeline("catchup_limit = 0"), "pipeline.orders.catchup_limit", "range", "a whole number from 1 to 10,000"),
        (pipeline("retries = 1.0"), "pipeline.orders.retries", "type", "1.0 is not a whole number"),
        (pipeline("retries = true"), "pipeline.orders.retries", "type", "true is not a whole number"),
        (pipeline("paused = 1"), "pipeline.orders.paused", "type", "1 is not true or false"),
        (pipeline('timeout = "6 hours"'), "pipeline.orders.timeout", "value", "is not a duration such as"),
        (pipeline('timeout = "8d"'), "pipeline.orders.timeout", "range", "write a duration from 1s to 7d"),
        (pipeline('secrets = ["shop"]'), "pipeline.orders.secrets[0]", "value", 'write "SHOPIFY_TOKEN"'),
        (pipeline('secrets = ["A", "A"]'), "pipeline.orders.secrets[1]", "duplicate", '"A" stands twice'),
        (pipeline('egress = ["https://a.example"]'), "pipeline.orders.egress[0]", "value", "without https://"),
        (pipeline('egress = ["a.*"]'), "pipeline.orders.egress[0]", "value", "is not a host"),
        (pipeline('egress = ["a.example:70000"]'), "pipeline.orders.egress[0]", "range", "there is no port 70000"),
        (pipeline('placement = "a b"'), "pipeline.orders.placement", "value", "is not a placement"),
        (pipeline('destination = { connector = "s3" }'), "pipeline.orders.destination.connector", "value", '"context"'),
        (pipeline('id2 = "x"'), "pipeline.orders.id2", "unknown_key", "did you mean id?"),
    ],
)
def test_a_rejection_says_where_and_what_would_be_right(text: str, path: str, code: str, words: str) -> None:
    found = [problem for problem in problems(text) if problem.path == path and problem.code == code]

    assert len(found) == 1
    assert words in str(found[0])


@pytest.mark.parametrize(
    ("tables", "path", "code"),
    [
        ("[]", "pipeline.orders.tables", "range"),
        ("[1]", "pipeline.orders.tables[0]", "type"),
        ('[""]', "pipeline.orders.tables[0]", "value"),
        ('["a", { name = "a" }]', "pipeline.orders.tables.a", "duplicate"),
        ("[{ primary_key = ['id'] }]", "pipeline.orders.tables[0]", "missing_key"),
        ("[{ name = 'a', primary_key = ['id', 'id'] }]", "pipeline.orders.tables.a.primary_key[1]", "duplicate"),
        ("[{ name = 'a', primarykey = ['id'] }]", "pipeline.orders.tables.a.primarykey", "unknown_key"),
        ('["Order lines", "order_lines"]', "pipeline.orders.tables.order_lines", "landed_name"),
    ],
)
def test_tables_are_checked(tables: str, path: str, code: str) -> None:
    found = problems(f'[[pipeline]]\nid = "orders"\nsource = {{ connector = "http" }}\ntables = {tables}\n')

    assert (path, code) in [(problem.path, problem.code) for problem in found]


def test_an_id_may_stand_once_over_all_files() -> None:
    (found,) = problems(pipeline(""), pipeline("").replace('"a"', '"b"'))

    assert (found.file, found.path, found.code) == ("pipelines/b.toml", "pipeline.orders.id", "duplicate_id")
    assert "in hakiri.toml:2 already" in found.message


def test_a_section_may_stand_in_one_file() -> None:
    (found,) = problems('[project]\nname = "a"', '[project]\nversion = "1"')

    assert (found.path, found.code) == ("project", "duplicate_section")


def test_two_tables_may_not_land_under_one_name() -> None:
    other = pipeline("").replace('"orders"', '"ord"').replace('["a"]', '["ers_a", "s"]')
    mine = pipeline("").replace('"orders"', '"ord-ers"')

    (found,) = problems(mine, other)

    assert (found.file, found.path, found.code) == ("pipelines/b.toml", "pipeline.ord.tables.ers_a", "landed_name")
    assert landed_name("meta-ads", "Insights é") == "meta_ads_insights__"


def test_a_secret_that_is_used_must_be_listed() -> None:
    (found,) = problems(pipeline("", config='config = { token = "${secret:SHOP}" }'))

    assert (found.path, found.code) == ("pipeline.orders.source.config.token", "secret_not_listed")
    assert 'write secrets = ["SHOP"]' in found.expected


@pytest.mark.parametrize("text", ["${secret:}", "${secret:a b}", "${secret:SHOP", "secret://shop", "${secret:shop}"])
def test_a_malformed_reference_to_a_secret_is_refused(text: str) -> None:
    found = problems(pipeline('secrets = ["SHOP"]', config=f'config = {{ note = "{text}" }}'))

    assert found[0].code == "secret_reference"


def test_what_has_no_effect_is_a_warning() -> None:
    manifest = read(pipeline('secrets = ["SHOP"]\ntimezone = "Asia/Tokyo"\ncatchup_limit = 3\nqueries = ["x"]'))

    assert [(warning.path, warning.code) for warning in manifest.warnings] == [
        ("pipeline.orders.timezone", "no_effect"),
        ("pipeline.orders.catchup_limit", "no_effect"),
        ("pipeline.orders.secrets[0]", "unused_secret"),
        ("pipeline.orders.queries", "not_acted_on"),
    ]


def test_keys_that_are_not_acted_on_are_kept() -> None:
    manifest = read(
        pipeline('inference_zone_allowed = ["local"]').replace('["a"]', '[{ name = "a", pii_type = "phi" }]')
    )

    (orders,) = manifest.pipelines
    assert orders.carried == {"inference_zone_allowed": ["local"]}
    assert orders.tables[0].carried == {"pii_type": "phi"}
