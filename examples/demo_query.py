"""The end of the demo: DuckDB, with nothing of ours in it, reads the Parquet that landed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

_DELAYS = """
SELECT airlines.name AS airline,
       count(*) AS flights,
       round(avg(dep_delay), 1) AS "mean delay, min",
       round(100 * avg((dep_delay > 15)::int))::int || ' %' AS late,
       count(DISTINCT planes.tailnum) AS planes
FROM flights_flights AS flights
JOIN reference_airlines AS airlines USING (carrier)
LEFT JOIN reference_planes AS planes USING (tailnum)
GROUP BY airline ORDER BY flights DESC LIMIT 8
"""


@dataclass(frozen=True)
class Landed:
    """What was found. `view` is the path of one of the generated views, from the store's root."""

    text: str
    view: str
    is_complete: bool


def look(store: Path, *, source: Mapping[str, int]) -> Landed:
    """Count every table against the source, and ask one question that needs all of them."""
    with duckdb.connect() as database:
        for name in source:
            database.execute((store / "views" / f"{name}.sql").read_text())
        counts = [(name, rows, _count(database, name)) for name, rows in source.items()]
        cursor = database.execute(_DELAYS)
        heads = [column[0] for column in cursor.description or ()]
        delays = cursor.fetchall()
    verdict = [
        (name, f"{rows:,}", f"{landed:,}", "=" if rows == landed else "DIFFERS") for name, rows, landed in counts
    ]
    text = [
        "DuckDB reads the Parquet through the generated views: late departures from New York",
        "",
        *_table(heads, [[str(cell) for cell in row] for row in delays]),
        "",
        *_table(("table", "rows at the source", "rows in the view", ""), verdict),
    ]
    return Landed("\n".join(text), f"views/{next(iter(source))}.sql", all(rows == found for _, rows, found in counts))


def _count(database: duckdb.DuckDBPyConnection, view: str) -> int:
    found = database.execute(f'SELECT count(*) FROM "{view}"').fetchone()  # noqa: S608 - names of our own
    return int(found[0]) if found else 0


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[place]) for row in [heads, *rows]) for place in range(len(heads))]
    return [
        _line(heads, widths),
        _line(["─" * width for width in widths], widths),
        *(_line(row, widths) for row in rows),
    ]


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = zip(cells, widths, strict=True)
    text = [f"{first[0]:<{first[1]}}", *(f"{cell:>{width}}" for cell, width in others)]
    return "  " + "  ".join(text).rstrip()
