"""What a job needs of a node: the one rule, for the packer at a site and for ``storax job explain``."""

from math import ceil

DEVICE = 1_000_000  # shares of one GPU; integers, so that a third three times is exactly one device


def cores(ranks: int, threads: int, threads_per_core: int) -> int:
    """Return the cores that it needs on each node."""
    return max(1, ceil(ranks * threads / threads_per_core))


def shares(gpus_per_rank: float, ranks: int) -> list[int]:
    """Return the devices that ``ranks`` ranks need, in shares: whole devices, and a part of one for each rank."""
    whole, part = _split(gpus_per_rank)
    return ([DEVICE] * whole + ([part] if part else [])) * ranks


def devices(gpus_per_rank: float, ranks: int) -> int:
    """Return how many GPUs a node must have: parts of two ranks share a device only where both fit."""
    whole, part = _split(gpus_per_rank)
    return ranks * whole + (ceil(ranks / (DEVICE // part)) if part else 0)


def _split(gpus_per_rank: float) -> tuple[int, int]:
    whole = int(gpus_per_rank)
    return whole, round((gpus_per_rank - whole) * DEVICE)
