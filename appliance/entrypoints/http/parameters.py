"""Parameters that many routes take."""

from __future__ import annotations

from typing import Annotated

from litestar.di import NamedDependency
from litestar.params import QueryParameter, SkipValidation

from appliance.core.limits import PAGE_SIZE_MAX
from appliance.entrypoints.http.idempotency import Ask

Asked = NamedDependency[SkipValidation[Ask]]

Limit = Annotated[int, QueryParameter(ge=1, le=PAGE_SIZE_MAX, description="How many items a page has at most.")]
Before = Annotated[str | None, QueryParameter(max_length=512, description="The `next` of the page before.")]

# Integers that every store and every JSON reader can hold.
LARGEST = 2**53
