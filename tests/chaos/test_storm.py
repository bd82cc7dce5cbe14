"""A short storm: everything fails at instants that follow from a seed, and nothing is lost, doubled or different."""

import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from chaos.kit.storms import Plan, run

SEED = int(os.environ.get("STORAX_SEED", random.SystemRandom().randrange(2**32)))
JOBS, FAULTS_SEC = 150, 20.0


@pytest.mark.timeout(1200)  # of which the jobs have ten minutes to end on a busy machine
@pytest.mark.slow("a stack starts, and its parts come back after each fault")
def test_a_storm_loses_doubles_and_changes_nothing(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    print(f"replay with STORAX_SEED={SEED}")
    outcome = run(Plan(SEED, jobs=JOBS, seconds=FAULTS_SEC), tmp_path)
    print(*outcome.lines, outcome.peaks, sep="\n")
    assert {name: wrong for name, wrong in outcome.violations.items() if wrong} == {}
    assert outcome.peaks.keys() >= {"api", "agent", "away", "feeder", "postgres", "tasks", "valkey"}
    record_property("reached", f"0 of {JOBS} jobs lost or doubled, 0 differences")
