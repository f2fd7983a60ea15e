"""A migration never changes once it is listed in migrations/DIGESTS: somebody's data was made with it."""

from __future__ import annotations

import hashlib
import re

from tests.architecture.sources import ROOT

FOLDER = ROOT / "migrations"
LISTED = FOLDER / "DIGESTS"

_LINE = re.compile(r"(?P<digest>[0-9a-f]{64})  (?P<name>[0-9]{4}_[a-z0-9_]+\.sql)")


def _listed() -> dict[str, str]:
    matches = [_LINE.fullmatch(line) for line in LISTED.read_text().splitlines()]
    assert all(matches), f"{LISTED.name}: every line is `<sha256>  NNNN_name.sql`"
    return {match["name"]: match["digest"] for match in matches if match}


def _present() -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(FOLDER.glob("*.sql"))}


def test_no_listed_migration_changed_or_went_away() -> None:
    present = _present()

    changed = [name for name, digest in _listed().items() if present.get(name) != digest]

    assert changed == [], "write the next migration instead"


def test_every_migration_is_listed() -> None:
    assert set(_present()) - set(_listed()) == set(), "cd migrations && sha256sum NNNN_name.sql >> DIGESTS"


def test_migrations_are_numbered_without_gaps() -> None:
    numbers = [int(name[:4]) for name in _present()]

    assert numbers == list(range(1, len(numbers) + 1))


def test_the_list_is_in_order() -> None:
    assert list(_listed()) == sorted(_listed())
