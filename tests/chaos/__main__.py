"""Storms of 1,000 jobs, one seed after another: ``make chaos SEED=7 MINUTES=10``. Exits with 1 if anything does not hold."""

import argparse
import os
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

from chaos.kit.storms import Outcome, Plan, run
from storax.local import LocalError

SHOWN = 10


def main() -> int:
    """Run storms until the minutes are over, at least one."""
    ask = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    ask.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32), help="of the first storm")
    ask.add_argument("--minutes", type=float, default=0.0, help="start another storm until these are over; 0: one")
    ask.add_argument("--jobs", type=int, default=1000)
    ask.add_argument("--seconds", type=float, default=60.0, help="how long the faults of one storm come")
    options = ask.parse_args()
    end, results = time.monotonic() + 60 * options.minutes, {}
    seed = options.seed
    while not results or time.monotonic() < end:
        results[seed] = _survives(seed, options)
        seed += 1
    _say(
        f"{sum(results.values())} of {len(results)} storms of {options.jobs} jobs hold; seeds {', '.join(map(str, results))}"
    )
    return 0 if all(results.values()) else 1


def _survives(seed: int, options: argparse.Namespace) -> bool:
    _say(f"seed {seed}: {options.jobs} jobs, faults for {options.seconds:.0f} s; again with: make chaos SEED={seed}")
    plan = Plan(seed, jobs=options.jobs, seconds=options.seconds, privileged=os.geteuid() == 0, say=_say)
    folder = Path(tempfile.mkdtemp(prefix="storax-chaos-"))
    try:
        outcome = run(plan, folder)
    except (AssertionError, LocalError) as error:
        _say(f"seed {seed}: {error}; kept: {folder}")
        return False
    _report(seed, outcome)
    if outcome.good:
        shutil.rmtree(folder, ignore_errors=True)
    else:
        _say(f"kept: {folder}")
    return outcome.good


def _report(seed: int, outcome: Outcome) -> None:
    for line in outcome.lines:
        _say(line)
    for name, violations in outcome.violations.items():
        _say(f"{name}: {len(violations)} violations")
        for sentence in violations[:SHOWN]:
            _say(f"    {sentence}")
    _say("memory, MiB at most: " + ", ".join(f"{name} {peak:.0f}" for name, peak in sorted(outcome.peaks.items())))
    _say(f"seed {seed}: {'everything holds' if outcome.good else 'NOT everything holds'}")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
