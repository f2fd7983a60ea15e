"""Every HAKIRI_* variable, read once into a frozen object."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from appliance.core.errors import Invalid
from appliance.core.limits import SYNC_MESSAGES_PER_SECOND

Choice = TypeVar("Choice", bound=StrEnum)

HOST = "127.0.0.1"
PORT = 8080
PORT_MAX = 65_535
KEEP_DAYS = 90
KEEP_DAYS_MAX = 3_650
WORKERS_MAX = 256
SYNC_RATE_MAX = 100_000
LONGEST_NUMBER = 9
SHOWN = 80


class InvalidSetting(Invalid):
    """An environment variable cannot be used as it is."""

    code = "invalid_setting"


class Profile(StrEnum):
    """Which substrate carries the ports."""

    SELFHOSTED = "selfhosted"


class LogFormat(StrEnum):
    CONSOLE = "console"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class Settings:
    """How this installation runs. Field by field, the variables are described in docs/settings.md."""

    profile: Profile = Profile.SELFHOSTED
    data: Path = Path("data")
    host: str = HOST
    port: int = PORT
    workers: int = 16
    bucket: str | None = None
    bucket_endpoint: str | None = None
    bucket_region: str = "us-east-1"
    bucket_single_writer: bool = False
    bucket_key_id: str | None = None
    bucket_key_secret: str | None = field(default=None, repr=False)
    files_root: Path | None = None
    secrets_dir: Path | None = None
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    connectors_dir: Path | None = None
    keep_days: int = KEEP_DAYS
    sync_rate: int = SYNC_MESSAGES_PER_SECOND
    log_format: LogFormat = LogFormat.CONSOLE
    log_level: str = "info"

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Settings:
        """Raises InvalidSetting, naming the variable and what it may be."""
        known = _Variables(environment)
        settings = cls._read(known)
        known.refuse_unknown()
        return settings

    @classmethod
    def _read(cls, known: _Variables) -> Settings:
        host, port = known.address("HAKIRI_BIND", HOST, PORT)
        return cls(
            profile=known.choice("HAKIRI_PROFILE", Profile, Profile.SELFHOSTED),
            data=known.path("HAKIRI_DATA") or Path("data").absolute(),
            host=host,
            port=port,
            workers=known.number("HAKIRI_WORKERS", 16, 1, WORKERS_MAX),
            bucket=known.text("HAKIRI_BUCKET"),
            bucket_endpoint=known.text("HAKIRI_BUCKET_ENDPOINT"),
            bucket_region=known.text("HAKIRI_BUCKET_REGION") or "us-east-1",
            bucket_single_writer=known.one_of("HAKIRI_BUCKET_SINGLE_WRITER", ("no", "yes"), "no") == "yes",
            bucket_key_id=known.text("HAKIRI_SYNC_KEY_ID"),
            bucket_key_secret=known.text("HAKIRI_SYNC_KEY_SECRET"),
            files_root=known.path("HAKIRI_FILES_ROOT"),
            secrets_dir=known.path("HAKIRI_SECRETS_DIR"),
            secrets=known.secrets("HAKIRI_SECRET_"),
            connectors_dir=known.path("HAKIRI_CONNECTORS_DIR"),
            keep_days=known.number("HAKIRI_KEEP_DAYS", KEEP_DAYS, 1, KEEP_DAYS_MAX),
            sync_rate=known.number("HAKIRI_SYNC_RATE", SYNC_MESSAGES_PER_SECOND, 1, SYNC_RATE_MAX),
            log_format=known.choice("HAKIRI_LOG_FORMAT", LogFormat, LogFormat.CONSOLE),
            log_level=known.one_of("HAKIRI_LOG_LEVEL", ("debug", "info", "warning", "error"), "info"),
        )


# Read by the command line's client, not by the server.
CLIENT_VARIABLES = ("HAKIRI_URL", "HAKIRI_TOKEN")


class _Variables:
    """Reads variables and remembers which ones anybody knew."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._known = set(CLIENT_VARIABLES)
        self._prefixes: list[str] = []

    def text(self, name: str) -> str | None:
        self._known.add(name)
        return self._environment.get(name) or None

    def path(self, name: str) -> Path | None:
        text = self.text(name)
        return Path(text).absolute() if text else None

    def one_of(self, name: str, choices: tuple[str, ...], default: str) -> str:
        text = self.text(name) or default
        if text not in choices:
            raise InvalidSetting(f"{name}={text[:SHOWN]!r}: must be one of {', '.join(choices)}")
        return text

    def choice(self, name: str, kind: type[Choice], default: Choice) -> Choice:
        return kind(self.one_of(name, tuple(kind), default))

    def number(self, name: str, default: int, least: int, most: int) -> int:
        text = self.text(name)
        if text is None:
            return default
        if not _is_number(text) or not least <= int(text) <= most:
            raise InvalidSetting(f"{name}={text[:SHOWN]!r}: must be a whole number from {least} to {most}")
        return int(text)

    def address(self, name: str, host: str, port: int) -> tuple[str, int]:
        text = self.text(name)
        if text is None:
            return host, port
        given_host, _, given_port = text.rpartition(":")
        if not _is_number(given_port) or int(given_port) > PORT_MAX:
            raise InvalidSetting(f"{name}={text[:SHOWN]!r}: must be host:port, such as 127.0.0.1:8080 or 0.0.0.0:8080")
        return given_host.strip("[]") or host, int(given_port)

    def secrets(self, prefix: str) -> dict[str, str]:
        self._prefixes.append(prefix)
        return {
            name.removeprefix(prefix): value
            for name, value in self._environment.items()
            if name.startswith(prefix) and value
        }

    def refuse_unknown(self) -> None:
        """A misspelt variable must not be silently without effect."""
        for name in self._environment:
            if name.startswith("HAKIRI_") and name not in self._known and not name.startswith(tuple(self._prefixes)):
                raise InvalidSetting(f"{name}: there is no such variable; known are {', '.join(sorted(self._known))}")


def _is_number(text: str) -> bool:
    """Python reads digits of every script, and refuses to read thousands of them."""
    return text.isascii() and text.isdigit() and len(text) <= LONGEST_NUMBER
