"""The frozen schemas of the log: add what is declared anew, change nothing that is there."""

from pathlib import Path

import orjson

from storax_core.log.schemas import FILE, Schemas, breaches, extended

AS_WRITTEN = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE


def rendered(frozen: Schemas) -> bytes:
    """The file with today's declarations added. Raises ValueError where they contradict what was frozen."""
    if wrong := breaches(frozen):
        raise ValueError("\n".join(wrong))
    return orjson.dumps(extended(frozen), option=AS_WRITTEN)


def write(path: Path = FILE) -> bool:
    """Bring the file up to date; returns whether it changed."""
    before = path.read_bytes()
    after = rendered(orjson.loads(before))
    path.write_bytes(after)
    return after != before
