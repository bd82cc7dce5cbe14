"""Fixtures of the conformance suites: the real Slurm where it is installed."""

import os

import pytest

from fakes.clusters import TestCluster
from fakes.slurm import RealSlurm, missing


@pytest.fixture(scope="session")
def real_slurm(tmp_path_factory):
    """Two nodes of a real Slurm; skipped, with the reason, where it is not installed."""
    if reason := missing():
        pytest.skip(reason)
    slurm = RealSlurm(tmp_path_factory.mktemp("slurm"))
    try:
        yield slurm.start()
    finally:
        slurm.stop()


@pytest.fixture
def cluster(request, tmp_path, monkeypatch):
    """One cluster of the kind that the test names."""
    monkeypatch.setenv("PATH", os.environ["PATH"])
    if request.param == "slurm":
        request.getfixturevalue("real_slurm")
    made = TestCluster(request.param, tmp_path)
    yield made
    made.close()
