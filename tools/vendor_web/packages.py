"""The npm packages whose files are kept in this repository, and what of them."""

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SERVED = ROOT / "api/storax_api/web/static/vendor"
TESTED = ROOT / "tests/web_vendor"


@dataclass(frozen=True)
class Package:
    """One package: its name, version and licence (SPDX), and its files by the name that they get here."""

    name: str
    version: str
    licence: str
    files: dict[str, str]


# What browsers get, with the licence of each beside it.
PAGE = (
    Package("htmx.org", "4.0.1", "0BSD", {
        "htmx.min.js": "dist/htmx.min.js", "hx-sse.min.js": "dist/ext/hx-sse.min.js", "htmx.LICENSE": "LICENSE",
    }),
    Package("uplot", "1.6.32", "MIT", {
        "uplot.min.js": "dist/uPlot.iife.min.js", "uplot.min.css": "dist/uPlot.min.css", "uplot.LICENSE": "LICENSE",
    }),
    Package("@dagrejs/dagre", "3.1.3", "MIT", {"dagre.min.js": "dist/dagre.min.js", "dagre.LICENSE": "LICENSE"}),
    Package("@picocss/pico", "2.1.1", "MIT", {"pico.min.css": "css/pico.min.css", "pico.LICENSE": "LICENSE.md"}),
)  # fmt: skip
# What tests alone use; never in the wheel.
TESTS = (Package("axe-core", "4.14.1", "MPL-2.0", {"axe.min.js": "axe.min.js", "axe.LICENSE": "LICENSE"}),)
FOLDERS = {SERVED: PAGE, TESTED: TESTS}
