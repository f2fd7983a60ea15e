"""Bring a catalog to this version's tables, once, in order; refuse one that is newer."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from appliance.adapters.sql.gateway import SqlGateway, Statement
from appliance.adapters.sql.times import iso
from appliance.core.errors import Conflict

_CREATE = """
CREATE TABLE IF NOT EXISTS migration (
  version INTEGER PRIMARY KEY, name TEXT NOT NULL, digest TEXT NOT NULL, applied_at TEXT NOT NULL
) STRICT
"""


class NewerCatalog(Conflict):
    """The data directory was used by a newer version, or by other migrations."""

    code = "newer_catalog"


@dataclass(frozen=True, slots=True)
class Migration:
    """One file of `migrations/`."""

    version: int
    name: str
    sql: str

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()

    def statements(self) -> list[Statement]:
        bare = re.sub(r"--[^\n]*", "", self.sql)
        return [Statement(part) for part in bare.split(";") if part.strip()]


def read_migrations(directory: Path) -> list[Migration]:
    """All migrations, in order."""
    return [Migration(int(path.name[:4]), path.stem, path.read_text()) for path in sorted(directory.glob("*.sql"))]


def migrate(gateway: SqlGateway, migrations: Iterable[Migration], now: datetime) -> list[Migration]:
    """Apply what is missing, each migration in one transaction; return what was applied. Raises NewerCatalog."""
    gateway.batch([Statement(_CREATE)])
    known = {migration.version: migration for migration in migrations}
    applied: dict[int, str] = dict(gateway.query(Statement("SELECT version, digest FROM migration ORDER BY version")))
    for version, digest in applied.items():
        if version not in known:
            raise NewerCatalog(
                f"the data directory has migration {version}, this version knows up to {max(known)}: "
                "start the newer version, or restore a backup from before the upgrade"
            )
        if known[version].digest != digest:
            raise NewerCatalog(f"migration {known[version].name} is not the one that the data directory was made with")
    missing = [migration for version, migration in sorted(known.items()) if version not in applied]
    for migration in missing:
        note = Statement(
            "INSERT INTO migration (version, name, digest, applied_at) VALUES (?, ?, ?, ?)",
            (migration.version, migration.name, migration.digest, iso(now)),
        )
        gateway.batch([*migration.statements(), note])
    return missing
