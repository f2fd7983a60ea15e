"""Parameters that many routes take."""

from __future__ import annotations

from typing import Annotated

from litestar.params import Dependency, Parameter

from appliance.core.limits import PAGE_SIZE_MAX
from appliance.entrypoints.http.idempotency import Ask

Asked = Annotated[Ask, Dependency(skip_validation=True)]

Limit = Annotated[int, Parameter(ge=1, le=PAGE_SIZE_MAX, description="How many items a page has at most.")]
Before = Annotated[str | None, Parameter(max_length=512, description="The `next` of the page before.")]

# Integers that every store and every JSON reader can hold.
LARGEST = 2**53
