"""The walk of docs/how-to/failed-night.md in a real Chromium, step by step, with its pictures.

`make pictures` copies what it shows to docs/pictures.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from acceptance.test_readme import blocks
from acceptance.test_web_page import QUIET, SLOWEST_MS
from browsing import take_picture
from house.repository import ROOT
from needs import needs, program, require
from storax import Client, Job, Site
from storax.local import LocalStack
from waiting import HANG_SEC

pytestmark = needs("browser")
PAGE = ROOT / "docs" / "how-to" / "failed-night.md"
SHOTS = ROOT / "build" / "pictures"
NIGHT, REPAIR = 0, 1  # which of the page's Python blocks; the third does by script what the walk does by hand


@pytest.fixture
def page(stack: LocalStack) -> Iterator[Any]:
    """A tab of a desk's width."""
    require("browser", "chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play, play.chromium.launch(executable_path=program("chromium"), args=QUIET) as browser:
        context = browser.new_context(viewport={"width": 1180, "height": 960}, color_scheme="light")
        context.set_default_timeout(SLOWEST_MS)
        yield context.new_page()


def run(stack: LocalStack, folder: Path, place: int) -> str:
    """Run one Python block of the page, and return what it prints."""
    own = {"STORAX_URL": stack.url, "STORAX_TOKEN": stack.token, "STORAX_HOME": str(folder / "home")}
    argv = [sys.executable, "-c", blocks(PAGE, "python")[place]]
    done = subprocess.run(argv, cwd=folder, env=os.environ | own, capture_output=True, text=True, timeout=HANG_SEC)
    assert done.returncode == 0, done.stderr
    return done.stdout


def shoot(page: Any, name: str, at: str) -> None:
    """Take the picture of a step, once its page shows ``at``."""
    page.wait_for_selector(at)
    take_picture(page, SHOTS / f"night-{name}.png")


@pytest.mark.slow("a night of 48 jobs, and a browser")
def test_a_failed_night_is_understood_and_retried(stack: LocalStack, client: Client, page: Any, tmp_path: Path) -> None:
    SHOTS.mkdir(parents=True, exist_ok=True)
    assert run(stack, tmp_path, NIGHT) == "{'JOB_FINISHED': 35, 'FAILED': 13}\n"
    code = client.request("POST", "/auth/login-codes", {})["code"]
    page.goto(f"{stack.url}/ui/enter?code={code}")
    page.click("nav >> text=1 h")
    shoot(page, "overview", "text=no basis set")
    page.click("nav >> text=Failures")
    shoot(page, "failures", "text=cannot allocate")
    page.click("tr:has-text('no basis set') >> text=/^job \\d+$/")
    shoot(page, "job", "#output-stderr pre >> text=no basis set")
    number = int(page.inner_text("h1").split()[1])
    basis = Path(Site.objects.get(name="local").path, "data/night/basis")
    exec(blocks(PAGE, "python")[REPAIR], {"basis": basis})
    page.click("nav >> text=Failures")
    page.click("tr:has-text('no basis set') >> text=Retry all…")
    shoot(page, "confirm", "text=Retry 12 jobs?")
    page.click("button:has-text('Retry 12 jobs')")
    page.wait_for_selector("text=12 jobs will run again")
    page.goto(f"{stack.url}/ui/jobs?tags=campaign:night")
    Job.objects.filter(tags={"campaign": "night"}).wait(timeout=HANG_SEC)
    page.wait_for_selector("tr:has-text('molecule-47') >> text=JOB_FINISHED")
    shoot(page, "jobs", "tr:has-text('molecule-47') >> text=JOB_FINISHED")
    first, last = (event.timestamp for event in (list(Job.objects.get(id=number).history())[at] for at in (0, -1)))
    window = f"since={first:%Y-%m-%dT%H:%M:%S}&until={last + timedelta(seconds=2):%Y-%m-%dT%H:%M:%S}"
    page.goto(f"{stack.url}/ui/timeline?tags=campaign:night&by=app&{window}")
    shoot(page, "timeline", "svg >> nth=0")
    page.goto(f"{stack.url}/ui/jobs/{number}#events")
    page.evaluate("document.querySelector('#events').scrollIntoView()")
    shoot(page, "events", "section:has(#events) >> text=RESTART_READY")
    assert Job.objects.filter(tags={"campaign": "night"}).counts("state") == {"FAILED": 1, "JOB_FINISHED": 47}


def test_each_picture_of_the_page_is_one_that_the_walk_takes() -> None:
    named = set(re.findall(r"\(\.\./pictures/night-(\w+)\.png\)", PAGE.read_text(encoding="utf-8")))
    taken = set(re.findall(r'shoot\(page, "(\w+)"', Path(__file__).read_text(encoding="utf-8")))
    assert named == taken
