"""The pages of the API in a real Chromium, which reaches nothing but the server."""

import re
import subprocess
from pathlib import Path

import pytest

from acceptance.test_web_page import QUIET
from needs import needs, program, require
from waiting import HANG_SEC
from world import World

pytestmark = needs("browser")


@pytest.fixture
def rendered(world: World, tmp_path: Path) -> str:
    """The document at /docs after its scripts ran."""
    require("browser", "chromium")
    argv = [
        program("chromium"),
        "--headless",
        *QUIET,
        f"--user-data-dir={tmp_path}",
        "--virtual-time-budget=20000",
        "--dump-dom",
    ]
    done = subprocess.run([*argv, f"{world.url}/docs"], capture_output=True, text=True, timeout=HANG_SEC, check=True)
    return done.stdout


def test_the_docs_page_lists_the_operations_by_noun(rendered: str) -> None:
    nouns = set(re.findall(r'data-tag="([^"]+)"', rendered))
    assert {"jobs", "sites", "apps", "events"} <= {noun.lower() for noun in nouns}, nouns
    assert "Failed to load API definition" not in rendered
