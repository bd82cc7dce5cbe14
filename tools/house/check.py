"""A check and its result: what exceeds a limit, by name and number."""

from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Excess:
    """One thing that exceeds a limit.

    Attributes:
        name: what it is called in ``allowed.toml``; without line numbers, which change.
        count: by how much it was measured: lines, methods, modules, places.
        place: where it is, as ``path:line`` or further words; empty where the name says it.
    """

    name: str
    count: int
    place: str = ""


@dataclass(frozen=True)
class Check:
    """One limit and everything that exceeds it; the title is a table of ``allowed.toml``."""

    title: str
    excesses: tuple[Excess, ...]
