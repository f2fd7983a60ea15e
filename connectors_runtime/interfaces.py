"""The functions of `hakiri:connector`, imported and exported, with their types. Pure; follows wit/connector.wit."""

from __future__ import annotations

from dataclasses import dataclass

from .abi import Bool, Bytes, Enum, Scalar, Text, Type
from .abi_compound import ListOf, Option, Record, Variant, result
from .contract import ArrowIpc, Batch, Csv, Ndjson, ParquetPart

PACKAGE = "hakiri:connector"
# "1" is what the tools write for 1.0.0; some guests write the minor version too.
VERSIONS = ("1", "1.0")


@dataclass(frozen=True, slots=True)
class Function:
    """A WIT function."""

    params: tuple[Type, ...]
    result: Type | None = None


U16, U32, U64 = Scalar("H"), Scalar("I"), Scalar("Q")
READ_HANDLE = Scalar("I", handle=True)
TEXT = Text()
RAW_TEXT = Bytes(text=True)
DATA_TYPE = Enum(("boolean", "int64", "float64", "text", "bytes", "timestamp-micros", "json"))
FIELD = Record((("name", TEXT), ("data-type", DATA_TYPE), ("nullable", Bool())))
TABLE = Record((("name", TEXT), ("fields", ListOf(FIELD)), ("primary-key", ListOf(TEXT))))
PARQUET_PART = Record((("path", TEXT), ("first-row-group", U32), ("row-groups", U32)))
BATCH = Variant((("ndjson", RAW_TEXT), ("csv", RAW_TEXT), ("arrow-ipc", Bytes()), ("parquet", PARQUET_PART)))
ERROR = Variant(
    (
        ("transient", TEXT),
        ("permanent", TEXT),
        ("auth-expired", TEXT),
        ("rate-limited", U32),
        ("schema-incompatible", TEXT),
    )
)
HEADERS = ListOf(Record((("0", TEXT), ("1", TEXT))))
REQUEST = Record((("method", TEXT), ("url", TEXT), ("headers", HEADERS), ("body", Option(TEXT)), ("timeout-ms", U32)))
RESPONSE = Record((("status", U16), ("headers", HEADERS), ("body", U32)))
HTTP_ERROR = Variant((("denied", TEXT), ("timeout", None), ("connect", TEXT), ("too-large", U64), ("other", TEXT)))
ENTRY = Record((("path", TEXT), ("size", U64), ("modified-ms", U64)))
FILE_ERROR = Variant((("denied", TEXT), ("not-found", TEXT), ("other", TEXT)))
LEVEL = Enum(("debug", "info", "warning", "error"))

IMPORTS: dict[str, dict[str, Function]] = {
    "http": {
        "send": Function((REQUEST,), result(RESPONSE, HTTP_ERROR)),
        "read-bytes": Function((U32, U32), result(Option(Bytes()), HTTP_ERROR)),
        "read-text": Function((U32, U32), result(Option(RAW_TEXT), HTTP_ERROR)),
        "close": Function((U32,)),
    },
    "files": {
        "find": Function((TEXT,), result(ListOf(ENTRY), FILE_ERROR)),
        "read-text": Function((TEXT, U64, U32), result(Option(RAW_TEXT), FILE_ERROR)),
        "read-bytes": Function((TEXT, U64, U32), result(Option(Bytes()), FILE_ERROR)),
        "row-groups": Function((TEXT,), result(U32, FILE_ERROR)),
    },
    "log": {"log": Function((LEVEL, TEXT))},
}
NEXT, CURSOR = "[method]read-handle.next", "[method]read-handle.cursor"
EXPORTS: dict[str, Function] = {
    "discover": Function((TEXT,), result(ListOf(TABLE), ERROR)),
    "open": Function((TEXT, TEXT, Option(TEXT)), result(READ_HANDLE, ERROR)),
    NEXT: Function((READ_HANDLE,), result(Option(BATCH), ERROR)),
    CURSOR: Function((READ_HANDLE,), TEXT),
}


def batch(value: tuple[str, object]) -> Batch:
    """The batch in a plain variant value."""
    match value:
        case ("ndjson", bytes(text)):
            return Ndjson(text)
        case ("csv", bytes(text)):
            return Csv(text)
        case ("arrow-ipc", bytes(data)):
            return ArrowIpc(data)
        case ("parquet", (str(path), int(first), int(count))):
            return ParquetPart(path, first, count)
    raise AssertionError(value[0])
