"""Ids of commands that grow with time: each names a call that may be repeated, and its events in the log.

The log's index by command grows at its end, as the log does; a random id would touch a page of its own for each call.
"""

import os
import time
from uuid import UUID


def new_command_id() -> UUID:
    """Return a UUID of version 7 (RFC 9562, section 5.7): 48 bits of Unix time in milliseconds, then 74 random bits."""
    milliseconds, random = time.time_ns() // 1_000_000, int.from_bytes(os.urandom(10), "big")
    high, low = random >> 68, random & (1 << 62) - 1
    return UUID(int=milliseconds << 80 | 7 << 76 | high << 64 | 2 << 62 | low)
