"""What the workers of every system are given to do."""

import subprocess
import time


def increment(x: int) -> int:
    """A function with as good as no work: one argument, one result."""
    return x + 1


def process() -> int:
    """A process with as good as no work, for systems that run functions alone; its exit status."""
    return subprocess.call(["/bin/true"])


def function_started() -> float:
    """When this function began, by the clock of this machine."""
    return time.time()


def process_started() -> float:
    """When a process began, as it says itself."""
    return float(subprocess.check_output(["/bin/date", "+%s.%N"]))
