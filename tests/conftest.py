"""Rules of the whole suite: nothing is skipped, and nobody's environment leaks in."""

from __future__ import annotations

import os
from collections.abc import Generator

import pytest
from hypothesis import settings

# Machines are shared and slow at times; a deadline per example would make good tests fail.
# A landing must not depend on luck: there the examples are the same every time.
settings.register_profile("hakiri", deadline=None, print_blob=True, derandomize="CI" in os.environ)
settings.load_profile("hakiri")


def pytest_configure() -> None:
    """A developer's own HAKIRI_* variables must not change what is tested, nor what a test starts."""
    for name in [name for name in os.environ if name.startswith("HAKIRI_")]:
        del os.environ[name]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test that does not run proves nothing, so a skip is a failure."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid}: a test may not be skipped; it fails where its tool is missing"
    return report
