"""People edit one draft in real browsers and apply it: every check of the page, against a real server."""

from __future__ import annotations

import pytest

from tests.support.page import CHECKS, Report, checked


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    return checked(tmp_path_factory.mktemp("page"))


def test_every_check_ran(report: Report) -> None:
    assert sorted(report) == sorted(CHECKS), report


@pytest.mark.parametrize("check", CHECKS)
def test_in_the_page(report: Report, check: str) -> None:
    assert not report[check], report[check]
