"""Log lines of this process: for people or as JSON, and no secret in either."""

from __future__ import annotations

import json
import logging
import re
import sys
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import TextIO

from appliance.settings import LogFormat, Settings

_TOKEN = re.compile(r"hak_[A-Za-z0-9]+_[A-Za-z0-9]+")
_HIDDEN = "[secret]"

# Shorter values would turn ordinary words into holes.
SECRET_CHARS = 4

# Files of secrets may be replaced while we run; they are read again after so many seconds.
REREAD = 30.0
SECRET_BYTES = 64 << 10

# What a line may carry besides its message.
FIELDS = ("request_id", "member", "seconds", "run")


def set_up_logging(settings: Settings, stream: TextIO | None = None) -> None:
    """Send everything that is logged in this process to `stream` (standard error), replacing what was set up."""
    mask = Mask(settings)
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines(mask) if settings.log_format is LogFormat.JSON else ConsoleLines(mask))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(settings.log_level.upper())
    for noisy in ("httpx", "urllib3", "huey", "asyncio"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, root.level))


class Mask:
    """Takes tokens and the values of configured secrets out of a text."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._read_at = float("-inf")
        self._secrets: re.Pattern[str] | None = None

    def __call__(self, text: str) -> str:
        if time.monotonic() - self._read_at > REREAD:
            self._read_at = time.monotonic()
            self._secrets = _any_of(self._values())
        masked = _TOKEN.sub("hak_" + _HIDDEN, text)
        return self._secrets.sub(_HIDDEN, masked) if self._secrets else masked

    def _values(self) -> Iterator[str]:
        yield from self._settings.secrets.values()
        yield self._settings.bucket_key_secret or ""
        folder = self._settings.secrets_dir
        try:
            paths = list(folder.iterdir()) if folder else []
        except OSError:
            paths = []
        for path in paths:
            try:
                with path.open(encoding="utf-8", errors="replace") as file:
                    yield file.read(SECRET_BYTES).strip()
            except OSError:
                continue


class JsonLines(logging.Formatter):
    """One JSON object a line."""

    def __init__(self, mask: Mask) -> None:
        super().__init__()
        self._mask = mask

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "at": _at(record).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": self._mask(record.getMessage()),
            **dict(_fields(record)),
        }
        if record.exc_info:
            # Before it becomes JSON, whose escapes would hide a secret from the mask.
            line["traceback"] = self._mask(self.formatException(record.exc_info))
        return json.dumps(line, ensure_ascii=False, default=str)


class ConsoleLines(logging.Formatter):
    """A line that people read: time, level, message, fields."""

    def __init__(self, mask: Mask) -> None:
        super().__init__()
        self._mask = mask

    def format(self, record: logging.LogRecord) -> str:
        fields = "".join(f" {name}={value}" for name, value in _fields(record))
        # A line break in a message must not look like a line of its own.
        message = record.getMessage().replace("\r", "\\r").replace("\n", "\\n")
        text = f"{_at(record):%Y-%m-%d %H:%M:%S} {record.levelname.lower():7} {record.name}: {message}{fields}"
        if record.exc_info:
            text = f"{text}\n{self.formatException(record.exc_info)}"
        return self._mask(text)


def _at(record: logging.LogRecord) -> datetime:
    return datetime.fromtimestamp(record.created, UTC)


def _fields(record: logging.LogRecord) -> Iterator[tuple[str, object]]:
    for name in FIELDS:
        value = getattr(record, name, None)
        if value is not None:
            yield name, value


def _any_of(values: Iterable[str]) -> re.Pattern[str] | None:
    """The longest first: a secret may begin with another."""
    long = sorted({value for value in values if len(value) >= SECRET_CHARS}, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, long))) if long else None
