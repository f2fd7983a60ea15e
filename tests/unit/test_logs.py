"""Log lines carry what they should and no secret."""

from __future__ import annotations

import io
import json
import logging
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.entrypoints import logs
from appliance.entrypoints.logs import set_up_logging
from appliance.settings import LogFormat, Settings

TOKEN = "hak_0123456789ab_" + "f" * 64


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers = handlers
    root.setLevel(level)


def _logged(settings: Settings, message: str, *arguments: object, **extra: object) -> str:
    stream = io.StringIO()
    set_up_logging(settings, stream)
    logging.getLogger("hakiri.test").warning(message, *arguments, extra=extra)
    return stream.getvalue()


@pytest.mark.parametrize("form", LogFormat)
def test_no_form_shows_a_token_or_a_configured_secret(form: LogFormat, tmp_path: Path) -> None:
    (tmp_path / "SHOP_KEY").write_text("from-a-file\n")
    settings = Settings(
        log_format=form,
        secrets={"A": 'quote"d\\secret', "B": "quote"},
        bucket_key_secret="bucket-secret",
        secrets_dir=tmp_path,
    )

    said = _logged(settings, 'got %s, quote"d\\secret, bucket-secret and from-a-file', TOKEN)

    assert TOKEN[-64:] not in said
    assert said.count("[secret]") == 4
    for secret in ("secret,", "bucket-secret", "from-a-file", "quote"):
        assert secret not in said


@pytest.mark.parametrize("form", LogFormat)
def test_a_traceback_is_masked_too(form: LogFormat) -> None:
    stream = io.StringIO()
    set_up_logging(Settings(log_format=form, secrets={"A": "hunter22"}), stream)

    try:
        int(f"no number with hunter22 and {TOKEN}")
    except ValueError:
        logging.getLogger("hakiri.test").exception("it broke")

    said = stream.getvalue()
    assert "no number with [secret] and hak_[secret]" in said
    assert "hunter22" not in said


def test_a_secret_that_was_rotated_is_masked_without_a_restart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "REREAD", 0.0)
    (tmp_path / "KEY").write_text("first-value")
    stream = io.StringIO()
    set_up_logging(Settings(secrets_dir=tmp_path), stream)
    logger = logging.getLogger("hakiri.test")

    logger.warning("with first-value")
    (tmp_path / "KEY").write_text("second-value")
    time.sleep(0.001)
    logger.warning("with second-value")

    assert stream.getvalue().count("with [secret]") == 2


def test_json_is_one_object_a_line_with_its_fields() -> None:
    said = _logged(Settings(log_format=LogFormat.JSON), "first\nsecond", request_id="r1", member="alice")

    [line] = said.splitlines()
    told = json.loads(line)
    assert told.pop("at").endswith("Z")
    assert told == {
        "level": "warning",
        "logger": "hakiri.test",
        "message": "first\nsecond",
        "request_id": "r1",
        "member": "alice",
    }


def test_a_message_cannot_forge_a_console_line() -> None:
    said = _logged(Settings(), "hello\r\n2026-06-01 00:00:00 error   hakiri: all is lost", run="a@1")

    assert len(said.splitlines()) == 1
    assert said.endswith(" run=a@1\n")


def test_the_level_is_the_settings() -> None:
    stream = io.StringIO()
    set_up_logging(Settings(log_level="error"), stream)

    logging.getLogger("hakiri.test").warning("not this")
    logging.getLogger("hakiri.test").error("but this")

    assert "not this" not in stream.getvalue()
    assert "but this" in stream.getvalue()
