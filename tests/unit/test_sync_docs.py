"""docs/sync-protocol.md says the numbers that hold."""

from __future__ import annotations

import re
from pathlib import Path

from appliance.core import limits
from appliance.core.sync.fragments import MOST_FRAGMENTS
from appliance.core.sync.frames import Status
from appliance.entrypoints.ws.admission import BAD_TOKENS
from appliance.entrypoints.ws.budget import BURST_SECONDS
from appliance.entrypoints.ws.hub import Limits

PAGE = (Path(__file__).parents[2] / "docs" / "sync-protocol.md").read_text(encoding="utf-8")
LIMIT = re.compile(r"^\| `([A-Z_]+)` \| ([0-9]+) \| ", re.MULTILINE)


def test_the_documented_limits_are_those_of_the_code() -> None:
    documented = {name: int(number) for name, number in LIMIT.findall(PAGE)}

    assert documented == {name: getattr(limits, name) for name in documented}
    assert documented.keys() >= {name for name in vars(limits) if name.startswith(("SYNC_", "PRESENCE_"))}
    assert f"at most {MOST_FRAGMENTS:,} of them" in PAGE


def test_the_documented_times_of_a_connection_are_those_of_the_code() -> None:
    told, ours = " ".join(PAGE.split()), Limits()

    assert f"looked at every {ours.check_tokens:.0f} s" in told
    assert f"says nothing for {ours.silent:.0f} s" in told
    assert f"takes nothing for {ours.stuck:.0f} s" in told
    assert f"a server with {ours.connections:,} connections" in told
    assert (BAD_TOKENS, BURST_SECONDS) == (3, 2)


def test_the_documented_statuses_are_numbered_as_in_the_code() -> None:
    documented = {
        name: int(code, 16) for code, name in re.findall(r"^\| 0x([0-9a-f]{2}) ([a-z ]+) \|", PAGE, re.MULTILINE)
    }

    assert documented == {
        "ok": Status.OK,
        "permission denied": Status.DENIED,
        "invalid update": Status.INVALID,
        "payload too large": Status.TOO_LARGE,
        "rate limited": Status.RATE_LIMITED,
        "fragment timeout": Status.FRAGMENT_TIMEOUT,
    }
