"""Fixtures of the conformance suites."""

import pytest

from fakes import sge
from fakes.clusters import TestCluster


@pytest.fixture(scope="session")
def real_sge(tmp_path_factory):
    """One node of a real Grid Engine."""
    made = sge.RealSge(tmp_path_factory.mktemp("sge"))
    try:
        yield made.start()
    finally:
        made.stop()


@pytest.fixture
def cluster(request, tmp_path, monkeypatch):
    """One cluster of the kind that the test names."""
    if request.param == "slurm":
        request.getfixturevalue("real_slurm")
    if request.param == "real_sge":
        request.getfixturevalue("real_sge")
    made = TestCluster(request.param, tmp_path, monkeypatch)
    yield made
    made.close()
    if request.param == "slurm":  # one that never began would hold its node from the tests to come
        request.getfixturevalue("real_slurm").clear()
