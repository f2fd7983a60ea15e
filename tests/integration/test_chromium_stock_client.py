"""The unmodified npm clients, in a headless Chromium, against a real server."""

from __future__ import annotations

import pytest

from tests.support.stock_client import CHECKS, Report, checked_in_chromium


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    return checked_in_chromium(tmp_path_factory.mktemp("chromium"))


def test_every_check_ran_and_no_error_was_left_uncaught(report: Report) -> None:
    assert sorted(report) == sorted(CHECKS), report


@pytest.mark.parametrize("check", CHECKS)
def test_in_chromium(report: Report, check: str) -> None:
    assert not report[check], report[check]
