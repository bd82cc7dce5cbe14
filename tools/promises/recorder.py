"""A plugin of pytest (``-p tools.promises.recorder``) that notes what the tests of each promise reached.

At the end of the run it writes docs/promises.md. A promise of which no test ran keeps the row that it has.
"""

import re

import pytest

from tools.house.sources import ROOT
from tools.promises.declared import promises
from tools.promises.page import Result, page

PAGE = ROOT / "docs" / "promises.md"
RESULTS = {promise: Result() for promise in promises()}


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Count a test's result once: its call, or the setup that failed or was skipped."""
    if report.when != "call" and report.passed:
        return
    for promise, result in RESULTS.items():
        if promise.covers(report.nodeid):
            _note(result, report)


def _note(result: Result, report: pytest.TestReport) -> None:
    if report.skipped:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        result.skipped.add(reason.removeprefix("Skipped: "))
    elif report.failed:
        result.failed += 1
    else:
        result.passed += 1
    result.figures += [str(value) for name, value in report.user_properties if name == "reached"]


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the page, once: workers of a parallel run send their reports to its controller."""
    if hasattr(session.config, "workerinput") or session.config.option.collectonly:
        return
    written = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    rows = dict(re.findall(r"^\| ([PS]\d+) .*\| ([^|]*) \|$", written, re.MULTILINE))
    PAGE.write_text(page((promise, result.text(rows.get(promise.id, ""))) for promise, result in RESULTS.items()))
