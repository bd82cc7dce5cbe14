"""Slurm's short form for many host names, as ``n[1-3,07],gpu-[1-2]-x``; ``scontrol show hostnames`` is not needed."""

import re
from itertools import product
from math import prod

from storax_agent.launch.nodes.clusters.base import NodesError

MOST = 65_536
PART = re.compile(r"([^\[\],]*)(?:\[([0-9,-]+)\])?")
WORD = re.compile(r"(?:[^\[\],]|\[[0-9,-]+\])+")  # what stands between commas outside brackets
SHAPE = re.compile(rf"(?:{WORD.pattern}(?:,|\Z))*")


def expand(text: str) -> list[str]:
    """The names, in order.

    Raises:
        NodesError: the text is no such list, or names more than 65,536 hosts.
    """
    if not SHAPE.fullmatch(text):
        raise NodesError(f"{text[:100]!r} is no list of nodes")
    parts = [_choices(word) for word in WORD.findall(text)]
    if sum(prod(map(len, choices)) for choices in parts) > MOST:
        raise NodesError(f"the node list {text[:100]!r} names more than {MOST} nodes")
    return ["".join(chosen) for choices in parts for chosen in product(*choices)]


def _choices(word: str) -> list[list[str]]:
    return [[match[1] + number for number in _numbers(match[2])] for match in PART.finditer(word) if match.group()]


def _numbers(ranges: str | None) -> list[str]:
    if ranges is None:
        return [""]
    padded: list[str] = []
    for piece in ranges.split(","):
        first, _, last = piece.partition("-")
        try:
            numbers = range(int(first), int(last or first) + 1)
        except ValueError:
            raise NodesError(f"[{ranges[:100]}] is no range of node numbers") from None
        if len(numbers) > MOST:
            raise NodesError(f"[{ranges[:100]}] names more than {MOST} nodes")
        padded += [str(number).zfill(len(first)) for number in numbers]
    return padded
