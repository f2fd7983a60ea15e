"""Every variable is read, and one that cannot be meant is named with what it may be."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from appliance.core.errors import Invalid
from appliance.settings import CLIENT_VARIABLES, LogFormat, Profile, Settings

# Each variable with a good value, its field and what the field is then.
GOOD: list[tuple[str, str, str, object]] = [
    ("HAKIRI_PROFILE", "selfhosted", "profile", Profile.SELFHOSTED),
    ("HAKIRI_DATA", "/srv/data", "data", Path("/srv/data")),
    ("HAKIRI_DATA", "here", "data", Path("here").absolute()),
    ("HAKIRI_BIND", "0.0.0.0:80", "host", "0.0.0.0"),  # noqa: S104 - a setting, nothing is bound
    ("HAKIRI_BIND", "0.0.0.0:80", "port", 80),
    ("HAKIRI_BIND", "[::1]:8081", "host", "::1"),
    ("HAKIRI_BIND", ":8081", "host", "127.0.0.1"),
    ("HAKIRI_BIND", "8081", "port", 8081),
    ("HAKIRI_WORKERS", "1", "workers", 1),
    ("HAKIRI_WORKERS", "256", "workers", 256),
    ("HAKIRI_BUCKET", "s3://bucket/prefix", "bucket", "s3://bucket/prefix"),
    ("HAKIRI_BUCKET_ENDPOINT", "http://127.0.0.1:9000", "bucket_endpoint", "http://127.0.0.1:9000"),
    ("HAKIRI_BUCKET_REGION", "eu-central-1", "bucket_region", "eu-central-1"),
    ("HAKIRI_BUCKET_SINGLE_WRITER", "yes", "bucket_single_writer", True),
    ("HAKIRI_SYNC_KEY_ID", "id", "bucket_key_id", "id"),
    ("HAKIRI_SYNC_KEY_SECRET", "key", "bucket_key_secret", "key"),
    ("HAKIRI_FILES_ROOT", "/mnt/files", "files_root", Path("/mnt/files")),
    ("HAKIRI_SECRETS_DIR", "/run/secrets", "secrets_dir", Path("/run/secrets")),
    ("HAKIRI_SECRET_TOKEN", "value", "secrets", {"TOKEN": "value"}),
    ("HAKIRI_CONNECTORS_DIR", "/opt/connectors", "connectors_dir", Path("/opt/connectors")),
    ("HAKIRI_KEEP_DAYS", "1", "keep_days", 1),
    ("HAKIRI_SYNC_RATE", "100000", "sync_rate", 100_000),
    ("HAKIRI_LOG_FORMAT", "json", "log_format", LogFormat.JSON),
    ("HAKIRI_LOG_LEVEL", "debug", "log_level", "debug"),
]

BAD: list[tuple[str, str, str]] = [
    ("HAKIRI_PROFILE", "cloud", "must be one of selfhosted"),
    ("HAKIRI_PROFILE", "SELFHOSTED", "must be one of selfhosted"),
    ("HAKIRI_BUCKET_SINGLE_WRITER", "true", "must be one of no, yes"),
    ("HAKIRI_LOG_FORMAT", "xml", "must be one of console, json"),
    ("HAKIRI_LOG_LEVEL", "INFO", "must be one of debug, info, warning, error"),
    *(
        ("HAKIRI_WORKERS", text, "must be a whole number from 1 to 256")
        for text in ("0", "257", "-1", "1.5", "many", " 1", "1_0", "٣", "²", "9" * 5000, "1e2")
    ),
    *(
        ("HAKIRI_KEEP_DAYS", text, "must be a whole number from 1 to 3650")
        for text in ("0", "3651", "for ever", "9" * 5000)
    ),
    *(
        ("HAKIRI_BIND", text, "must be host:port")
        for text in ("localhost", "127.0.0.1:", "127.0.0.1:http", "127.0.0.1:65536", "127.0.0.1:-1", ":" + "9" * 5000)
    ),
]


@pytest.mark.parametrize(("name", "text", "field", "value"), GOOD)
def test_a_variable_is_read(name: str, text: str, field: str, value: object) -> None:
    assert getattr(Settings.read({name: text}), field) == value


@pytest.mark.parametrize(("name", "text", "says"), BAD, ids=range(len(BAD)))
def test_a_value_that_cannot_be_meant_is_named_with_what_it_may_be(name: str, text: str, says: str) -> None:
    with pytest.raises(Invalid) as refused:
        Settings.read({name: text})

    assert refused.value.code == "invalid_setting"
    assert str(refused.value).startswith(f"{name}=")
    assert says in str(refused.value)
    assert len(str(refused.value)) < 1000, "an answer that is too long to read says nothing"


def test_every_field_is_read_from_a_variable() -> None:
    assert {field.name for field in fields(Settings)} == {field for _, _, field, _ in GOOD}


def test_without_variables_it_serves_this_machine_alone_from_the_current_directory() -> None:
    settings = Settings.read({})

    assert (settings.host, settings.port) == ("127.0.0.1", 8080)
    assert settings.data == Path("data").absolute()
    assert settings.bucket is None


def test_an_empty_variable_is_one_that_is_not_set() -> None:
    assert Settings.read({name: "" for name, *_ in GOOD}) == Settings.read({})


@pytest.mark.parametrize("name", ["HAKIRI_WORKER", "HAKIRI_", "HAKIRI_SECRETS", "HAKIRI_data", "HAKIRI_DATA_"])
def test_a_variable_that_nobody_knows_is_refused_and_its_value_is_not_shown(name: str) -> None:
    with pytest.raises(Invalid, match=f"{name}: there is no such variable; known are .*HAKIRI_WORKERS") as refused:
        Settings.read({name: "s3cret"})

    assert "s3cret" not in str(refused.value)


def test_other_peoples_variables_and_the_command_lines_own_are_let_be() -> None:
    others = dict.fromkeys((*CLIENT_VARIABLES, "PATH", "HAKIRI", "NOT_HAKIRI_X"), "x")

    assert Settings.read(others) == Settings.read({})


def test_no_secret_is_shown_by_accident() -> None:
    settings = Settings.read({"HAKIRI_SECRET_TOKEN": "s3cret", "HAKIRI_SYNC_KEY_SECRET": "s3cret"})

    assert "s3cret" not in repr(settings)
    assert "s3cret" not in str(settings)
