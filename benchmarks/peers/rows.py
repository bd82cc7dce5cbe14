"""Measure rows 10 to 13 beside HyperQueue, Parsl, Celery and RQ: on this machine, in this run, in turn."""

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from benchmarks.flow_rows import bare_spawn
from benchmarks.measure import ROUNDS, Table, cpu_us, median, progress
from benchmarks.peers.home import NEEDS, Home, PeerError
from benchmarks.peers.ours import Ours
from benchmarks.peers.peer import Peer
from storax.local import LocalStack

OURS = "Storax"
NAMES = {"hyperqueue": "HyperQueue", "parsl": "Parsl", "celery": "Celery", "rq": "RQ"}
WORKS = ("processes", "functions", "one_process", "one_function")
SINGLES = 8  # of a round
WARM = {"processes": 50, "functions": 8, "one_process": 1, "one_function": 1}
LONGEST_SEC = 1.5  # of one measurement, about
REST_SEC = 0.3  # after each measurement, for what it leaves behind
# So many that each takes about a second.
COUNTS = {
    "processes": {OURS: 1500, "hyperqueue": 600, "parsl": 600, "celery": 700, "rq": 500},
    "functions": {OURS: 2500, "hyperqueue": 12, "parsl": 1500, "celery": 1200, "rq": 800},
}
ROWS = (
    ("10", "no-op processes (`/bin/true`), submit to all finished, per second", "processes", None),
    ("11", "Python no-op functions, submit to all finished, per second", "functions", None),
    ("12", "idle, create to process started, p50, ms", "one_process", 0),
    ("12", "idle, create to function started, p50, ms", "one_function", 0),
    ("13", "idle, submit of a process to its result seen, p50, ms", "one_process", 1),
    ("13", "idle, submit of a function to its result seen, p50, ms", "one_function", 1),
)
NOTE = """\
All systems were up for the whole time and measured in turn, {rounds} rounds, medians. The idle ones together used
{idle:.0f} % of one core; the machine spawned {spawn:,.0f} bare processes a second meanwhile. Two workers each, on
{cores} cores, with the settings that served each best here:

- **Storax**: as `storax up` starts it, two slots; through the API, every change of every job in the log in Postgres.
- **HyperQueue**: server and worker of its wheel, one job for all tasks, no journal. The worker is told that it has 8
  cores, for with 2 it waits most of the time. Its client looks once a second and was made to look every 5 ms. Each
  function starts a Python of its own, and none returns a value to the client.
- **Parsl**: HighThroughputExecutor, 2 workers, 64 tasks prefetched, no encryption, no monitoring. It keeps nothing.
  Its thread executor runs functions inside the script that submits them and is not measured.
- **Celery**: prefork with 2 processes, 64 messages prefetched for each, no gossip, mingling or heartbeats. It has no
  bulk submission.
- **RQ**: 2 `SimpleWorker`s, which run functions in their own process (its default worker forks for each job), and
  `enqueue_many`.
- Celery and RQ have a Valkey of their own on a Unix socket, with nothing written to disk, and hiredis. Their processes
  and Parsl's are a `subprocess.call` in a function. Starts are told by `/bin/date` for processes and by `time.time()`
  for functions. A dash is what a system cannot do.
"""


@dataclass
class Seen:
    """The results of one system: for each measurement the figures of all rounds, and why it was dropped, if it was."""

    version: str = ""
    failed: str = ""
    figures: dict[str, list[Any]] = field(default_factory=lambda: {work: [] for work in WORKS})

    def value(self, work: str, place: int | None) -> float | None:
        """Return the median of a measurement; None if there is none."""
        figures = self.figures[work]
        if not figures or self.failed:
            return None
        return median(figures if place is None else [pair[place] for pair in figures])


def beside(table: Table, stack: LocalStack, noop_id: int) -> None:
    """Measure all systems and add the comparison to the table. A system that cannot run is reported."""
    with Home() as home:
        seen = {name: Seen() for name in (OURS, *NEEDS)}
        systems = {OURS: Ours(stack, noop_id), **_started(home, seen)}
        for name in list(systems):
            _turn(seen, systems, name, warm=True)
        pids = [*stack.pids.values(), *home.pids()]
        idle = _idle_share(pids)
        spawns = []
        for turn in range(ROUNDS):
            progress(f"beside other systems, round {turn + 1} of {ROUNDS}")
            spawns.append(bare_spawn())
            order = list(systems)
            for name in order[turn % len(order) :] + order[: turn % len(order)]:
                _turn(seen, systems, name)
    table.sections.append(_text(seen, idle=idle, spawn=median(spawns)))


