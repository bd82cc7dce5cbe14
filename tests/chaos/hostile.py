"""Hostile load on a real stack: ``make hostile MINUTES=60``. Prints the memory of every process over the time.

Exits with 1 if an answer was 500, a process grew without end, or log and tables differ.
"""

import argparse
import random
import sys
import tempfile
import threading
import time
from collections import defaultdict
from contextlib import suppress
from pathlib import Path

import httpx

from chaos.kit import attacks, checkers
from chaos.kit.processes import held_mib
from storax import App, Client, Site
from storax.local import LocalStack

ATTACKERS = 12
PARTS = 6  # of the time, for each of which the highest memory is printed
SAMPLE_SEC = 1.0
GROWTH, SLACK_MIB = 1.25, 32  # the second half may hold this much of what the first half held, and this much more
BOUND_MIB = 700  # of one process
Samples = dict[str, list[tuple[float, float]]]


def main() -> int:
    """Attack for some minutes, then check."""
    ask = argparse.ArgumentParser(prog="make hostile", description=__doc__)
    ask.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    ask.add_argument("--minutes", type=float, default=5.0)
    options = ask.parse_args()
    _say(f"seed {options.seed}: {ATTACKERS} attackers for {options.minutes:g} minutes")
    with tempfile.TemporaryDirectory(prefix="storax-hostile-") as folder, LocalStack(Path(folder) / "stack") as stack:
        with Client(stack.url, stack.token):
            site = Site.objects.create(name="nobody", path="/nowhere")
            app = App.objects.create(site_id=site.id, name="Attack", command_template="true")
        target = attacks.Target(stack.url, stack.token, int(app.id or 0))
        samples = _attack(stack, target, options.seed, options.minutes * 60)
        wrong = _faults_of(stack, target, samples)
    _report(samples, target, options.minutes * 60)
    for sentence in wrong:
        _say(f"WRONG: {sentence}")
    _say(f"seed {options.seed}: {'NOT everything holds' if wrong else 'everything holds'}")
    return 1 if wrong else 0


def _attack(stack: LocalStack, target: attacks.Target, seed: int, seconds: float) -> Samples:
    """Attack, and return the memory of each process by its name: seconds since the start, and MiB."""
    begun, samples = time.monotonic(), defaultdict(list)

    def run(number: int) -> None:
        rng = random.Random(f"{seed} {number}")
        while time.monotonic() < begun + seconds:
            with suppress(OSError):
                rng.choice(attacks.ALL)(target, rng)

    threads = [threading.Thread(target=run, args=(n,), daemon=True) for n in range(ATTACKERS)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        now = time.monotonic() - begun
        for name, pid in stack.pids.items():
            samples[name].append((now, held_mib(pid)))
        time.sleep(SAMPLE_SEC)
    return samples


def _faults_of(stack: LocalStack, target: attacks.Target, samples: Samples) -> list[str]:
    wrong = [f"{number} answers of {status}" for status, number in target.statuses.items() if status in (500, 502)]
    for name, series in samples.items():
        half = series[-1][0] / 2
        first, second = (
            max((mib for at, mib in series if (at > half) is later), default=0.0) for later in (False, True)
        )
        if second > GROWTH * first + SLACK_MIB:
            wrong.append(f"{name} grew from {first:.0f} to {second:.0f} MiB")
    wrong += checkers.memory({name: max(mib for _, mib in series) for name, series in samples.items()}, BOUND_MIB)
    ready = httpx.get(f"{stack.url}/readyz", timeout=60).json()
    wrong += [] if ready["status"] == "ok" else [f"readyz: {ready}"]
    return wrong + checkers.log(stack.administrator_url) + checkers.projections(stack.administrator_url)


def _report(samples: Samples, target: attacks.Target, seconds: float) -> None:
    _say("answers: " + ", ".join(f"{number:,} x {status or 'cut'}" for status, number in target.statuses.most_common()))
    _say(f"highest memory of one process, MiB, in each of {PARTS} parts of the time:")
    for name, series in sorted(samples.items()):
        parts = [[mib for at, mib in series if int(at * PARTS / seconds) == part] for part in range(PARTS)]
        _say(f"  {name:12} " + " ".join(f"{max(part, default=0.0):6.0f}" for part in parts))


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
