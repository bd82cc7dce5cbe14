"""The examples run as they stand: as programs of their own, against a real sshd and a real S3 server."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from fakes.s3 import S3Server
from fakes.sshd import Sshd
from needs import needs
from storax._engine import process
from storax._engine.folder import EngineFolder
from storax.local import LocalStack
from waiting import HANG_SEC

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@needs("ssh")
def test_a_workflow_over_two_sites_ends_with_its_result(tmp_path):
    with Sshd() as sshd, S3Server(tmp_path) as s3:
        done = subprocess.run(
            [
                sys.executable, str(EXAMPLES / "two_sites.py"), "--samples", "500",
                "--ssh", f"{sshd.user}@127.0.0.1:{sshd.port}", "--identity", str(sshd.folder / "key"),
                "--known-hosts", str(sshd.folder / "known_hosts"), "--bucket", "s3://lab-data/shared",
                "--endpoint", s3.url, "--credentials", str(tmp_path / "credentials"),
            ],
            capture_output=True, text=True, timeout=HANG_SEC, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout.splitlines()[-1]) == {"count": 500, "sum": 125_250}
        kept = s3.client().get_object(Bucket="lab-data", Key="shared/two-sites/summary.json")["Body"].read()
        assert json.loads(kept) == {"count": 500, "sum": 125_250}
        assert sshd.logins == 2, "the samples came over ssh, in one batch"


def test_functions(stack: LocalStack, tmp_path: Path) -> None:
    own = {"STORAX_URL": stack.url, "STORAX_TOKEN": stack.token, "STORAX_HOME": str(tmp_path)}
    argv = [sys.executable, "-W", "error", str(EXAMPLES / "functions.py")]
    done = subprocess.run(argv, cwd=tmp_path, env=os.environ | own, capture_output=True, text=True, timeout=HANG_SEC)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert "10 pieces, 2 of them at the second attempt" in lines
    assert any(line.startswith("pi is about 3.1") for line in lines)
    assert (
        "ZeroDivisionError at the site: float division by zero" in done.stdout
        or "ZeroDivisionError at the site: division by zero" in done.stdout
    )


@pytest.mark.slow("a fit of real tables, its SQL and its predictions, as a program")
def test_flights(stack: LocalStack, tmp_path: Path) -> None:
    own = {"STORAX_URL": stack.url, "STORAX_TOKEN": stack.token, "STORAX_HOME": str(tmp_path / "home")}
    argv = [sys.executable, "-W", "error", str(EXAMPLES / "flights.py"), "--running", "--rows", "6000"]
    argv += ["--predictor", "lightgbm", "--sql", "features"]
    try:
        done = subprocess.run(
            argv, cwd=tmp_path, env=os.environ | own, capture_output=True, text=True, timeout=HANG_SEC
        )
    finally:
        process.stop(EngineFolder(tmp_path / "home" / "engine"))
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    auc = next(line for line in lines if "auc" in line).partition("auc ")[2].partition(",")[0]
    assert float(auc) > 0.6
    assert lines[-1].endswith("predictions of pipeline 'late', edition 1, are the same, bit for bit.")
    assert len(list((tmp_path / "features").glob("*.sql"))) > 100