def _started(home: Home, seen: dict[str, Seen]) -> dict[str, Peer]:
    """Install and start all systems, and return those that run."""
    systems: dict[str, Peer] = {}
    for name in NEEDS:
        with _failure_noted(seen[name], name):
            seen[name].version = home.install(name)
            systems[name] = Peer(home, name)
    progress(f"starting {', '.join(systems)}")
    for name in list(systems):
        with _failure_noted(seen[name], name):
            systems[name].ready()
    return {name: one for name, one in systems.items() if not seen[name].failed}


@contextmanager
def _failure_noted(seen: Seen, name: str) -> Iterator[None]:
    """Record why a system fails, and continue."""
    try:
        yield
    except PeerError as error:
        seen.failed = str(error)
        progress(f"{NAMES[name]} IS NOT MEASURED: {error}")


def _turn(seen: dict[str, Seen], systems: dict[str, Any], name: str, *, warm: bool = False) -> None:
    """Run every measurement of one system once."""
    with _failure_noted(seen[name], name):
        for work in WORKS:
            count = WARM[work] if warm else _count(seen[name], name, work)
            time.sleep(REST_SEC)
            answer = systems[name].ask(work, count)
            if answer is None or warm:
                continue
            seen[name].figures[work] += [count / answer] if work in COUNTS else answer
            progress(f"  {name} {work}: {_shown(seen[name].figures[work][-1])}")
        return
    systems.pop(name)


def _count(seen: Seen, name: str, work: str) -> int:
    """Return the number of jobs: fewer if the last round was slow, so that a busy machine does not delay the run."""
    if work not in COUNTS:
        return SINGLES
    full, last = COUNTS[work][name], seen.figures[work][-1:]
    return min(full, max(full // 4, int(LONGEST_SEC * last[0]))) if last else full


def _idle_share(pids: list[int], seconds: float = 2.0) -> float:
    """Return the percentage of one core that these processes use while idle."""
    before = _cpu(pids)
    time.sleep(seconds)
    return (_cpu(pids) - before) / seconds / 1e4


def _cpu(pids: list[int]) -> float:
    total = 0.0
    for pid in pids:
        with suppress(OSError):
            total += cpu_us(pid)
    return total


def _text(seen: Mapping[str, Seen], *, idle: float, spawn: float) -> str:
    titles = [f"{NAMES.get(name, name)} {one.version}".strip() for name, one in seen.items()]
    lines = ["", "## Beside other systems, in the same run", ""]
    lines += [f"| # | what | {' | '.join(titles)} | Storax against the best other |"]
    lines += ["|---" * (len(titles) + 3) + "|"]
    for number, what, work, place in ROWS:
        values = {name: one.value(work, place) for name, one in seen.items()}
        cells = [_cell(values[name], one) for name, one in seen.items()]
        lines.append(f"| {number} | {what} | {' | '.join(cells)} | {_against(values, faster_is_more=place is None)} |")
    failed = [f"**{NAMES[name]} was not measured: {one.failed}**\n" for name, one in seen.items() if one.failed]
    note = NOTE.format(rounds=ROUNDS, idle=idle, spawn=spawn, cores=os.cpu_count())
    return "\n".join([*lines, "", *failed, note])


def _cell(value: float | None, one: Seen) -> str:
    if one.failed:
        return "**not measured**"
    return "-" if value is None else _shown(value)


def _shown(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return f"{value[0]:.1f} and {value[1]:.1f} ms"
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def _against(values: dict[str, float | None], *, faster_is_more: bool) -> str:
    ours = values[OURS]
    others = {name: value for name, value in values.items() if name != OURS and value is not None}
    if ours is None or not others:
        return "-"
    best = (max if faster_is_more else min)(others, key=lambda name: others[name])
    return f"{ours / others[best]:.2f} x {NAMES[best]}"
