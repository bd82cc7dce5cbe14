"""A storm: a real stack under load where everything fails by a seed; then calm, and what must hold."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from chaos.kit import checkers
from chaos.kit.database import read
from chaos.kit.faults import bring
from chaos.kit.load import Load
from chaos.kit.processes import MemoryWatch
from chaos.kit.schedule import EVERYWHERE, OF_A_DISK, OF_A_LINK, schedule
from chaos.kit.stage import SITES, Stage
from chaos.kit.stream import Viewer
from waiting import eventually

NETWORK_RATE = 0.1
CALM_SEC = 600.0
BOUND_MIB = 400.0
LEFT = "SELECT count(*) FROM job_state WHERE state NOT IN ('JOB_FINISHED', 'FAILED', 'CANCELLED')"
OWNER = "SELECT id FROM user_account WHERE username = 'local'"
LAST = "SELECT max(position) FROM event_log WHERE owner_id = $1"


@dataclass(frozen=True)
class Plan:
    """What a storm is to be.

    Attributes:
        seed: The load and all faults follow from it.
        jobs: How many jobs are submitted.
        seconds: How long faults come.
        privileged: Whether to fill a disk, cut a link and skew a clock too, as far as this machine allows it.
        say: Gets a line for each fault.
    """

    seed: int
    jobs: int = 1000
    seconds: float = 60.0
    privileged: bool = False
    say: Callable[[str], object] = print


@dataclass(frozen=True)
class Outcome:
    """What a storm left: violations by checker, the highest memory by process in MiB, and what happened."""

    violations: dict[str, list[str]]
    peaks: dict[str, float]
    lines: list[str]

    @property
    def good(self) -> bool:
        """Whether everything holds."""
        return not any(self.violations.values())


def run(plan: Plan, folder: Path) -> Outcome:
    """Submit jobs, bring the faults, end them, wait until all jobs have ended, stop the stack, and check.

    Raises:
        AssertionError: some jobs never end.
    """
    with Stage(folder, random.Random(plan.seed), privileged=plan.privileged, say=plan.say) as stage:
        watch, wrong, lines = _under_load(plan, stage)
        wrong |= {name: check(stage.database_url) for name, check in OF_THE_LOG.items()}
        wrong |= _on_disk(stage)
    wrong |= {"processes": checkers.processes(folder), "memory": checkers.memory(watch.peaks, BOUND_MIB)}
    return Outcome(wrong, watch.peaks, lines)


OF_THE_LOG = {"leases": checkers.leases, "log": checkers.log, "projections": checkers.projections}


def _under_load(plan: Plan, stage: Stage) -> tuple[MemoryWatch, dict[str, list[str]], list[str]]:
    url, token, database = stage.network.url, stage.stack.token, stage.database_url
    rngs = [random.Random(f"{plan.seed} {part}") for part in ("viewer", "load")]
    with MemoryWatch(stage.pids) as watch, Viewer(url, token, rngs[0]) as viewer:
        with Load(url, token, rngs[1], jobs=plan.jobs, seconds=plan.seconds, sites=SITES) as load:
            stage.network.rate = NETWORK_RATE
            _bring_all(plan, stage)
            stage.heal()
        calm = time.monotonic()
        eventually(lambda: read(database, LEFT)[0][0] == 0, seconds=CALM_SEC, step=0.5)
        took = time.monotonic() - calm
        (owner,) = (row[0] for row in read(database, OWNER))
        last = read(database, LAST, owner)[0][0]
        _until(lambda: viewer.positions[-1:] >= [last])
    wrong = {
        "jobs": checkers.jobs(database, load.acknowledged, load.cancelled),
        "streams": checkers.stream(database, owner, viewer.positions, upto=last),  # sessions go on to expire
    }
    return watch, wrong, [
        f"{len(load.acknowledged)} jobs acknowledged, {len(load.cancelled)} of them cancelled at some time; "
        f"all ended {took:.0f} s after the last fault",
        f"network: {dict(stage.network.faults)}; the viewer connected {viewer.connections} times",
        *(f"a call gave up: {error}" for error in load.errors),
    ]  # fmt: skip


def _bring_all(plan: Plan, stage: Stage) -> None:
    names = (*EVERYWHERE, *(OF_A_DISK if stage.disk else ()), *(OF_A_LINK if stage.link else ()))
    begun = time.monotonic()
    for fault in schedule(plan.seed, plan.seconds, names=names):
        time.sleep(max(0.0, begun + fault.at - time.monotonic()))
        came = bring(stage, fault)
        plan.say(f"{time.monotonic() - begun:6.1f} s  {fault}{f': {came}' if came else ''}")


def _until(fact: Callable[[], bool], seconds: float = 60.0) -> None:
    """Wait for a fact; a checker says what is missing if it never comes."""
    end = time.monotonic() + seconds
    while not fact() and time.monotonic() < end:
        time.sleep(0.1)


def _on_disk(stage: Stage) -> dict[str, list[str]]:
    wrong: dict[str, list[str]] = {"outputs": [], "starts": []}
    for site, folder in zip(SITES, (stage.stack.site_dir, stage.away.folder.path), strict=True):
        wrong["outputs"] += checkers.outputs(stage.database_url, site, folder / "data")
        wrong["starts"] += checkers.starts(stage.database_url, site, folder / "data")
    return wrong
