"""Fixtures of the conformance suites."""

import os

import pytest

from fakes.clusters import TestCluster


@pytest.fixture
def cluster(request, tmp_path, monkeypatch):
    """One cluster of the kind that the test names."""
    monkeypatch.setenv("PATH", os.environ["PATH"])
    if request.param == "slurm":
        request.getfixturevalue("real_slurm")
    made = TestCluster(request.param, tmp_path)
    yield made
    made.close()
