"""Reading JSON bodies: one place that turns whatever cannot be meant into a reason that names the field."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from appliance.core.errors import Invalid

T = TypeVar("T")


def read_json(body: bytes, kind: type[T]) -> T:
    """Raises Invalid."""
    if not body:
        raise Invalid("a JSON body is needed")
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        raise Invalid(_by_field(str(error))) from None
    except msgspec.DecodeError as error:
        raise Invalid(f"the body is not JSON: {error}") from None
    except UnicodeDecodeError:
        raise Invalid("the body is not JSON: it is not UTF-8") from None


def _by_field(message: str) -> str:
    """`name: Expected str, got int` out of "Expected `str`, got `int` - at `$.name`"."""
    said, _, place = message.replace("`", "").partition(" - at $")
    place = place.removeprefix(".")
    return f"{place}: {said}" if place else said
