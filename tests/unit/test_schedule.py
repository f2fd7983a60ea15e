"""The schedule grammar, the golden vectors, and the names of runs."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import process_time
from typing import TypedDict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.core.errors import Invalid
from appliance.core.schedule import Schedule, expected, next_fire, parse, parse_run_id, run_id, upcoming


class DueCase(TypedDict, total=False):
    why: str
    text: str
    zone: str
    after: str
    armed_at: str
    moments: list[str]


class RunIdCase(TypedDict):
    pipeline: str
    due_at: str
    n: int | None
    id: str


class Vectors(TypedDict):
    due: list[DueCase]
    canonical: list[list[str]]
    refused: list[dict[str, str]]
    zones_refused: list[dict[str, str]]
    run_ids: list[RunIdCase]


def vectors() -> Vectors:
    text = (Path(__file__).parents[1] / "vectors" / "cron.json").read_text(encoding="utf-8")
    loaded: Vectors = json.loads(text)
    return loaded


VECTORS = vectors()
JUNE = datetime(2026, 6, 1, tzinfo=UTC)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize("case", VECTORS["due"], ids=lambda case: f"{case['text']} {case['why']}")
def test_the_golden_vectors_hold(case: DueCase) -> None:
    schedule, after = parse(case["text"], case["zone"]), at(case["after"])
    armed_at = at(case["armed_at"]) if "armed_at" in case else after

    moments = upcoming(schedule, after, armed_at, len(case["moments"]))

    assert moments == [at(moment) for moment in case["moments"]]
    assert expected(schedule, after, moments[-1], armed_at, 0).count == len(moments)


@pytest.mark.parametrize(("text", "canonical"), VECTORS["canonical"])
def test_schedules_that_read_the_same_are_equal(text: str, canonical: str) -> None:
    assert parse(text) == parse(canonical)
    assert str(parse(text)) == canonical


@pytest.mark.parametrize("case", VECTORS["refused"], ids=lambda case: case["text"])
def test_what_is_not_a_schedule_is_refused_with_advice(case: dict[str, str]) -> None:
    with pytest.raises(Invalid) as refusal:
        parse(case["text"])

    assert case["advice"] in str(refusal.value)


@pytest.mark.parametrize("case", VECTORS["zones_refused"], ids=lambda case: case["zone"])
def test_an_unknown_zone_is_refused_with_the_closest_names(case: dict[str, str]) -> None:
    with pytest.raises(Invalid) as refusal:
        parse("every 1h", case["zone"])

    assert case["advice"] in str(refusal.value)


@pytest.mark.parametrize("hostile", ["* " * 500, "1," * 5_000 + "1 * * * *", "every " + "9" * 10_000 + "d"])
def test_an_oversized_schedule_is_refused_in_a_short_message(hostile: str) -> None:
    with pytest.raises(Invalid, match="at most 200 characters") as refusal:
        parse(hostile)

    assert len(str(refusal.value)) < 200


@pytest.mark.parametrize("hostile", ["x" * 100_000, "Europe/Berlin\0", "\ud800"])
def test_a_hostile_zone_is_refused_in_a_short_message(hostile: str) -> None:
    with pytest.raises(Invalid) as refusal:
        parse("every 1h", hostile)

    assert len(str(refusal.value)) < 300


@given(st.text(alphabet="*/,-0123456789 everysmhdLW?#@JANMONsun", max_size=40))
def test_any_text_is_a_schedule_or_refused(text: str) -> None:
    try:
        schedule = parse(text)
    except Invalid:
        return

    assert parse(str(schedule)) == schedule
    assert next_fire(schedule, None, JUNE, JUNE) is not None


@given(n=st.integers(1, 1_000), unit=st.sampled_from("smh"), k=st.integers(0, 5_000), late=st.floats(0, 0.999999))
def test_every_never_drifts(n: int, unit: str, k: int, late: float) -> None:
    schedule = parse(f"every {n}{unit}")
    interval = timedelta(seconds=n * {"s": 1, "m": 60, "h": 3600}[unit])
    last = JUNE + k * interval

    following = next_fire(schedule, last, last + interval * late, JUNE + timedelta(seconds=late))

    assert following == JUNE + (k + 1) * interval


def test_the_next_fire_does_not_depend_on_the_clock() -> None:
    schedule, last = parse("*/15 * * * *"), JUNE + timedelta(hours=1)

    seen = {next_fire(schedule, last, last + timedelta(days=days), JUNE) for days in (-100, -1, 0, 1, 100)}

    assert seen == {last + timedelta(minutes=15)}


def test_nothing_is_due_at_or_before_the_moment_it_was_armed() -> None:
    armed_at = datetime(2026, 6, 1, 12, 0, 0, 999_999, tzinfo=UTC)

    assert next_fire(parse("0 12 * * *"), JUNE, armed_at, armed_at) == datetime(2026, 6, 2, 12, tzinfo=UTC)
    assert next_fire(parse("every 1h"), JUNE, armed_at, armed_at) == datetime(2026, 6, 1, 13, tzinfo=UTC)


@pytest.mark.parametrize("year", [1969, 2900, 9999])
def test_a_clock_that_cannot_be_right_is_refused(year: int) -> None:
    with pytest.raises(Invalid, match="must be after 1970 and before 2900"):
        next_fire(parse("every 1h"), None, datetime(year, 1, 1, tzinfo=UTC), JUNE)


def test_a_time_without_a_zone_is_a_bug() -> None:
    with pytest.raises(ValueError, match="has no zone"):
        next_fire(parse("every 1h"), None, datetime(2026, 1, 1), JUNE)  # noqa: DTZ001 - what is tested


@pytest.mark.parametrize("text", ["* * * * *", "every 1s", "*/7 3-19 * * MON-FRI"])
@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin"])
def test_a_year_of_downtime_is_counted_exactly_and_quickly(text: str, zone: str) -> None:
    schedule, until = parse(text, zone), JUNE + timedelta(days=365)

    started = process_time()
    gap = expected(schedule, JUNE, until, JUNE, 100)
    took = process_time() - started

    assert took < 1
    assert gap.first == next_fire(schedule, None, JUNE, JUNE)
    assert gap.last == gap.moments[-1]
    assert len(gap.moments) == 100
    assert gap.count == sum(
        expected(schedule, JUNE + timedelta(days=d), JUNE + timedelta(days=d + 1), JUNE, 0).count for d in range(365)
    )


def test_an_empty_gap_has_neither_first_nor_last() -> None:
    gap = expected(parse("0 3 * * *"), JUNE, JUNE + timedelta(hours=2), JUNE, 100)

    assert (gap.first, gap.last, gap.count, gap.moments) == (None, None, 0, ())


def test_a_thousand_schedules_find_their_next_fire_within_a_tenth_of_a_second() -> None:
    texts = [f"{n % 60} {n % 24} * * *" for n in range(600)] + ["*/15 * * * *"] * 200 + ["every 15m"] * 200
    schedules = [parse(text, "Europe/Berlin" if n % 2 else "UTC") for n, text in enumerate(texts)]

    started = process_time()
    fires = [next_fire(schedule, JUNE, JUNE, JUNE) for schedule in schedules]

    assert process_time() - started < 0.1
    assert None not in fires


@pytest.mark.parametrize("case", VECTORS["run_ids"], ids=lambda case: case["id"])
def test_a_run_is_named_after_its_moment(case: RunIdCase) -> None:
    name = run_id(case["pipeline"], at(case["due_at"]), case["n"])

    moment = parse_run_id(name)

    assert name == case["id"]
    assert (moment.pipeline_id, moment.due_at, moment.n) == (case["pipeline"], at(case["due_at"]), case["n"])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "orders",
        "@20260101T120000Z",
        "orders@20260101T120000",
        "orders@20261301T120000Z",
        "orders@20260101T120000Z-0",
        "orders@20260101T120000Z-",
        "or@ders@20260101T120000Z",
        "orders@20260101T120000Z\n",
        "x" * 10_000,
    ],
)
def test_what_no_run_is_named_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="run id"):
        parse_run_id(text)


def test_a_schedule_cannot_be_made_from_what_cannot_be_read() -> None:
    with pytest.raises(Invalid):
        Schedule("whenever")
