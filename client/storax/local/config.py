"""What a stack consists of and where it keeps its data."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class StackConfig:
    """The configuration of one stack.

    Attributes:
        data: Data folder.
        port: Port of the API; None, the default, takes the last one used, or the next free one from 8360.
        site: Whether to run the local site; by default True.
        servers_only: Run Postgres and Valkey alone; by default False.
        fsync: False trades safety against power loss for speed, for tests; by default True.
    """

    data: Path
    port: int | None = None
    site: bool = True
    servers_only: bool = False
    fsync: bool = True
