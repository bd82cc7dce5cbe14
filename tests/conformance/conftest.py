"""Fixtures of the conformance suites."""

import pytest

from fakes import sge
from fakes.clusters import TestCluster


@pytest.fixture(scope="session")
def real_sge(tmp_path_factory):
    """One node of a real Grid Engine."""
    server = sge.RealSge(tmp_path_factory.mktemp("sge"))
    try:
        yield server.start()
    finally:
        server.stop()


@pytest.fixture
def cluster(request, tmp_path, monkeypatch):
    """One cluster of the kind that the test names."""
    if request.param == "slurm":
        request.getfixturevalue("real_slurm")
    if request.param == "real_sge":
        request.getfixturevalue("real_sge")
    test_cluster = TestCluster(request.param, tmp_path, monkeypatch)
    yield test_cluster
    test_cluster.close()
    if request.param == "slurm":  # one that never began would hold its node from the tests to come
        request.getfixturevalue("real_slurm").clear()
