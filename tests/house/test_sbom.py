"""``make sbom``: every package of server and agent by version and hash."""

import subprocess
import sys

import pytest

from tools import sbom

HASH = "0" * 63 + "1"


def item(name, hashes, url="https://x/y.whl"):
    archive = {"archive_info": {"hashes": hashes}} if hashes else {}
    return {"metadata": {"name": name, "version": "1.0"}, "download_info": {"url": url, **archive}}


def test_every_package_but_storax_has_its_version_and_hash():
    report = {"install": [item("zeta", {"sha256": HASH}), item("storax", {}), item("Alpha", {"sha256": HASH})]}
    assert list(sbom.requirements(report)) == [f"{name}==1.0 --hash=sha256:{HASH}" for name in ("Alpha", "zeta")]


def test_a_package_without_a_hash_is_an_error():
    with pytest.raises(ValueError, match=r"zeta 1\.0 has no sha256"):
        list(sbom.requirements({"install": [item("zeta", {"md5": "x"})]}))


def test_pip_refuses_other_bytes_than_those_of_the_lines(tmp_path):
    (tmp_path / "zeta-1.0-py3-none-any.whl").write_bytes(b"other bytes")
    lines = tmp_path / "requirements.txt"
    lines.write_text("\n".join(sbom.requirements({"install": [item("zeta", {"sha256": HASH})]})))
    argv = ["install", "--dry-run", "--no-index", "--find-links", tmp_path, "--require-hashes", "-r", lines]
    done = subprocess.run([sys.executable, "-m", "pip", *map(str, argv)], capture_output=True, text=True)
    assert done.returncode != 0
    assert "DO NOT MATCH THE HASHES" in done.stderr
