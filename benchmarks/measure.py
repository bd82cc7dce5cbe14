"""Timing, medians, interleaved rounds, and the table that is printed."""

import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROUNDS = 5


def median(values: Sequence[float]) -> float:
    """Return the median."""
    return statistics.median(values)


def timed(work: Callable[..., Any], *arguments: Any) -> float:
    """Return the seconds that one call takes."""
    begun = time.perf_counter()
    work(*arguments)
    return time.perf_counter() - begun


def p50_ms(work: Callable[[], Any], *, times: int = 200, warm: int = 20) -> float:
    """Return the median milliseconds of a call."""
    for _ in range(warm):
        work()
    return median([timed(work) for _ in range(times)]) * 1e3


def cpu_us(pid: int) -> float:
    """Return the CPU microseconds that all threads of a process have used."""
    ticks = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(ticks[11]) + int(ticks[12])) * 1e6 / os.sysconf("SC_CLK_TCK")


def backend_us(pid: int) -> float:
    """Return the CPU microseconds of a single-threaded process, at a finer resolution than ``cpu_us``."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e3


def resident_mb(pid: int) -> float:
    """Return the peak resident memory of a process, in MiB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024


def forget_peak(pid: int) -> None:
    """Have the peak of a process' memory begin anew, so that what ran before hides no growth."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def progress(text: str) -> None:
    """Print to stderr what is being measured."""
    print(f"bench: {text}", file=sys.stderr, flush=True)


def interleaved(works: dict[str, Callable[[], float]], rounds: int = ROUNDS) -> dict[str, float]:
    """Run each function once per round, in turn, and return the medians of their figures by name."""
    seen: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            seen[name].append(work())
    return {name: median(values) for name, values in seen.items()}


@dataclass
class Row:
    """One line of the table: a target's number, what was measured, the figure, the bar, whether it was reached."""

    number: str
    what: str
    figure: str
    bar: str
    reached: bool | None = None

    def text(self) -> str:
        """Return the row as Markdown."""
        mark = {True: "yes", False: "**no**", None: "-"}[self.reached]
        return f"| {self.number} | {self.what} | {self.figure} | {self.bar} | {mark} |"


@dataclass
class Table:
    """All rows so far, each printed as it comes, and ``sections`` of text to follow them."""

    rows: list[Row] = field(default_factory=list)
    sections: list[str] = field(default_factory=list)

    def add(self, number: str, what: str, figure: str, bar: str, *, reached: bool | None = None) -> None:
        """Add and print a row."""
        row = Row(number, what, figure, bar, reached)
        self.rows.append(row)
        print(row.text(), flush=True)

    def text(self) -> str:
        """Return the whole table as Markdown."""
        return "\n".join([self.head, *(row.text() for row in self.rows), *self.sections]) + "\n"

    @property
    def head(self) -> str:
        """Return the first two lines of the table."""
        return "| # | what | measured | bar | reached |\n|---|---|---|---|---|"


def machine(postgres: str, redis: str) -> str:
    """Return the size of this machine and the versions that the figures depend on."""
    cores, memory = os.cpu_count(), os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    names = ("asyncpg", "fastapi", "uvicorn", "httpx", "pydantic", "sqlmodel", "redis", "orjson")
    parts = [f"{cores} cores, {memory:.0f} GiB, {platform.system()} {platform.machine()}"]
    parts += [f"Python {platform.python_version()}, PostgreSQL {postgres}, {redis}"]
    parts += [", ".join(f"{n} {version(n)}" for n in names)]
    return "; ".join(parts)
