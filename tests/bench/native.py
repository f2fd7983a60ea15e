"""arro3 alone from a CSV file to a Parquet file: `python -m tests.bench.native CSV PARQUET`."""

from __future__ import annotations

import sys
from pathlib import Path

from arro3.io import infer_csv_schema, read_csv, write_parquet

from connectors_runtime.pages import COMPRESSION, ROW_GROUP_ROWS


def main(source: Path, target: Path) -> None:
    """Streams: batch by batch, the same compression and row groups as ours."""
    schema = infer_csv_schema(str(source), has_header=True, max_records=1000)
    batches = read_csv(str(source), schema, has_header=True)
    write_parquet(batches, str(target), compression=COMPRESSION, max_row_group_size=ROW_GROUP_ROWS)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
