"""``python -m tools.sbom``: of what the server and the agent consist. For each, into ``dist/``:

``requirements-PART.txt``: every package with its version and the hash of the file that pip chose on this machine, for
``pip install --require-hashes``; ``storax-PART.cdx.json``: the same as a CycloneDX bill of materials.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PARTS = ("server", "agent")


def requirements(report: Mapping[str, Any]) -> Iterator[str]:
    """Yield a line for each package of pip's installation report, by name; Storax itself is none.

    Raises:
        ValueError: a package has no hash.
    """
    items = sorted(report["install"], key=lambda item: item["metadata"]["name"].lower())
    for item in items:
        name, version = item["metadata"]["name"], item["metadata"]["version"]
        if name == "storax":
            continue
        hashes = item["download_info"].get("archive_info", {}).get("hashes", {})
        if "sha256" not in hashes:
            raise ValueError(f"{name} {version} has no sha256: {item['download_info'].get('url')}")
        yield f"{name}=={version} --hash=sha256:{hashes['sha256']}"


def resolve(part: str) -> dict[str, Any]:
    """Have pip choose the files for an extra of this project, without installing them; return its report."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        choose = ("install", "--quiet", "--dry-run", "--ignore-installed", "--only-binary", ":all:", "--report", report)
        subprocess.run([sys.executable, "-m", "pip", *map(str, choose), f"{ROOT}[{part}]"], check=True)
        chosen: dict[str, Any] = json.loads(report.read_text())
    return chosen


def write(part: str, folder: Path) -> Path:
    """Write both files of a part; return the bill of materials."""
    locked, bill = folder / f"requirements-{part}.txt", folder / f"storax-{part}.cdx.json"
    locked.write_text("".join(f"{line}\n" for line in requirements(resolve(part))))
    convert = ("requirements", locked, "--pyproject", ROOT / "pyproject.toml", "--output-reproducible", "-o", bill)
    subprocess.run([Path(sys.executable).with_name("cyclonedx-py"), *map(str, convert)], check=True)
    return bill


def main() -> int:
    """Write the files of all parts."""
    folder = ROOT / "dist"
    folder.mkdir(exist_ok=True)
    for part in PARTS:
        sys.stdout.write(f"{write(part, folder).relative_to(ROOT)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
